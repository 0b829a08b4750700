"""Derives `flightwatch/data/typecodes.csv` from `model-type.csv` of the Virtual Radar standing data (CC0).

    python -m benchmarks.flights.make_typecodes MODEL-TYPE.csv

One row per ICAO type designator: the generic class whose performance is used where we have no row of our own.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pandas as pd

OUT = Path(__file__).resolve().parents[2] / "flightwatch" / "data" / "typecodes.csv"
SLOW = {"BALL", "SHIP", "PARA", "GLID", "ULAC", "GYRO", "UHEL", "-GND", "-TWR", "DRON"}


def generic(row: pd.Series) -> str:
    code, engine, wake = row["ICAO"], row["EngineTypeCode"], row["WakeTurbulenceCode"]
    if code in SLOW or not engine or engine in "ER":
        return "glider"
    if row["SpeciesCode"] in ("H", "G"):
        return "helicopter"
    if engine == "J":
        return {"H": "heavy jet", "M": "medium jet"}.get(wake, "light jet")
    if engine == "T":
        return "turboprop" if wake in ("H", "M") else "light turboprop"
    return "piston"


def main(source: str) -> None:
    models = pd.read_csv(source, keep_default_na=False).drop_duplicates("ICAO")
    rows = [(r["ICAO"], generic(r)) for _, r in models.iterrows() if not r["ICAO"].startswith("-")]
    with OUT.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("typecode", "class"))
        out.writerows(sorted(rows))
    print(pd.Series([r[1] for r in rows]).value_counts().to_string())


if __name__ == "__main__":
    main(sys.argv[1])
