from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch import geo
from flightwatch.sources import columns, condition
from flightwatch.sources import pace as pacing
from flightwatch.sources.condition import judge
from flightwatch.sources.pace import Pace, Rule
from flightwatch.sources.plan import Capability, needed, plan
from flightwatch.sources.v2 import PROVIDERS

LIBYA = [(21, 16, 250), (22, 23, 250), (23, 11, 250), (27, 18, 250), (29, 25, 250),
         (30, 12, 250), (32, 33, 250), (34, 19, 250), (36, 27, 250), (37, 32, 250)]  # fmt: skip
TYPES = [*("IL76", "A124", "A225", "AN12", "AN22", "AN26", "AN32", "AN72"),
         *("IL18", "IL62", "IL96", "T154", "T204", "A148", "A50", "IL38")]  # fmt: skip


def test_cargo_types_military_and_the_region_take_twelve_requests() -> None:
    found = plan(PROVIDERS["adsblol"].can, types=TYPES, military=True, circles=LIBYA)

    assert len(found.requests) == 12
    assert found.requests[0].startswith("/v2/type/A124,A148,")
    assert found.requests[1] == "/v2/mil"
    assert "/v2/point/29/25/250" in found.requests
    assert found.gaps == ()


def test_the_ten_circles_leave_no_hole_over_libya_and_the_eastern_mediterranean() -> None:
    lat, lon = np.meshgrid(np.arange(19.5, 37.01, 0.25), np.arange(9.5, 36.01, 0.25))
    inside = ((lat <= 33.5) & (lon <= 25.5)) | ((lat >= 30) & (lon >= 18))

    nearest = np.min([geo.distance(lat, lon, a, b) for a, b, _ in needed(LIBYA)], axis=0)

    assert nearest[inside].max() <= 250


circle = st.tuples(
    st.floats(-80, 80, allow_nan=False), st.floats(-179, 179, allow_nan=False), st.floats(1, 250, allow_nan=False)
)


@settings(max_examples=50, deadline=None)
@given(st.lists(circle, min_size=1, max_size=8))
def test_leaving_circles_out_never_opens_a_hole(circles: list[tuple[float, float, float]]) -> None:
    kept = needed(circles)

    for lat, lon, radius in circles:
        for bearing in range(0, 360, 30):
            there = geo.destination(lat, lon, bearing, radius * 0.99)
            assert any(float(geo.distance(*there, a, b)) <= r + 1e-6 for a, b, r in kept)
    assert len(kept) <= len(circles)
    assert needed(kept) == kept


def test_long_lists_are_cut_and_what_a_provider_lacks_is_a_gap() -> None:
    can = Capability(addresses="/v2/icao/{}", military="/v2/mil")

    found = plan(can, types=["IL76"], military=True, addresses=[f"{i:06x}" for i in range(1, 251)], circles=LIBYA)

    assert len([r for r in found.requests if r.startswith("/v2/icao/")]) == 3
    assert found.gaps == ("cannot be asked for aircraft types", "cannot be asked for areas")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["ok", "empty", "rate_limited", "server", "timeout", "blocked"]), max_size=30),
    st.randoms(),
)
def test_whatever_happens_the_pace_is_kept_over_restarts(outcomes: list[str], random: Any) -> None:
    rule, now, pace, sent = Rule(2.0, budget=20), 1_763_800_000.0, Pace(), []

    for outcome in outcomes:
        wait, why = pacing.pause(pace, rule, now)
        pace = Pace.from_record(pace.to_record())  # a restart
        assert pacing.pause(pace, rule, now) == (wait, why)
        assert 0 <= wait <= 86_400
        now += wait
        assert pacing.pause(pace, rule, now)[0] == pytest.approx(0, abs=1e-6)
        pace = pacing.asked(pace, now)
        sent.append(now)
        pace = pacing.answered(pace, rule, now, outcome, jitter=random.random())
        assert pace.until <= now + 1.25 * 900

    assert (np.diff(sent) >= 2.0 - 1e-6).all()
    days = pd.Series(np.array(sent) // 86_400).value_counts()
    assert days.empty or days.max() <= 20


def test_a_clock_set_back_does_not_silence_a_source() -> None:
    pace = pacing.asked(Pace(), 1_763_800_000.0)

    assert pacing.pause(pace, Rule(2.0), 1_763_700_000.0) == (2.0, "")


def test_a_record_nobody_can_read_is_a_fresh_start() -> None:
    assert Pace.from_record({"asked": "soon"}) == Pace.from_record(None) == Pace()


def polls(outcomes: list[str], kept: list[int] | None = None, query: str = "/v2/mil") -> pd.DataFrame:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    numbers = kept or [100 if o == "ok" else 0 for o in outcomes]
    return pd.DataFrame(
        {
            "source": "adsblol",
            "query": query,
            "started": [start + timedelta(minutes=i) for i in range(len(outcomes))],
            "outcome": outcomes,
            "kept": numbers,
            "note": ["" if o in condition.GOOD else f"HTTP trouble {o}" for o in outcomes],
            "planned": True,
        }
    )


def state(frame: pd.DataFrame) -> tuple[str, str]:
    (found,) = judge(frame)
    return found.state, found.words


def test_an_empty_answer_three_times_is_degraded_and_once_is_not() -> None:
    assert state(polls(["ok"] * 20 + ["empty"] * 2)) == ("fine", "")
    assert state(polls(["ok"] * 20 + ["empty"] * 3)) == (
        "degraded",
        "/v2/mil: empty 3 times in a row, usually 100 aircraft",
    )
    assert state(polls(["empty"] * 30)) == ("fine", "")


def test_half_a_feed_is_degraded() -> None:
    assert state(polls(["ok"] * 21, [100] * 20 + [29])) == ("degraded", "/v2/mil: 29 aircraft, usually 100")
    assert state(polls(["ok"] * 21, [100] * 20 + [31])) == ("fine", "")


def test_a_good_answer_with_a_reservation_is_degraded_and_a_recording_at_its_end_is_not() -> None:
    late = polls(["ok"] * 5)
    late.loc[3:, "note"] = "its clock is 3600 s ahead of ours"
    over = polls(["ok"] * 5 + ["empty"])
    over.loc[5, "note"] = "everything has been played"

    assert state(late) == ("degraded", "its clock is 3600 s ahead of ours")
    assert judge(late)[0].since == late["started"].iloc[3]
    assert state(over) == ("fine", "")


def test_a_feed_that_fails_is_down_in_its_own_words() -> None:
    assert state(polls(["ok"] * 5 + ["server"])) == ("degraded", "HTTP trouble server")
    assert state(polls(["ok"] * 5 + ["server"] * 3))[0] == "down"
    assert state(polls(["ok"] * 5 + ["blocked"]))[0] == "down"
    assert state(polls(["server"] * 5 + ["ok"])) == ("fine", "")
    assert judge(polls(["server"] * 5))[0].since == pd.Timestamp("2026-01-01", tz="UTC")


def test_history_says_nothing_about_a_feed() -> None:
    frame = polls(["bad_schema"] * 5)
    frame["planned"] = False

    assert judge(frame) == []


def test_categories_have_one_dtype_whatever_pandas_thinks_of_strings() -> None:
    assert columns.constant("x", 2).categories.dtype == object
    assert columns.texts(["a", "b"]).categories.dtype == object
