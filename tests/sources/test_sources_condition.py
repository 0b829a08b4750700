"""What a source's polls say about it."""

from __future__ import annotations

import pandas as pd
import pytest

from flightwatch.sources import condition


def polls(kept: list[int]) -> pd.DataFrame:
    started = pd.date_range("2024-12-10", periods=len(kept), freq="min", tz="UTC")
    outcome = ["ok" if n else "empty" for n in kept]
    return pd.DataFrame({"source": "feed", "query": "/v2/mil", "started": started, "outcome": outcome, "kept": kept})


@pytest.mark.parametrize(
    ("kept", "state"),
    [
        ([40] * 12 + [0] * 3, "degraded"),
        ([40] * 12 + [0] * 2, "fine"),
        ([40] * 12 + [9], "degraded"),
        ([40] * 12 + [13], "fine"),
        ([1] * 12 + [0] * 13, "fine"),  # the one aircraft that flew has landed
        ([15, 0, 0] * 10 + [0] * 5, "fine"),  # a place that is empty more often than not
        ([15] * 9 + [0] * 5, "fine"),  # too short a past to know
    ],
)
def test_an_empty_sky_is_odd_only_where_it_hardly_ever_is(kept: list[int], state: str) -> None:
    (found,) = condition.judge(polls(kept))

    assert found.state == state
