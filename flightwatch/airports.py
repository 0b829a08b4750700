"""Where aircraft can land: the airports of `airportsdata`, corrected and completed by our own table, found by position.

Codes disagree between data sets (Tobruk is HLGN in one, HLTQ in another; HLBK is not Brak), so the position decides
which airport is meant, and the code is only its name. Runway lengths and directions come from OurAirports; see the
README of the data folder.
"""

from __future__ import annotations

import csv
import difflib
import functools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch import geo

DATA = Path(__file__).parent / "data"

MILITARY_CALLSIGNS = 100  # a military field counts as one with this many; Benina has 160, the median field with any 28
MILITARY_NAME = re.compile(
    r"\b(air ?base|air force|afb|military|naval|navy|army|raf|rnas|mcas|angb|base a[eé]rea|fliegerhorst)\b",
    re.IGNORECASE,
)
"""Names that indicate it; 540 of the 28,298 in airportsdata 20260905. A match is certain, its absence says nothing."""


@dataclass(frozen=True)
class Airport:
    """One airfield. `longest_runway_ft` is NaN and `military` None if unknown."""

    id: str
    name: str
    city: str
    latitude: float
    longitude: float
    elevation_ft: float
    country: str
    iata: str
    aliases: tuple[str, ...]
    longest_runway_ft: float
    closed: bool
    military: bool | None


@dataclass(frozen=True)
class Runways:
    """What OurAirports knows of one field's runways: lengths in ft, directions in degrees true (0-179)."""

    longest_ft: float
    total_ft: float
    closed: bool
    headings: tuple[int, ...]


class Airports:
    """A set of airfields that can be searched by code, position, country or area. It never changes.

    `frame` is indexed by id. The other columns are arrays in the same order, with `ids` the index as an array;
    `nearest` returns positions in them. `served` is 1 for fields with an IATA code and for military ones, which count
    as much: traffic of its own distinguishes a field from an airstrip. `traffic` grows with the logarithm of the number
    of callsigns known to fly there, 0 for none and 2.5 for the busiest. `total_runway` is in ft, over all runways.
    """

    def __init__(
        self,
        airports: Iterable[Airport],
        runways: dict[str, Runways] | None = None,
        services: dict[str, int] | None = None,
    ) -> None:
        rows = list(airports)
        self.frame = pd.DataFrame(
            [vars(a) for a in rows], columns=list(Airport.__dataclass_fields__), dtype=object
        ).set_index("id")
        self.frame.index = pd.Index([a.id for a in rows], dtype=object, name="id")
        numbers = ["latitude", "longitude", "elevation_ft", "longest_runway_ft"]
        self.frame[numbers] = self.frame[numbers].astype("float64")
        self.frame["closed"] = self.frame["closed"].astype(bool)
        self.ids: npt.NDArray[np.object_] = np.array([a.id for a in rows], dtype=object)
        self.latitude = self.frame["latitude"].to_numpy()
        self.longitude = self.frame["longitude"].to_numpy()
        self.elevation = np.nan_to_num(self.frame["elevation_ft"].to_numpy())
        self.runway = self.frame["longest_runway_ft"].to_numpy()
        self.closed = self.frame["closed"].to_numpy()
        self.served = np.array([a.iata != "" or a.military is True for a in rows], dtype=float)
        known = [(runways or {}).get(a.id) for a in rows]
        self.headings = _padded([r.headings if r else () for r in known])
        self.total_runway = np.array([r.total_ft if r else math.nan for r in known])
        callsigns = np.array([(services or {}).get(a.id, 0) for a in rows], dtype=float)
        military = np.array([a.military is True for a in rows])
        self.traffic = np.log1p(np.where(military, np.maximum(callsigns, MILITARY_CALLSIGNS), callsigns)) / 4.0
        self._airports = {a.id: a for a in rows}
        self._position = {a.id: i for i, a in enumerate(rows)}
        self._codes = _codes(rows)
        self._unit = geo.unit_vectors(self.latitude, self.longitude)

    def __len__(self) -> int:
        return len(self.ids)

    @functools.cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self._unit)

    def find(self, code: str) -> Airport | None:
        """The airport with that id, alias or IATA code, in any case.

        >>> [load().find(c).id for c in ("HLLB", "hltq", "VKO")]
        ['HLLB', 'HLGN', 'UUWW']
        """
        found = self._codes.get(code.strip().upper())
        return None if found is None else self._airports[found]

    def position(self, code: str) -> int | None:
        """The position of that id in `ids` and the other columns; None for an unknown id."""
        return self._position.get(code)

    def suggest(self, text: str) -> list[str]:
        """Up to five ids that the text may mean: airports with it in their name or city, then near codes.

        >>> load().suggest("benina")[0]
        'HLLB'
        """
        wanted = text.strip()
        near = difflib.get_close_matches(wanted.upper(), self._codes, n=5, cutoff=0.75)
        low = wanted.lower()
        named = [a.id for a in self._airports.values() if low in a.name.lower() or low in a.city.lower()] if low else []
        return list(dict.fromkeys(named + [self._codes[c] for c in near]))[:5]

    def nearest(
        self, lat: npt.ArrayLike, lon: npt.ArrayLike, k: int = 1, within_nm: float | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The k nearest airports of each point: positions in `ids` (n, k), and distances in NM.

        If fewer are within the limit, the position is -1 and the distance infinite. A point that is not finite has no
        neighbours.

        >>> where, miles = load().nearest([32.1], [20.3])
        >>> str(load().ids[where[0, 0]]), bool(miles[0, 0] < 2)
        ('HLLB', True)
        """
        points = geo.unit_vectors(np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float)))
        bound = np.inf if within_nm is None else float(geo.chord(within_nm)) * (1 + 1e-12)
        good = np.isfinite(points).all(axis=1)
        length, index = np.full((len(points), k), np.inf), np.full((len(points), k), len(self.ids), dtype=np.int64)
        if good.any():
            a, b = self._tree.query(points[good], k=k, distance_upper_bound=bound)
            length[good], index[good] = a.reshape(-1, k), b.reshape(-1, k)
        return np.where(index == len(self.ids), -1, index), geo.arc(length)

    def around(self, lat: npt.ArrayLike, lon: npt.ArrayLike, radius_nm: npt.ArrayLike) -> list[list[int]]:
        """For each point the positions in `ids` of all airports within its radius, in no particular order."""
        points = geo.unit_vectors(np.atleast_1d(np.asarray(lat, float)), np.atleast_1d(np.asarray(lon, float)))
        return list(self._tree.query_ball_point(points, geo.chord(np.asarray(radius_nm, float))))

    def within(self, lat: float, lon: float, radius_nm: float) -> list[str]:
        """The ids of all airports in a circle, nearest first.

        >>> load().within(31.99, 21.19, 5)
        ['HL59']
        """
        index = np.array(self.around(lat, lon, radius_nm)[0], dtype=np.int64)
        away = geo.distance(lat, lon, self.latitude[index], self.longitude[index])
        return [str(x) for x in self.ids[index[np.lexsort((self.ids[index].astype(str), away))]]]

    def in_country(self, iso2: str) -> list[str]:
        """The ids of all airports of a country.

        >>> "LY-BCQ" in load().in_country("ly")
        True
        """
        return [str(x) for x in self.ids[(self.frame["country"] == iso2.upper()).to_numpy()]]

    def in_polygon(self, ring: npt.ArrayLike) -> list[str]:
        """The ids of all airports inside a ring of (latitude, longitude) corners."""
        return [str(x) for x in self.ids[geo.in_polygon(self.latitude, self.longitude, ring)]]


@functools.cache
def load() -> Airports:
    """All airports we know: `airportsdata`, with our own table on top. Read once (0.3 s)."""
    import airportsdata

    runways = _runways()
    known = {
        code: Airport(
            id=code,
            name=row["name"],
            city=row["city"],
            latitude=float(row["lat"]),
            longitude=float(row["lon"]),
            elevation_ft=float(row["elevation"]),
            country=row["country"],
            iata=row["iata"],
            aliases=(),
            longest_runway_ft=runways[code].longest_ft if code in runways else math.nan,
            closed=runways[code].closed if code in runways else False,
            military=True if MILITARY_NAME.search(row["name"]) else None,
        )
        for code, row in airportsdata.load("ICAO").items()
    }
    for row in _rows("airfields.csv"):
        known[row["id"]] = _own(row, known.get(row["id"]), runways)
    services = {row["id"]: int(row["callsigns"]) for row in _rows("services.csv")}
    return Airports(known.values(), runways, services)


def _own(row: dict[str, str], base: Airport | None, runways: dict[str, Runways]) -> Airport:
    """A row of our table; an empty cell keeps the value of airportsdata."""

    def number(key: str, kept: float) -> float:
        return float(row[key]) if row[key] else kept

    id_ = row["id"]
    kept_runway = runways[id_].longest_ft if id_ in runways else math.nan
    if base is None:
        base = Airport(id_, "", "", math.nan, math.nan, 0.0, row["country"], "", (), kept_runway, False, None)
    return Airport(
        id=id_,
        name=row["name"] or base.name,
        city=row["city"] or base.city,
        latitude=number("latitude", base.latitude),
        longitude=number("longitude", base.longitude),
        elevation_ft=number("elevation_ft", base.elevation_ft),
        country=row["country"] or base.country,
        iata=row["iata"] or base.iata,
        aliases=tuple(a for a in row["aliases"].split("|") if a),
        longest_runway_ft=number("longest_runway_ft", base.longest_runway_ft),
        closed=row["closed"] == "1" if row["closed"] else base.closed,
        military=row["military"] == "1" if row["military"] else base.military,
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _runways() -> dict[str, Runways]:
    with (DATA / "runways.csv").open(encoding="utf-8") as file:
        next(file)
        cells = (line.rstrip("\n").split(",") for line in file)
        return {
            c[0]: Runways(float(c[1]), float(c[2]), c[3] == "1", tuple(int(h) for h in c[4].split())) for c in cells
        }


def _codes(rows: list[Airport]) -> dict[str, str]:
    """Every code to its airport: ids win over aliases, aliases over IATA codes."""
    codes: dict[str, str] = {}
    for airport in rows:
        if airport.iata:
            codes[airport.iata.upper()] = airport.id
    for airport in rows:
        codes.update({alias.upper(): airport.id for alias in airport.aliases})
    codes.update({airport.id.upper(): airport.id for airport in rows})
    return codes


def _padded(headings: list[tuple[int, ...]]) -> npt.NDArray[np.float64]:
    """Up to four runway directions per airport, NaN where there are fewer; more than four add no information."""
    out = np.full((len(headings), 4), np.nan)
    for i, values in enumerate(headings):
        out[i, : len(values[:4])] = values[:4]
    return out
