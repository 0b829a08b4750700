"""What is refused, what is marked, and that neither depends on the order of the rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightwatch import crowds, ingest, motion, units

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)


def rows(n: int = 1, **columns) -> pd.DataFrame:
    """n fixes, 10 s apart, of an aircraft flying north at 450 kt; `columns` override."""
    start = units.millis(NOW) - n * 10_000
    frame = pd.DataFrame(
        {
            "address": np.full(n, 0x140A1F, dtype="uint32"),
            "time": units.instants(start + np.arange(n) * 10_000),
            "latitude": 34.0 + np.arange(n) * 450 / 360 / 60,
            "longitude": 20.0,
            "altitude": 33000.0,
            "groundspeed": 450.0,
            "track": 0.0,
            "source": "test",
        }
    )
    return frame.assign(**columns)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"address": 0}, "no ICAO address"),
        ({"address": 0xFFFFFF}, "no ICAO address"),
        ({"latitude": np.nan}, "no position"),
        ({"latitude": np.inf}, "no position"),
        ({"latitude": 1e300}, "impossible position"),
        ({"latitude": 90.0}, "impossible position"),
        ({"longitude": 180.5}, "impossible position"),
        ({"latitude": 0.0, "longitude": 0.0}, "impossible position"),
        ({"latitude": 0.0, "longitude": -90.0}, "impossible position"),
        ({"time": pd.Timestamp("1970-01-01", tz="UTC")}, "impossible time"),
        ({"time": pd.NaT}, "impossible time"),
        ({"time": NOW + timedelta(minutes=5)}, "clock ahead of ours"),
        ({"time": NOW - timedelta(hours=2)}, "too old for a live answer"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_reason(columns, reason):
    good, bad = rows(), rows().assign(**columns)

    kept, refused = ingest.clean(pd.concat([bad, good]), received=NOW)

    assert len(kept) == 1
    assert dict(refused) == {reason: 1}


def test_history_has_no_clock_to_hold_against():
    kept, refused = ingest.clean(rows(5))

    assert len(kept) == 5
    assert not refused


@pytest.mark.parametrize(("name", "value"), [("altitude", 200_000.0), ("groundspeed", 5000.0), ("groundspeed", np.inf)])
def test_an_impossible_value_is_blanked_and_the_row_stays(name, value):
    kept, refused = ingest.clean(rows(3, **{name: value}))

    assert len(kept) == 3
    assert kept[name].isna().all()
    assert refused[f"{name} out of range (value)"] == 3


def test_the_better_position_of_one_instant_stays_whatever_the_order():
    mlat, adsb = rows(1, position_type="mlat", latitude=34.1), rows(1, position_type="adsb_icao")

    one, refused = ingest.clean(pd.concat([mlat, adsb]))
    other, _ = ingest.clean(pd.concat([adsb, mlat]))

    assert one["position_type"].tolist() == other["position_type"].tolist() == ["adsb_icao"]
    assert refused == {"same airframe and instant": 1}


def test_cleaning_twice_is_cleaning_once():
    once, _ = ingest.clean(rows(50, latitude=np.where(np.arange(50) == 20, 50.0, 34 + np.arange(50) * 0.02)))

    twice, refused = ingest.clean(once)

    pd.testing.assert_frame_equal(once, twice)
    assert not refused


def test_a_single_jump_is_marked_and_the_rest_of_the_day_is_not():
    flight = rows(200)
    flight.loc[100, "latitude"] += 3

    kept, _ = ingest.clean(flight)

    assert kept.index[kept["suspect"] & motion.TELEPORT > 0].tolist() == [100]


def test_mlat_scatter_is_told_from_teleports():
    flight = rows(200, position_type="mlat")
    flight.loc[100, "longitude"] += 1

    kept, _ = ingest.clean(flight)

    assert kept["suspect"].tolist()[100] == motion.SCATTER


def test_a_spoofed_stretch_is_marked_from_jump_to_jump():
    flight = rows(600)
    flight.loc[200:399, ["latitude", "longitude", "groundspeed"]] = [33.82, 35.49, 3.0]

    kept, _ = ingest.clean(flight)

    marked = kept.index[kept["suspect"] & (motion.TELEPORT | motion.STALE) > 0]
    assert marked.min() == 200
    assert marked.max() == 399
    assert len(marked) == 200


def test_two_aircraft_with_one_address_are_told_apart():
    one, two = rows(300), rows(300, longitude=40.0, altitude=12000.0)
    two["time"] += timedelta(seconds=3)

    kept, _ = ingest.clean(pd.concat([one, two]))

    assert (kept["suspect"] & motion.DUPLICATE > 0).all()


def test_a_position_held_by_the_source_is_stale_but_a_parked_aircraft_is_not():
    flight = rows(10)
    flight.loc[5:, "latitude"] = flight["latitude"][4]
    parked = rows(10, address=0x140B00, latitude=55.0, onground=True, groundspeed=0.0)

    kept, _ = ingest.clean(pd.concat([flight, parked]))

    assert kept.groupby("address")["suspect"].apply(lambda s: int((s == motion.STALE).sum())).tolist() == [5, 0]


def test_many_airframes_on_one_spot_at_cruise_heights_are_a_spoof_cluster():
    crowd = pd.concat([rows(1, address=0x700000 + i, latitude=33.82, altitude=20000.0 + i * 2000) for i in range(6)])
    elsewhere = rows(1, address=0x710000)

    kept, _ = ingest.clean(pd.concat([crowd, elsewhere]), received=NOW)

    marked = kept[kept["suspect"] & motion.CLUSTER > 0]["address"].tolist()
    assert marked == [0x700000 + i for i in range(6)]


EDGE = 0.16  # degrees: squares searched for other airframes


@given(
    st.integers(-500, 500).flatmap(lambda n: st.floats(-0.006, 0.006).map(lambda d: n * EDGE + d)),
    st.integers(-1100, 1100).flatmap(lambda n: st.floats(-0.006, 0.006).map(lambda d: n * EDGE + d)),
    st.lists(st.tuples(st.floats(0, 0.0049), st.floats(0, 0.0049)), min_size=5, max_size=7),
)
def test_a_crowd_is_found_on_the_edges_of_squares_too(latitude, longitude, places):
    columns = {
        "address": np.arange(1, len(places) + 1, dtype=np.uint32),
        "time": np.full(len(places), units.millis(NOW)),
        "latitude": latitude + np.array([y for y, _ in places]),
        "longitude": longitude + np.array([x for _, x in places]),
        "altitude": (20_000.0 + 2_000 * np.arange(len(places))).astype("float32"),
    }

    assert crowds.find(columns).all()
    assert not crowds.find({name: values[:4] for name, values in columns.items()}).any()


def test_gliders_in_a_thermal_and_planes_on_final_are_no_cluster():
    thermal = pd.concat([rows(1, address=0x3D0000 + i, altitude=5000.0 + i * 200, groundspeed=55.0) for i in range(9)])
    final = pd.concat(
        [rows(1, address=0x4B0000 + i, latitude=47.4, altitude=4000.0) for i in range(6)], ignore_index=True
    )
    final["time"] -= pd.to_timedelta(np.arange(6) * 120, unit="s")

    kept, _ = ingest.clean(pd.concat([thermal, final]))

    assert (kept["suspect"] == 0).all()


def test_low_integrity_is_marked_and_unknown_integrity_is_not():
    kept, _ = ingest.clean(rows(3, nic=[-1, 4, 8]))

    assert kept["suspect"].tolist() == [0, motion.LOW_INTEGRITY, 0]


def test_heard_counts_airframes_once_per_cell_hour_and_source():
    frame, _ = ingest.clean(pd.concat([rows(30), rows(1, address=0x700001), rows(1, address=0x700002, longitude=22.5)]))

    found = ingest.heard(frame)

    assert found["aircraft"].tolist() == [2, 1]
    assert found["cell"].tolist() == ["34,20", "34,22"]


def test_an_empty_batch_is_an_empty_batch():
    kept, refused = ingest.clean(rows(1).iloc[:0])

    assert kept.empty
    assert not refused
    assert ingest.heard(kept).empty


def test_real_days_are_hardly_marked(real_data):
    for name in ("collections/switzerland.json.gz", "firefighting/calfire.json.gz"):
        raw = pd.read_json(real_data / "traffic_samples" / "samples" / name).dropna(subset=["latitude", "longitude"])
        frame = raw.assign(
            address=raw["icao24"].astype(str).map(lambda x: int(x, 16)),
            time=pd.to_datetime(raw["timestamp"], unit="ms", utc=True),
            source="test",
        )
        kept, _ = ingest.clean(frame)
        moved = kept["suspect"] & (motion.TELEPORT | motion.DUPLICATE | motion.CLUSTER)
        assert (moved > 0).mean() < 0.001
