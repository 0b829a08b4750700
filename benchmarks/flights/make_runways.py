"""Derives `flightwatch/data/runways.csv` from the runways table of OurAirports (public domain).

    python -m benchmarks.flights.make_runways RUNWAYS.csv

One row per airport in airportsdata or our own table: the lengths of the longest open runway and of all together in feet
(the size of the place), whether every runway is closed, and the directions of its runways (degrees true, 0-179), to
compare low tracks with. Airports whose code differs between the tables are matched by position: a runway end within
2 NM.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import airportsdata
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from flightwatch import geo

DATA = Path(__file__).resolve().parents[2] / "flightwatch" / "data"
NEAR_NM = 2.0


def main(source: str) -> None:
    runways = pd.read_csv(source, keep_default_na=False, na_values=[""])
    runways = runways[(runways["length_ft"] > 300) & ~runways["le_ident"].astype(str).str.startswith("H")]
    heading = geo.bearing(
        runways["le_latitude_deg"], runways["le_longitude_deg"], runways["he_latitude_deg"], runways["he_longitude_deg"]
    )
    heading = np.where(np.isnan(heading), runways["le_heading_degT"], heading) % 180
    runways = runways.assign(heading=np.round(heading))
    places = {k: (v["lat"], v["lon"]) for k, v in airportsdata.load("ICAO").items()}
    with (DATA / "airfields.csv").open(encoding="utf-8") as file:
        places |= {
            r["id"]: (float(r["latitude"]), float(r["longitude"])) for r in csv.DictReader(file) if r["latitude"]
        }
    by_ident = dict(tuple(runways.groupby("airport_ident")))
    placed = runways.dropna(subset=["le_latitude_deg", "le_longitude_deg"])
    tree = cKDTree(geo.unit_vectors(placed["le_latitude_deg"], placed["le_longitude_deg"]))
    rows = []
    for code, (lat, lon) in sorted(places.items()):
        mine = by_ident.get(code)
        if mine is None:
            distance, index = tree.query(geo.unit_vectors(lat, lon))
            if geo.arc(distance) > NEAR_NM:
                continue
            mine = by_ident[placed["airport_ident"].iloc[index]]
        usable = mine[mine["closed"] == 0]
        best = usable if len(usable) else mine
        headings = sorted({int(h) % 180 for h in best["heading"].dropna()})
        length = best["length_ft"]
        rows.append(
            (
                code,
                int(length.max()),
                int(length.sum()),
                int(not len(usable)),
                " ".join(map(str, headings)),
            )
        )
    with (DATA / "runways.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("id", "longest_runway_ft", "all_runways_ft", "closed", "headings"))
        out.writerows(rows)
    print(f"{len(rows):,} of {len(places):,} airports have a known runway")


if __name__ == "__main__":
    main(sys.argv[1])
