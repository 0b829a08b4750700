"""Reads a Parquet or CSV of `explore.to_traffic_frame` into `traffic`, and checks what came in.

    python -m venv other && other/bin/pip install "pandas<3" "traffic==2.13.*"
    flightwatch export tracks --format parquet > tracks.parquet
    other/bin/python tests/interop/traffic_frame.py tracks.parquet

Self-contained, because traffic 2.13 does not import with pandas 3 (xoolive/traffic#537), and its files can be read
without flightwatch.
"""

from __future__ import annotations

import sys

import pandas as pd


def main(path: str) -> None:
    from traffic.core import Traffic

    frame = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path, dtype={"icao24": str})
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
    made = Traffic(frame)

    legs = frame["flight_id"].nunique()
    assert len(made) == legs, f"{len(made)} flights in traffic, {legs} in the file"
    for flight in made:
        own = frame[frame["flight_id"] == flight.flight_id]
        assert len(flight.data) == len(own), flight.flight_id
        assert flight.icao24 == own["icao24"].iloc[0], flight.flight_id
        length = flight.cumulative_distance().data["cumdist"].max()
        assert 0 <= length < 10_000, f"{flight.flight_id}: {length} NM"
    print(f"{legs} flights, {len(frame)} fixes: {made.airborne()}")


if __name__ == "__main__":
    main(sys.argv[1])
