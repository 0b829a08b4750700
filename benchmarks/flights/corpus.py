"""Real recordings as observations, and their flights whose ends were seen: the truth from which ends are cut off.

Reads the folder that FLIGHTWATCH_REAL_DATA names: tracks of the OpenSky network and Flightradar24 as collected by the
`traffic` library, readsb traces and JSON lines as collected by `adsb_actions`. FLIGHTWATCH_QUICKSTART may name one more
file of `traffic`, `data/samples/collections/quickstart.json.gz` (in the wheel of 2.11): three hours around Paris.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from flightwatch import aircraft as craft
from flightwatch import airports, geo, ingest, units
from flightwatch.flights import fixes, legs
from flightwatch.flights.build import _known  # the product's own preparation, without the ends

SEEN_NM, SEEN_FT = 3.0, 1000.0  # an end is seen on the ground at a field, or this near and low with no other within
ALONE_NM = 6.0  # this distance (light aircraft pass a strip at 900 ft on their way to the field behind it),
CLOSE_NM, CLOSE_FT = 1.5, 500.0  # or this near and low; never while climbing away
CLIMB_FPM = 300.0
PARIS = "paris"  # the collection that is not part of the recordings; the bars leave it out


def folder() -> Path:
    name = os.environ.get("FLIGHTWATCH_REAL_DATA", "")
    if not name or not Path(name).is_dir():
        raise SystemExit("FLIGHTWATCH_REAL_DATA must name the folder with the real recordings")
    return Path(name)


def _json(path: Path) -> object:
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)


def opensky(path: Path) -> pd.DataFrame:
    """A track file of `traffic`: columns or records, times in ms."""
    frame = pd.DataFrame(_json(path))
    out = pd.DataFrame(
        {
            "address": frame["icao24"].map(lambda x: units.parse_icao24(str(x))),
            "time": pd.to_datetime(frame["timestamp"], unit="ms", utc=True),
        }
    )
    for name in ("latitude", "longitude", "altitude", "geoaltitude", "groundspeed", "track", "vertical_rate"):
        if name in frame:
            out[name] = pd.to_numeric(frame[name], errors="coerce")
    out["track"] = out["track"] % 360
    out["onground"] = frame["onground"].fillna(False).astype(bool) if "onground" in frame else False
    out["callsign"] = frame["callsign"].fillna("").astype(str).str.strip() if "callsign" in frame else ""
    return out[out["address"].notna()]


def readsb(path: Path) -> pd.DataFrame:
    """A trace_full file."""
    data = _json(path)
    rows = []
    callsign = ""
    for row in data["trace"]:
        callsign = str((row[8] or {}).get("flight", callsign)).strip()
        ground = row[3] == "ground"
        rows.append(
            (
                data["timestamp"] + row[0],
                row[1],
                row[2],
                None if ground else row[3],
                row[4],
                row[5],
                row[7],
                ground,
                callsign,
            )
        )
    names = ("s", "latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate", "onground", "callsign")
    frame = pd.DataFrame(rows, columns=names)
    frame["time"] = units.instants((frame.pop("s") * 1000).round())
    frame[["altitude", "groundspeed", "track", "vertical_rate"]] = frame[
        ["altitude", "groundspeed", "track", "vertical_rate"]
    ].apply(pd.to_numeric)
    return frame.assign(address=units.parse_icao24(data["icao"]))


def json_lines(path: Path) -> pd.DataFrame:
    """Aircraft objects, one per line, as adsb_actions keeps them: `gscp` is the ground speed."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    rows = []
    for line in text.decode(errors="replace").splitlines():
        a = json.loads(line)
        address = units.parse_icao24(str(a.get("hex", "")))
        if address is None or "lat" not in a:
            continue
        ground = a.get("alt_baro") == "ground"
        altitude = a.get("alt_baro")
        rows.append(
            (
                address, a["now"], a["lat"], a["lon"], altitude if isinstance(altitude, int | float) else None,
                a.get("gscp", a.get("gs")) or (0.0 if ground else None), a.get("track"), a.get("baro_rate"), ground,
                str(a.get("flight", "")).strip(),
            )
        )  # fmt: skip
    names = ("address", "s", "latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate", "onground")
    frame = pd.DataFrame(rows, columns=[*names, "callsign"])
    frame["time"] = units.instants((frame.pop("s") * 1000).round())
    return frame.apply(lambda c: pd.to_numeric(c) if c.name in names and c.dtype == object else c)


def mode_s(path: Path) -> pd.DataFrame:
    """Decoded Mode S messages, one per line: positions and velocities come apart, a velocity holds ten seconds."""
    names = ("icao24", "timestamp", "latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate", "bds")
    keep = [
        {k: row.get(k) for k in (*names, "callsign")}
        for row in map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    ]
    frame = pd.DataFrame(keep).sort_values(["icao24", "timestamp"], kind="stable")
    filled = frame.groupby("icao24")[["groundspeed", "track", "vertical_rate", "callsign"]].ffill()
    fresh = frame["timestamp"] - frame["timestamp"].where(frame["groundspeed"].notna()).groupby(frame["icao24"]).ffill()
    frame[["groundspeed", "track", "vertical_rate"]] = filled[["groundspeed", "track", "vertical_rate"]].where(
        fresh.abs() < 10
    )
    frame["callsign"] = filled["callsign"].fillna("")
    frame = frame[frame["latitude"].notna()]
    frame["onground"] = frame["bds"] == "06"
    frame["address"] = frame.pop("icao24").map(lambda x: units.parse_icao24(str(x)))
    frame["time"] = units.instants((frame.pop("timestamp") * 1000).round()).to_numpy()
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    return frame.drop(columns="bds").reset_index(drop=True)


def state_vectors(path: Path) -> pd.DataFrame:
    """State vectors of OpenSky's database: metres and metres per second."""
    frame = pd.read_parquet(path)
    frame = frame[frame["lat"].notna() & (frame["time"] == frame["lastposupdate"].round())]
    return pd.DataFrame(
        {
            "address": frame["icao24"].map(lambda x: units.parse_icao24(str(x))),
            "time": pd.to_datetime(frame["time"], utc=True),
            "latitude": frame["lat"],
            "longitude": frame["lon"],
            "altitude": frame["baroaltitude"] * units.FEET_PER_METRE,
            "groundspeed": frame["velocity"] * units.KNOTS_PER_MS,
            "track": frame["heading"],
            "vertical_rate": frame["vertrate"] * units.FPM_PER_MS,
            "onground": frame["onground"],
            "callsign": frame["callsign"].fillna("").str.strip(),
        }
    )


def flightradar(path: Path) -> tuple[pd.DataFrame, str, str]:
    """A whole flight of Flightradar24, and the two airports it names."""
    data = _json(path)["result"]["response"]["data"]["flight"]
    track = pd.DataFrame(data["track"])
    frame = pd.DataFrame(
        {
            "address": units.parse_icao24(str(data["aircraft"]["identification"]["modes"]).lower()),
            "time": units.instants(track["timestamp"].to_numpy() * 1000),
            "latitude": track["latitude"],
            "longitude": track["longitude"],
            "altitude": track["altitude"].map(lambda a: a["feet"]).astype(float),
            "groundspeed": track["speed"].map(lambda a: a["kts"]).astype(float),
            "track": track["heading"].astype(float),
            "vertical_rate": track["verticalSpeed"].map(lambda a: a["fpm"]).astype(float),
            "callsign": str(data["identification"]["callsign"]),
        }
    )
    frame["onground"] = frame["altitude"] <= 0
    frame["altitude"] = frame["altitude"].where(~frame["onground"])
    ends = [data["airport"][k]["code"]["icao"] for k in ("origin", "destination")]
    return frame, ends[0], ends[1]


@functools.cache
def typecodes() -> dict[int, str]:
    """The type of each airframe in the reference tables beside the recordings, by address."""
    out: dict[int, str] = {}
    base = folder() / "reference"
    for name, key, kind in (
        ("plane-alert-db/plane-alert-db.csv", "$ICAO", "$ICAO Type"),
        ("vradar-standing-data/aircraft.csv", "ICAO", "ModelICAO"),
    ):
        table = pd.read_csv(base / name, dtype=str, keep_default_na=False)
        for address, typecode in zip(table[key], table[kind], strict=True):
            if (number := units.parse_icao24(address.lower())) is not None and typecode:
                out[number] = typecode
    return out


def collections() -> Iterator[tuple[str, pd.DataFrame]]:
    """Every collection of aircraft flying from field to field, by name, without the faulty samples."""
    base = folder()
    samples = base / "traffic_samples" / "samples"
    yield "switzerland", opensky(samples / "collections" / "switzerland.json.gz")
    yield "savan", opensky(samples / "collections" / "savan.json.gz")
    yield "calfire", opensky(samples / "firefighting" / "calfire.json.gz")
    for kind in ("calibration", "featured", "surveys", "tv_relay", "military", "surveillance", "onground"):
        yield kind, pd.concat([opensky(p) for p in sorted((samples / kind).glob("*.gz"))], ignore_index=True)
    yield "fr24", pd.concat([flightradar(p)[0] for p in sorted((samples / "fr24").glob("*.json"))], ignore_index=True)
    yield "toulouse", mode_s(base / "traffic_samples" / "extra" / "tutorial.jsonl.gz")
    traces = sorted((base / "adsb_actions_readsb" / "tests" / "sample_readsb_data").rglob("trace_full_*.json"))
    traces += sorted((samples / "readsb").glob("trace_full_*.json"))
    yield "traces", pd.concat([readsb(p) for p in traces], ignore_index=True)
    grid = sorted((base / "adsb_actions_readsb" / "tests" / "fixtures").rglob("2025*_36_-122.gz"))
    yield "monterey", pd.concat([json_lines(p) for p in grid], ignore_index=True)
    yield "kwvi", json_lines(next((base / "adsb_actions_readsb" / "examples" / "KWVI").glob("*.gz")))
    if paris := os.environ.get("FLIGHTWATCH_QUICKSTART", ""):
        yield PARIS, opensky(Path(paris))


@dataclass
class Seen:
    """The legs of one collection: ordered columns, and the field where each end was seen (-1: not seen)."""

    name: str
    columns: fixes.Columns
    legs: legs.Legs
    departure: np.ndarray
    arrival: np.ndarray


def seen(name: str, observations: pd.DataFrame) -> Seen:
    """Legs by the product's own rules; ends by the simplest possible rule, so that no model judges itself."""
    clean, _ = ingest.clean(observations.assign(source=name))
    prepared = fixes.prepare(clean)
    columns = prepared.columns
    known = _known(prepared, None)
    columns["airframe"] = np.cumsum(np.diff(columns["address"], prepend=columns["address"][:1]) != 0)
    types = legs.type_columns([craft.performance("")] * len(known), known["address"])
    places = airports.load()
    cut = legs.split(columns, legs.grounded(columns, places, types), places, types)
    ends = (_at(columns, cut.first, places, -1.0), _at(columns, cut.last, places, 1.0))
    return Seen(name, columns, cut, *ends)


def _at(columns: fixes.Columns, rows: np.ndarray, places: airports.Airports, sign: float) -> np.ndarray:
    near, miles = places.nearest(columns["latitude"][rows], columns["longitude"][rows], k=2)
    height = columns["altitude"][rows] - places.elevation[near[:, 0]]
    with np.errstate(invalid="ignore"):
        away = sign * columns["vertical_rate"][rows] > CLIMB_FPM
        low = (height < SEEN_FT) & (miles[:, 1] > ALONE_NM)
        low |= (height < CLOSE_FT) & (miles[:, 0] < CLOSE_NM) & (miles[:, 1] > 2 * miles[:, 0] + 1)
    seen = columns["onground"][rows] | (low & ~away)
    return np.where(seen & (miles[:, 0] < SEEN_NM), near[:, 0], -1)


def flown(columns: fixes.Columns, lo: int, hi: int, place: int, places: airports.Airports) -> np.ndarray:
    """Miles from each fix of a leg to a field."""
    rows = slice(lo, hi + 1)
    return geo.distance(
        columns["latitude"][rows], columns["longitude"][rows], places.latitude[place], places.longitude[place]
    )
