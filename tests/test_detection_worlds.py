"""The detector on a small world with known truth: it keeps its stated rate and finds what it should."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.detection import metrics, product
from benchmarks.detection.scenario import Recipe, World, without_events, world

pytestmark = pytest.mark.slow

SMALL = Recipe(routes=400)
RATE = 1.0
"""The stated rate. 400 routes for 200 days are some 200 route-years: 1.0 is counted to 7 %."""


@cache
def judged(events: bool) -> tuple[World, product.Judged]:
    w = world(SMALL if events else without_events(SMALL), 71 + events)
    return w, product.judge(w, 0, rate=RATE)


def test_on_an_event_free_world_it_opens_about_as_many_episodes_as_stated() -> None:
    w, mine = judged(False)

    realised = metrics.false_rate(mine.scores[product.PRODUCT], w, mine.model.threshold)

    assert RATE / 1.6 < realised < RATE * 1.4


def test_it_finds_the_events_by_its_own_threshold() -> None:
    w, mine = judged(True)

    found = metrics.found(mine.scores[product.PRODUCT], w, mine.model.threshold)

    # The bar of eight large worlds is 0.87; the standard error of 80 events is 0.04.
    assert found["recall"] > 0.87 - 2 * 0.04
    assert metrics.false_rate(mine.scores[product.PRODUCT], w, mine.model.threshold) < RATE * 1.4


def test_probabilities_hold_on_an_event_free_world() -> None:
    w, mine = judged(False)
    p = mine.model.calibration.probability(mine.scores[product.BOTH][w.train_end :])

    for alpha in (0.1, 0.01):
        assert (p <= alpha).mean() == pytest.approx(alpha, rel=0.4)
    assert p.min() >= 3e-4


def test_a_naive_forest_on_counts_does_far_worse() -> None:
    from benchmarks.detection.competitors import raw_forest

    w, mine = judged(True)
    calm, quiet = judged(False)
    ours = metrics.threshold([quiet.scores[product.PRODUCT]], [calm], 0.3)
    theirs = metrics.threshold([raw_forest(calm, 0)], [calm], 0.3)

    found = metrics.found(mine.scores[product.PRODUCT], w, ours)["recall"]
    naive = metrics.found(raw_forest(w, 0), w, theirs)["recall"]

    assert found > naive + 0.3
    assert np.isfinite(ours)
