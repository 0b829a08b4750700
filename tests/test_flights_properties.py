"""What must hold for any traffic: order, repetition and splitting of the input change nothing; nothing counts twice."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flightwatch import airports, flights, geo, motion, units
from flightwatch.flights import legs

START = 1_733_000_000_000
FIELDS = ("UUWW", "UMMS", "HLLB", "HL59", "LTBA", "OSLK", "UUEE", "HECA")
SLOW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def leg(origin: str, goal: str, start_s: float, address: int, step: float, callsign: str) -> pd.DataFrame:
    """A flight in straight lines: five minutes of taxiing at both ends, 430 kt between."""
    a, b = airports.load().find(origin), airports.load().find(goal)
    total = float(geo.distance(a.latitude, a.longitude, b.latitude, b.longitude))
    air_s = total / 430 * 3600
    at = np.arange(0, air_s, step)
    lat, lon = geo.interpolate(a.latitude, a.longitude, b.latitude, b.longitude, at / air_s)
    miles = at / 3600 * 430
    height = np.minimum(33000, np.minimum(a.elevation_ft + miles * 250, b.elevation_ft + (total - miles) * 318))
    taxi = np.arange(0, 300, 30.0)
    return pd.DataFrame(
        {
            "time": units.instants(
                START + ((start_s + np.concatenate([taxi, 300 + at, 310 + air_s + taxi])) * 1000).astype("int64")
            ),
            "latitude": np.concatenate([np.full(10, a.latitude), lat, np.full(10, b.latitude)]),
            "longitude": np.concatenate([np.full(10, a.longitude), lon, np.full(10, b.longitude)]),
            "altitude": np.concatenate([np.full(10, np.nan), height, np.full(10, np.nan)]),
            "groundspeed": np.concatenate([np.full(10, 8.0), np.full(len(at), 430.0), np.full(10, 8.0)]),
            "track": np.concatenate([np.zeros(10), geo.bearing(lat, lon, b.latitude, b.longitude), np.zeros(10)]),
            "onground": np.concatenate([np.ones(10), np.zeros(len(at)), np.ones(10)]).astype(bool),
            "address": np.uint32(address),
            "callsign": callsign,
            "source": "test",
        }
    )


@st.composite
def traffic(draw) -> pd.DataFrame:
    """Up to three airframes, each with up to four flights from where it last landed, some seen only in part."""
    parts = []
    for n in range(draw(st.integers(1, 3))):
        here = draw(st.sampled_from(FIELDS))
        clock = draw(st.integers(0, 40_000))
        for k in range(draw(st.integers(1, 4))):
            goal = draw(st.sampled_from([f for f in FIELDS if f != here]))
            flight = leg(here, goal, clock, 0x140000 + n, draw(st.sampled_from([60.0, 90.0])), f"RFF{n}{k}")
            low, high = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
            if draw(st.booleans()) and high - low > 0.3:  # dark at the ends
                flight = flight.iloc[int(low * len(flight)) : int(high * len(flight))]
            if draw(st.booleans()):  # a hole somewhere
                at = int(draw(st.floats(0, 1)) * len(flight))
                flight = flight.drop(flight.index[at : at + draw(st.integers(1, 40))])
            if draw(st.integers(0, 5)) == 0 and len(flight) > 20:  # a position from elsewhere
                at = flight.index[int(draw(st.floats(0, 0.99)) * len(flight))]
                flight.loc[at, ["latitude", "longitude"]] = [33.82, 35.49]
            parts.append(flight)
            clock += 700 + int(draw(st.sampled_from([2400, 9000, 40_000, 300_000])))
            clock += int(geo.distance(*_place(here), *_place(goal)) / 430 * 3600)
            here = goal
    return pd.concat(parts, ignore_index=True)


def _place(code: str) -> tuple[float, float]:
    field = airports.load().find(code)
    return field.latitude, field.longitude


@SLOW
@given(traffic(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)

    pd.testing.assert_frame_equal(flights.build(rows), flights.build(rows.iloc[order]))


@SLOW
@given(traffic())
def test_twice_is_once(rows):
    pd.testing.assert_frame_equal(flights.build(rows), flights.build(pd.concat([rows, rows])))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic(), st.floats(0, 1))
def test_fed_in_two_parts_the_same_flights_come_out(rows, share):
    first, last = rows["time"].min(), rows["time"].max()
    at = first + (last - first) * share
    early, late = rows[rows["time"] < at], rows[rows["time"] >= at]
    whole = flights.build(rows)

    begun = flights.build(early)
    kept = flights.tail(early, begun)
    rest = flights.build(pd.concat([kept, late]))

    since = rest.groupby("icao24")["firstseen"].min()
    settled = begun[~(begun["firstseen"] >= pd.to_datetime(begun["icao24"].map(dict(since)), utc=True))]
    both = pd.concat([settled, rest]).sort_values(["icao24", "firstseen"], ignore_index=True)
    pd.testing.assert_frame_equal(both, whole)


@SLOW
@given(traffic())
def test_no_fix_is_in_two_flights_and_none_is_invented(rows):
    found = flights.build(rows)

    assert found["points"].sum() <= len(rows)
    for _, mine in found.groupby("icao24"):
        mine = mine.sort_values("firstseen")
        assert (mine["firstseen"].iloc[1:].to_numpy() > mine["lastseen"].iloc[:-1].to_numpy()).all()
    assert not found["flight_id"].duplicated().any()


@SLOW
@given(traffic())
def test_candidates_are_probabilities_and_the_best_is_among_them(rows):
    found = flights.build(rows)

    for side in ("departure", "arrival"):
        for flight in found.itertuples():
            candidates = getattr(flight, f"{side}_candidates")
            assert all(0 < p <= 1 for p in candidates.values())
            assert sum(candidates.values()) <= 1.001
            best = getattr(flight, f"est{side}airport")
            assert best == "" or candidates[best] == max(candidates.values())


@SLOW
@given(traffic())
def test_a_second_look_at_what_was_built_together_changes_nothing(rows):
    found = flights.build(rows)

    again, updates = flights.revise(found)

    assert updates.empty
    pd.testing.assert_frame_equal(again, found)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([5, 60, 299, 300, 301, 900]), st.integers(1, 40)), min_size=1, max_size=30
    ),
    starts=st.sets(st.integers(1, 900), max_size=12),
    copies=st.sampled_from([1, 400]),
)
def test_silences_found_by_looks_are_those_of_every_row(
    steps: list[tuple[int, int]], starts: set[int], copies: int
) -> None:
    elapsed = np.tile(np.repeat(*np.array(steps, dtype=np.int64).T) * 1000, copies)
    begin = np.array(sorted(s for s in starts if s < len(elapsed)), dtype=np.int64)
    for row in begin.tolist():  # another airframe, heard from an earlier time
        elapsed[row] = -elapsed[:row].sum() + row % 3
    time = np.cumsum(elapsed)

    found = legs._silences(time, begin)

    within = found[~np.isin(found, begin)].tolist()
    every = np.flatnonzero(np.diff(time) > legs.SILENCE_MS) + 1
    assert within == every[~np.isin(every, begin)].tolist()


@settings(max_examples=60, deadline=None)
@given(runs=st.lists(st.integers(1, 3000), max_size=40))
def test_airframes_begin_where_the_address_changes(runs: list[int]) -> None:
    address = np.repeat(np.arange(len(runs), dtype=np.uint32) * 7, runs)

    assert legs.starts(address).tolist() == np.cumsum([0, *runs])[:-1].tolist()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32 - 1),
    step_s=st.sampled_from([2, 12, 60, 300]),
    rate=st.sampled_from([0.0, 0.001, 0.05]),
    block=st.sampled_from([7, 100, motion.BLOCK]),
)
def test_jumps_and_held_positions_are_those_of_every_pair(seed: int, step_s: int, rate: float, block: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 900))
    speed = rng.choice([0.0, 8.0, 200.0, 460.0, 800.0, np.nan], n).astype(np.float32)
    jump = (rng.random(n) < rate) * rng.normal(0, 1, n)
    moved = rng.random(n) > 0.1
    rows = {
        "address": np.sort(rng.integers(0, 4, n)).astype(np.uint32),
        "time": np.cumsum(rng.integers(1, 2 * step_s * 1000, n)),
        "latitude": np.cumsum(moved * rng.uniform(0, 1.4, n) * step_s / 3600 * 8) % 80 + jump,
        "longitude": np.cumsum(moved * rng.uniform(0, 1.4, n) * step_s / 3600 * 8) % 170,
        "groundspeed": speed,
        "onground": rng.random(n) < 0.2,
        "mlat": rng.random(n) < 0.2,
    }
    now = np.arange(1, n)
    pair = rows["address"][1:] == rows["address"][:-1]
    still = (rows["latitude"][1:] == rows["latitude"][:-1]) & (rows["longitude"][1:] == rows["longitude"][:-1])
    moving = ~rows["onground"][1:] & ~(speed[1:] <= motion.MOVING_KT)

    with patch.object(motion, "BLOCK", block):
        held, far = motion.scan(rows)

    assert held.tolist() == now[pair & still & moving].tolist()
    assert far.tolist() == now[pair & ~motion.reachable(rows, now - 1, now)].tolist()
