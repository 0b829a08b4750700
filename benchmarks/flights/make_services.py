"""Derives `flightwatch/data/services.csv` from the callsign routes of the Virtual Radar standing data (CC0).

    python -m benchmarks.flights.make_services ROUTES.csv[.gz]

How many callsigns are known to fly to or from each airport. A single route in such tables is often wrong or outdated.
Their number says how busy a place is, and a few hundred wrong ones change nothing.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from flightwatch import airports

OUT = Path(__file__).resolve().parents[2] / "flightwatch" / "data" / "services.csv"


def main(source: str) -> None:
    routes = pd.read_csv(source, usecols=["AirportCodes"], dtype=str)["AirportCodes"].dropna()
    counts: Counter[str] = Counter()
    for codes in routes:
        for airport in {found.id for code in codes.split("-") if (found := airports.load().find(code)) is not None}:
            counts[airport] += 1
    with OUT.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("id", "callsigns"))
        out.writerows(sorted(counts.items()))
    values = pd.Series(counts)
    print(f"{len(routes):,} callsigns to {len(values):,} airports; median {values.median():.0f}, most {values.max():,}")


if __name__ == "__main__":
    main(sys.argv[1])
