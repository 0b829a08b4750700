"""Tracks survive packing, and the packing keeps what matters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch import tracks, units


def _flight(n: int = 600, step_s: float = 5.0) -> pd.DataFrame:
    at = np.arange(n)
    return pd.DataFrame(
        {
            "time": units.instants(1_700_000_000_000 + (at * step_s * 1000).astype("int64")),
            "latitude": 55.0 - at * 0.01,
            "longitude": 37.0 - at * 0.005,
            "altitude": np.minimum(at * 100.0, 33000.0),
            "groundspeed": 420.0,
            "track": 205.0,
            "vertical_rate": np.where(at < 330, 1200.0, 0.0),
            "onground": at < 5,
        }
    )


def test_a_track_comes_back_within_its_steps():
    flight = _flight()

    back = tracks.decode(tracks.encode(flight))

    same = flight.merge(back, on="time", suffixes=("", "_back"))
    assert len(same) == len(back)
    assert (same["latitude"] - same["latitude_back"]).abs().max() < 1e-5
    assert (same["altitude"] - same["altitude_back"]).abs().max() <= 12.5
    assert same["geoaltitude"].isna().all()
    assert (same["onground"] == same["onground_back"]).all()


def test_a_long_level_stretch_becomes_a_point_a_minute_and_stays_small():
    flight = _flight(4000)

    data = tracks.encode(flight)

    assert len(tracks.decode(data)) < 470
    assert len(data) < 2500


def test_both_edges_of_a_silence_and_both_ends_stay():
    flight = _flight(400)
    flight = flight[(flight.index < 351) | (flight.index >= 393)]

    kept = set(tracks.decode(tracks.encode(flight))["time"])

    assert {flight["time"].iloc[0], flight["time"].iloc[-1], flight["time"][350], flight["time"][393]} <= kept


def test_foreign_bytes_are_refused_by_name():
    with pytest.raises(ValueError, match="not a track"):
        tracks.decode(b"PNG")


@settings(deadline=None)  # others may use the machine at the same time
@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=30))
def test_any_positions_in_any_order_come_back_in_order_of_time(rows):
    rows = list({r[0]: r for r in rows}.values())
    frame = pd.DataFrame(rows, columns=["time", "latitude", "longitude"])
    frame["time"] = units.instants(frame["time"])

    back = tracks.decode(tracks.encode(frame))

    assert back["time"].is_monotonic_increasing
    assert back["time"].iloc[0] == frame["time"].min()
    assert back["time"].iloc[-1] == frame["time"].max()
    assert back["altitude"].isna().all()
