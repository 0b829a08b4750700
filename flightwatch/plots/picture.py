"""What a map of flights shows, in degrees: heard pieces, inferred pieces, lost points, weights of fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from flightwatch import geo
from flightwatch.units import millis

SHOWN = 0.03  # candidates below this are not drawn: their dots would be too small to see
SILENT_S = 20 * 60  # a longer hole inside a leg is drawn as unheard; thinned tracks keep a fix a minute
SEEN = ("observed", "approach", "reported")


class Dashed(NamedTuple):
    """A line that nobody heard, (longitude, latitude), and how likely it is: the way from or to a possible field; or,
    with `part` silence, a gap, where only the straight line is a guess."""

    line: Any
    share: float
    part: str
    airport: str = ""


@dataclass
class Picture:
    """What is drawn, in degrees: pieces of (longitude, latitude) lines, lost points, weights of fields."""

    solid: list[Any] = field(default_factory=list)
    dashed: list[Dashed] = field(default_factory=list)
    lost: list[tuple[float, float]] = field(default_factory=list)
    origins: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    ends: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    seen_ends: set[str] = field(default_factory=set)


def collect(flights: pd.DataFrame, known: pd.DataFrame) -> Picture:
    """Lines and weights from the flights' tracks and candidates."""
    picture = Picture()
    for flight in flights.to_dict("records"):
        track = decoded(flight.get("track"))
        starts = candidates(flight, "departure", known)
        ends = candidates(flight, "arrival", known)
        for airport, share in starts.items():
            picture.origins[airport] += share
        for airport, share in ends.items():
            picture.ends[airport] += share
        if flight.get("arrival_method") in SEEN:
            picture.seen_ends.update(ends)
        first, last = _first_and_last(flight, track)
        if track is not None and len(track) > 1:
            _pieces(picture, track)
        if first is None or last is None:
            _whole(picture, starts, ends, known)
            continue
        unseen_end = flight.get("arrival_method") not in SEEN
        for airport, share in starts.items():
            picture.dashed.append(Dashed(_arc(at(known, airport), first), share, "departure", airport))
        for airport, share in ends.items():
            picture.dashed.append(Dashed(_arc(last, at(known, airport)), share, "arrival", airport))
        if unseen_end and flight.get("status") != "airborne":
            picture.lost.append(last)
    return picture


def decoded(track: Any) -> pd.DataFrame | None:
    """The track as a frame with its fixes in order; None if there is none."""
    if isinstance(track, pd.DataFrame):
        return track
    if isinstance(track, bytes | bytearray | memoryview) and len(track):
        from flightwatch import tracks

        return tracks.decode(bytes(track))
    return None


def candidates(flight: dict[Any, Any], end: str, known: pd.DataFrame) -> dict[str, float]:
    """The fields one end of a flight may be at, if their position is known, with their probabilities."""
    listed = flight.get(f"{end}_candidates")
    if not isinstance(listed, dict) or not listed:
        best = flight.get(f"est{end}airport") or ""
        listed = {best: flight.get(f"{end}_probability") or 1.0} if best else {}
    return {a: float(p) for a, p in listed.items() if p >= SHOWN and a in known.index}


def _first_and_last(flight: dict[Any, Any], track: pd.DataFrame | None) -> tuple[Any, Any]:
    if track is not None and len(track):
        lon, lat = track["longitude"].to_numpy(float), track["latitude"].to_numpy(float)
        return (lon[0], lat[0]), (lon[-1], lat[-1])
    ends = [(flight.get(f"{e}_longitude"), flight.get(f"{e}_latitude")) for e in ("first", "last")]
    ok = [None if any(v is None or pd.isna(v) for v in e) else e for e in ends]
    return ok[0], ok[1]


def _pieces(picture: Picture, track: pd.DataFrame) -> None:
    """The track cut at silences: heard pieces solid, the silences between them dashed."""
    line = track[["longitude", "latitude"]].to_numpy(float)
    silent = np.diff(millis(track["time"])) > SILENT_S * 1000
    cuts = np.flatnonzero(silent) + 1
    picture.solid += [piece for piece in np.split(line, cuts) if len(piece) > 1]
    picture.dashed += [Dashed(_arc(line[i - 1], line[i]), 1.0, "silence") for i in cuts]


def _whole(picture: Picture, starts: dict[str, float], ends: dict[str, float], known: pd.DataFrame) -> None:
    """A flight without any fix (an imported list): dashed all the way between its likeliest ends."""
    if starts and ends:
        a, b = (max(c, key=c.__getitem__) for c in (starts, ends))
        if a != b:
            picture.dashed.append(Dashed(_arc(at(known, a), at(known, b)), starts[a] * ends[b], "whole"))


def at(known: pd.DataFrame, airport: str) -> tuple[float, float]:
    row = known.loc[airport]
    return float(row["longitude"]), float(row["latitude"])


def _arc(a: Iterable[float], b: Iterable[float], points: int = 33) -> Any:
    """The great circle between two (longitude, latitude)."""
    (lon1, lat1), (lon2, lat2) = a, b
    lat, lon = geo.interpolate(lat1, lon1, lat2, lon2, np.linspace(0, 1, points))
    return np.column_stack([lon, lat])
