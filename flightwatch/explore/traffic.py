"""Hand-over to the `traffic` library: its column names and types, without depending on it.

traffic 2.13 cannot be imported with pandas 3 (xoolive/traffic#537); use it in an environment with pandas < 3 and pass
the frame as Parquet or CSV. `Traffic(frame)` then just works.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from flightwatch.explore.tables import TRACK_COLUMNS
from flightwatch.plots.picture import decoded
from flightwatch.units import INSTANT


def to_traffic_frame(flights: pd.DataFrame) -> pd.DataFrame:
    """All fixes of the flights in one frame with the columns `traffic.core.Traffic` reads.

    `flights` are FLIGHT rows with their `track`; a flight without one gives no rows. Altitudes in feet (0 on the
    ground, as in `traffic`), speeds in knots, vertical rates in ft/min, `timestamp` aware UTC in nanoseconds, one
    `flight_id` per leg so that legs of one airframe stay apart.
    """
    parts = [one(flight) for flight in flights.to_dict("records")]
    parts = [part for part in parts if len(part)]
    if not parts:
        return empty()
    frame = pd.concat(parts, ignore_index=True)
    frame["timestamp"] = frame["timestamp"].astype("datetime64[ns, UTC]")
    frame["altitude"] = frame["altitude"].where(~frame["onground"].astype(bool), 0.0)
    return frame


def one(flight: dict[Any, Any]) -> pd.DataFrame:
    """The fixes of one flight; `timestamp` to the millisecond, altitude NaN on the ground."""
    track = decoded(flight.get("track"))
    if track is None or track.empty:
        return empty()
    out = track.rename(columns={"time": "timestamp"})
    for name in ("icao24", "callsign", "registration", "typecode", "flight_id"):
        out[name] = str(flight.get(name) or "")
    out["squawk"] = ""
    for name in ("geoaltitude", "groundspeed", "track", "vertical_rate"):
        if name not in out:
            out[name] = float("nan")
    return out[list(TRACK_COLUMNS)].reset_index(drop=True)


def empty() -> pd.DataFrame:
    """No rows, all columns."""
    numbers = {"latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate", "geoaltitude"}
    kinds = {n: "float64" if n in numbers else "object" for n in TRACK_COLUMNS}
    return pd.DataFrame(
        {n: pd.Series(dtype=k) for n, k in (kinds | {"timestamp": INSTANT, "onground": "bool"}).items()}
    )
