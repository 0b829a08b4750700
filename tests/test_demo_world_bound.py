"""The judge who knows the true rate: what is strange to it, and how often ordinary flights pass its threshold."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.demo_world import bound
from flightwatch.detection.calibration import openings


def test_flights_close_together_are_stranger_than_flights_apart_and_none_are_not_strange() -> None:
    close, apart, none = np.zeros((3, 60))
    close[[50, 52, 54]] = apart[[14, 34, 54]] = 1.0

    found = bound.strangeness(np.stack([close, apart, none], axis=1))[54]

    assert found[0] > found[1] > found[2] == 0


def test_ordinary_flights_pass_the_threshold_as_often_as_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bound, "YEARS", 400)
    at = bound.threshold(0.5)
    flights = np.random.default_rng(9).poisson(bound.WEEKLY / 7, (365, 400)).astype(float)

    opened = openings(bound.strangeness(flights) > at, 14).sum() / 400

    assert 0.1 < opened <= 0.6
