"""How the `traffic` library cuts the same rows into flights, and how long it takes. Run in an environment that has it.

    PYTHON benchmarks/flights/traffic_peer.py ROWS.npz

Does not import flightwatch, so that the library can have its own environment. ROWS.npz has the columns of
`speed.template`, `leg` (the true leg of each row) and `callsign`. Flights are found in two ways: by the library's
defaults (address and callsign, ten minutes of silence), and by address alone. Writes JSON to stdout: processor seconds
for iterating over all flights with both ends of each, and the share of true legs whose airborne rows are exactly those
of one flight.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from traffic.core import Traffic


def flights(frame: pd.DataFrame, on: list[str]) -> tuple[list[tuple], list[pd.Index]]:
    """The ends of each flight, and its rows."""
    out, rows = [], []
    for flight in Traffic(frame).iterate(on=on):
        data = flight.data
        first, last = data.iloc[0], data.iloc[-1]
        out.append((first.icao24, first.timestamp, last.timestamp, first.latitude, first.longitude, last.latitude))
        rows.append(data.index)
    return out, rows


def exact(rows: list[pd.Index], leg: np.ndarray, air: np.ndarray) -> float:
    mine = np.full(len(leg), -1)
    for number, index in enumerate(rows):
        mine[index.to_numpy()] = number
    pairs = pd.DataFrame({"leg": leg[air], "mine": mine[air]}).drop_duplicates()
    pairs = pairs[pairs["mine"] >= 0]
    alone = pairs.groupby("leg")["mine"].transform("size").eq(1) & pairs.groupby("mine")["leg"].transform("size").eq(1)
    return float(alone.sum() / len(np.unique(leg[air])))


def main(path: str) -> None:
    columns = np.load(path)
    frame = pd.DataFrame(
        {
            "timestamp": pd.to_datetime(columns["time"], unit="ms", utc=True),
            "icao24": [f"{a:06x}" for a in columns["address"].tolist()],
            "callsign": [f"FW{c}" for c in columns["callsign"].tolist()],
            **{k: columns[k] for k in ("latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate")},
        }
    )
    answer: dict[str, object] = {"traffic": version("traffic"), "pandas": pd.__version__, "rows": len(frame)}
    for name, on in (("own", ["icao24", "callsign"]), ("address", ["icao24"])):
        best = np.inf
        rows: list[pd.Index] = []
        for _ in range(2):
            begin = time.process_time()
            _, rows = flights(frame, on)
            best = min(best, time.process_time() - begin)
        answer[f"{name}_seconds"] = best
        answer[f"{name}_exact"] = exact(rows, columns["leg"], ~columns["onground"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
