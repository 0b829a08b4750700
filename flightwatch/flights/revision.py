"""Judges flights already built again, when the airframe reappears."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from flightwatch import airports as fields
from flightwatch import records, tracks, units
from flightwatch.airports import Airports
from flightwatch.flights.ends import settle
from flightwatch.flights.table import Sides, ends_of, known_type, past, write_end

UPDATES = ("flight_id", "field", "before", "after", "reason")
MATERIAL = 0.02  # a smaller change of probability is not news
FIRM = ("observed", "reported")
EDGE_COLUMNS = ("latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate")


def revise(
    flights: pd.DataFrame, *, visits: pd.DataFrame | None = None, airports: Airports | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The flights, with ends re-judged by what the airframe did before and after, and a row for each change.

    This is for consecutive flights of airframes that were built separately, perhaps days apart: the next appearance is
    evidence for the end before it. Ends seen on the ground or reported never change, nor do flights without a track. A
    second run changes nothing. Pass the same `visits` as to `build`, or their effect is undone.
    """
    places = airports if airports is not None else fields.load()
    frame = records.conform(flights, records.FLIGHT)
    frame = frame.sort_values(["icao24", "firstseen", "flight_id"], kind="stable", ignore_index=True)
    rows = np.flatnonzero(frame["track"].notna().to_numpy() & (frame["icao24"] != "").to_numpy())
    if not len(rows):
        return frame, _updates([])
    part = frame.iloc[rows].reset_index(drop=True)
    ends = _ends(part)
    out: dict[str, Any] = {k: part[k].tolist() for k in ("icao24", "typecode")}
    out["operator"] = [""] * len(part)
    changes: list[dict[str, Any]] = []
    for side, found in zip(("departure", "arrival"), settle(ends, places, past(visits, out, places)), strict=True):
        write_end(out, side, found, ends, places)
        changes += _apply(frame, rows, part, out, side)
    return frame, _updates(changes)


def open_to_revision(flights: pd.DataFrame) -> set[str]:
    """The airframes whose flights, just built together, `revise` may judge differently although no new rows came.

    These are airframes under a shared address, which are built separately but revised together, and airframes of
    unknown type, whose fastest fix may not be among those the track keeps.
    """
    icao24, first = flights["icao24"].to_numpy(), units.millis(flights["firstseen"])
    mixed = (icao24[1:] == icao24[:-1]) & (first[1:] <= first[:-1])
    found = set(icao24[1:][mixed].tolist())
    found.update(flights.loc[flights["suspect"].str.contains("duplicate address").astype(bool), "icao24"])
    unknown = [t for t in flights["typecode"].unique().tolist() if not known_type(t)]
    found.update(flights.loc[flights["typecode"].isin(unknown), "icao24"])
    return found


def _ends(flights: pd.DataFrame) -> Any:
    paths = [tracks.unpack(track) for track in flights["track"]]
    sides = []
    for at, name in ((0, "first"), (-1, "last")):
        values = {k: np.array([p[k][at] for p in paths], dtype=float) for k in EDGE_COLUMNS}
        values["latitude"] = flights[f"{name}_latitude"].to_numpy()
        values["longitude"] = flights[f"{name}_longitude"].to_numpy()
        sides.append(values)
    ground = [np.array([bool(p["onground"][at]) for p in paths]) for at in (0, -1)]
    ground = [
        g | (flights[f"{s}_method"] == "observed").to_numpy()
        for g, s in zip(ground, ("departure", "arrival"), strict=True)
    ]
    fastest = np.array([np.nan_to_num(p["groundspeed"]).max() for p in paths])
    shared = flights["suspect"].str.contains("duplicate address").to_numpy(dtype=bool)
    airframe = np.where(shared, -1, pd.factorize(flights["icao24"])[0])
    times = units.millis(flights["firstseen"]), units.millis(flights["lastseen"])
    flown = flights["distance_nm"].to_numpy()
    return ends_of(
        Sides(sides[0], sides[1], ground[0], ground[1]), airframe, times, flights["typecode"], fastest, flown
    )


def _apply(frame: pd.DataFrame, rows: Any, part: pd.DataFrame, out: dict[str, Any], side: str) -> list[dict[str, Any]]:
    """Writes material changes into the frame, and returns what each value was and why it changed."""
    changes = []
    names = (f"est{side}airport", f"{side}_method", f"{side}_probability", f"{side}_distance_nm", f"{side}_candidates")
    for i, row in enumerate(rows.tolist()):
        old = part[f"{side}_candidates"].iloc[i] or {}
        new = out[f"{side}_candidates"][i]
        if part[f"{side}_method"].iloc[i] in FIRM or _close(old, new):
            continue
        for name in names:
            frame.at[row, name] = out[name][i]
        changes.append(
            {
                "flight_id": part["flight_id"].iloc[i],
                "field": f"{side}_candidates",
                "before": json.dumps(old),
                "after": json.dumps(new),
                "reason": _reason(part, i, side),
            }
        )
    return changes


def _close(old: dict[str, float], new: dict[str, float]) -> bool:
    return all(abs(old.get(k, 0.0) - new.get(k, 0.0)) < MATERIAL for k in old.keys() | new.keys())


def _reason(part: pd.DataFrame, i: int, side: str) -> str:
    j = i + 1 if side == "arrival" else i - 1
    if not 0 <= j < len(part) or part["icao24"].iloc[j] != part["icao24"].iloc[i]:
        return "judged again without a neighbouring flight"
    when, what = ("lastseen", "last seen before") if side == "departure" else ("firstseen", "next seen")
    where = part["last_latitude" if side == "departure" else "first_latitude"].iloc[j]
    east = part["last_longitude" if side == "departure" else "first_longitude"].iloc[j]
    return f"{what} {units.iso(part[when].iloc[j])} at {where:.2f}, {east:.2f} ({part['flight_id'].iloc[j]})"


def _updates(changes: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(changes, columns=list(UPDATES), dtype=object)
