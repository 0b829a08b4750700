"""A small seeded world for pictures, explore, exports, evidence and report: the reference case in miniature.

Half a year with one flight a week from Moscow and Minsk to Benghazi, then several a week from 8 December 2024; the last
flights go dark south of Crete. None of it is real traffic.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from flightwatch import airports, alerts, detection, geo, ingest, records, tracks
from flightwatch import flights as flight_rules
from flightwatch import routes as route_matching
from flightwatch.sources import readsb
from flightwatch.store import Store, open_store
from flightwatch.units import instants

ROUTE = "Moscow and Minsk to Benghazi"
QUIET = "Hmeimim to Brak al-Shati"
FIRST, SURGE, LAST = date(2024, 6, 24), date(2024, 12, 8), date(2024, 12, 21)
AIRPORTS = pd.DataFrame(
    [
        ("UUWW", "Vnukovo", "Moscow", 55.5915, 37.2615, "RU"),
        ("UMMS", "Minsk National", "Minsk", 53.8825, 28.0307, "BY"),
        ("HLLB", "Benina", "Benghazi", 32.0968, 20.2695, "LY"),
        ("HL59", "Al Khadim", "Al Khadim", 31.9986, 21.1919, "LY"),
        ("HLGN", "Gamal Abdel Nasser", "Tobruk", 31.861, 23.907, "LY"),
        ("HLLQ", "Al Abraq", "Al Bayda", 32.7887, 21.9643, "LY"),
    ],
    columns=["id", "name", "city", "latitude", "longitude", "country"],
).set_index("id")
FLEET = ["140a1f", "140a20", "140a77", "152f03", "5100d1"]


CRUISE_KT = 420.0


def path(origin: str, end: str, stop: float, points: int = 37) -> pd.DataFrame:
    """A track from `origin` towards `end` over the Black Sea and Crete at 420 kt, heard to the fraction `stop`."""
    a, b = AIRPORTS.loc[origin], AIRPORTS.loc[end]
    corners = np.array([(a.latitude, a.longitude), (41.2, 31.5), (36.1, 28.2), (34.2, 24.6), (b.latitude, b.longitude)])
    legs = geo.distance(*corners[:-1].T, *corners[1:].T)
    along = np.concatenate([[0.0], np.cumsum(legs)])
    flown = np.linspace(0, stop * along[-1], points)
    left = along[-1] - flown
    altitude = np.clip(np.minimum(flown, left) * 318, 0, 33000)  # three degrees: 318 ft per nautical mile
    seconds = flown / CRUISE_KT * 3600
    latitude, longitude = (np.interp(flown, along, corners[:, i]) for i in (0, 1))
    course = geo.bearing(latitude[:-1], longitude[:-1], latitude[1:], longitude[1:])
    on_ground = (altitude <= 0) & (points > 1)
    return pd.DataFrame(
        {
            "latitude": latitude,
            "longitude": longitude,
            "altitude": np.where(on_ground, np.nan, altitude),
            "groundspeed": CRUISE_KT,
            "track": np.append(course, course[-1]),
            "vertical_rate": np.gradient(altitude, seconds) * 60,
            "onground": on_ground,
            "seconds": seconds,
        }
    )


def fly(icao24: str, start: datetime, origin: str, callsign: str, stop: float, candidates: dict[str, float]) -> dict:
    """One flight as a row of records.FLIGHT, its track as a frame."""
    track = path(origin, "HLLB", stop)
    ms = (start.timestamp() + track.pop("seconds").to_numpy()) * 1000
    track.insert(0, "time", instants(ms.astype("int64")))
    seen = stop >= 0.995
    best = max(candidates, key=lambda k: candidates[k])
    return {
        "flight_id": records.flight_id(icao24, start),
        "icao24": icao24,
        "callsign": callsign,
        "callsigns": callsign,
        "registration": {"140a1f": "RA-76842", "5100d1": "EW-412TH"}.get(icao24, "RF-" + icao24[-5:]),
        "typecode": "IL76",
        "firstseen": track["time"].iloc[0],
        "lastseen": track["time"].iloc[-1],
        "estdepartureairport": origin,
        "departure_method": "observed",
        "departure_probability": 1.0,
        "departure_candidates": {origin: 1.0},
        "estarrivalairport": best if candidates[best] > 0.5 else "",
        "arrival_method": "observed" if seen else "inferred",
        "arrival_probability": candidates[best],
        "arrival_candidates": candidates,
        "first_latitude": track["latitude"].iloc[0],
        "first_longitude": track["longitude"].iloc[0],
        "last_latitude": track["latitude"].iloc[-1],
        "last_longitude": track["longitude"].iloc[-1],
        "last_altitude": track["altitude"].iloc[-1],
        "points": len(track),
        "longest_gap_s": 240.0,
        "distance_nm": 1600.0 * stop,
        "status": "landed" if seen else "lost",
        "source": "adsblol",
        "provenance": [1],
        "rules_version": "1",
        "track": track,
    }


def flights(seed: int = 7) -> pd.DataFrame:
    """One a week until the surge, nine in the two weeks after; records.FLIGHT with tracks as frames."""
    rng = np.random.default_rng(seed)
    rows = []
    day = FIRST
    while day < SURGE:
        start = datetime(day.year, day.month, day.day, int(rng.integers(2, 20)), 15, tzinfo=UTC)
        if rng.random() < 0.13:
            seen = rng.random() < 0.6
            ends = {"HLLB": 1.0} if seen else {"HLLB": 0.71, "HL59": 0.14}
            rows.append(fly(FLEET[int(rng.integers(0, 2))], start, "UUWW", "TUP7401", 1.0 if seen else 0.97, ends))
        day += timedelta(days=1)
    for i, offset in enumerate([0, 1, 3, 4, 6, 7, 9, 10, 12]):
        start = datetime(SURGE.year, SURGE.month, SURGE.day, 1, 40, tzinfo=UTC) + timedelta(days=offset, minutes=37 * i)
        stop = [1.0, 0.97, 0.955, 1.0, 0.96, 0.985, 0.98, 0.95, 0.985][i]
        ends = {"HLLB": 1.0} if stop == 1.0 else {"HLLB": 0.48, "HL59": 0.33, "HLLQ": 0.08, "HLGN": 0.04}
        origin = "UMMS" if i in (1, 5, 8) else "UUWW"
        rows.append(fly(FLEET[i % 5], start, origin, ["RFF7042", "BRY9571", "TUP7403"][i % 3], stop, ends))
    return records.conform(pd.DataFrame(rows), records.FLIGHT)


def route_days(listed: pd.DataFrame) -> pd.DataFrame:
    """The route's days with zeros, a half-day outage and a badly watched week; and a quiet second route."""
    listed = listed.assign(
        day=listed["firstseen"].dt.tz_localize(None).dt.floor("D").astype("datetime64[s]"),
        share=[sum(c.get(a, 0.0) for a in ("HLLB", "HL59", "HLLQ", "HLGN")) for c in listed["arrival_candidates"]],
        seen=listed["arrival_method"].eq("observed"),
    )
    days = pd.date_range(FIRST, LAST, freq="D").astype("datetime64[s]")
    frame = pd.DataFrame({"route": ROUTE, "day": days})
    frame["flights"] = frame["day"].map(listed.groupby("day")["share"].sum()).fillna(0.0)
    frame["confirmed"] = frame["day"].map(listed[listed["seen"]].groupby("day").size()).fillna(0.0)
    frame["aircraft"] = frame["flights"].clip(upper=1)
    frame["newcomers"] = np.where(frame["day"] >= pd.Timestamp(SURGE), frame["flights"].clip(upper=1), 0.0)
    frame["heavy"] = frame["flights"]
    rng = np.random.default_rng(3)
    frame["coverage"] = np.clip(rng.normal(0.93, 0.04, len(frame)), 0, 1)
    frame.loc[frame["day"].between("2024-09-10", "2024-09-18"), "coverage"] = 0.22
    frame.loc[frame["day"] == pd.Timestamp("2024-11-20"), "coverage"] = 0.5
    quiet = frame.assign(route=QUIET, flights=0.0, confirmed=0.0, aircraft=0.0, newcomers=0.0, heavy=0.0)
    quiet.loc[quiet["day"].isin(pd.to_datetime(["2024-07-14", "2024-10-03"])), ["flights", "confirmed"]] = 1.0
    return records.conform(pd.concat([frame, quiet]), records.ROUTE_DAY)


def findings(days: pd.DataFrame) -> pd.DataFrame:
    """A finding per route-day (records.FINDING) by a plain seven-day count: enough to draw and explain."""
    rows = []
    for route, own in days.groupby("route"):
        count = own["flights"].rolling(7, min_periods=1).sum().to_numpy()
        for i, (day, coverage) in enumerate(zip(own["day"], own["coverage"], strict=True)):
            usual = max(float(own["flights"].iloc[: max(i - 13, 0)].mean() or 0.0) * 7, 0.1) if i > 20 else 0.5
            flagged = bool(count[i] >= 2.8 and day >= pd.Timestamp(SURGE))
            rows.append(
                {
                    "route": route,
                    "day": day,
                    "model": "m-1",
                    "window_days": 7,
                    "observed": count[i],
                    "expected": usual,
                    "lower": 0.0,
                    "upper": usual + 1.65 * usual**0.5 + 0.5,
                    "multiple": count[i] / usual,
                    "probability": 0.0004 if flagged else 0.4,
                    "score": 1.0 + count[i] / 4,
                    "threshold": 1.7,
                    "flagged": flagged,
                    "reasons": ["3 flights in 7 days, usual is 0.9"] if flagged else ["within the usual range"],
                    "contributions": CONTRIBUTIONS if flagged else {"s7": 0.1, "gap": -0.2},
                    "coverage": coverage,
                    "history_days": i,
                }
            )
    return records.conform(pd.DataFrame(rows), records.FINDING)


CONTRIBUTIONS = {"s14": 2.1, "gap": 1.4, "new14": 1.1, "heavy14": 0.6, "rev14": 0.35, "nbr7": -0.15, "night14": -0.3}


def database(path: Path) -> Path:
    """A real SQLite file, made by the real parts: raw bodies -> fixes -> flights -> route-days -> alert.

    Every fix of the surge's flights is a v2 answer, kept as the raw body, parsed, cleaned and built into flights, so
    that evidence can be recomputed from the bodies. The half year before is written as finished flights.
    """
    listed = flights()
    with open_store(f"sqlite:///{path}", create=True) as store:
        places = airports.load()
        past, surge = listed[listed["firstseen"] < pd.Timestamp(SURGE, tz=UTC)], listed.tail(9)
        store.upsert_flights(past.assign(track=[tracks.encode(t) for t in past["track"]], provenance=[[]] * len(past)))
        with store.transaction():
            for body, when in bodies(surge):
                store.save_fetched(*polled(body, when), body)
        built = built_flights(store, places)
        scope = built[["icao24"]].drop_duplicates().assign(since=built["firstseen"].min())
        store.replace_flights(built, scope)
        built = store.flights()
        routes = watched()
        store.save_routes(routes, at=NOW)
        matches = route_matching.match(built, routes, store.aircraft())
        store.replace_matches(matches, (FIRST, LAST))
        days = route_matching.tally(matches, built, routes, (FIRST, LAST), None, None, airports=places)
        days = covered(days)
        store.replace_route_days(days)
        model = detection.train(days[days["day"] < pd.Timestamp(SURGE)], seed=1, trees=60)
        store.save_model(model.to_record(), at=datetime(2024, 12, 8, tzinfo=UTC))
        found = detection.score(days, model=model)
        store.save_findings(found, at=NOW)
        recent = found[found["day"] >= pd.Timestamp(SURGE)]
        changes = alerts.update(recent, matches, built, [], now=NOW, routes=routes, next_id=1)
        store.save_alerts(changes, now=NOW)
    return path


def cached(base: Path) -> Path:
    """The same database once per test run: the first to ask makes it, also among pytest-xdist's processes, whose `base`
    folders are side by side."""
    path = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "composed.db"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            database(path.with_suffix(".part"))
            path.with_suffix(".part").rename(path)
    return path


NOW = datetime(2024, 12, 22, 6, tzinfo=UTC)


def watched() -> list[records.Route]:
    """The two watched routes."""
    libya = frozenset({"HLLB", "HL59", "HLLQ", "HLGN"})
    ends = {ROUTE: ((("moscow", "minsk"), ("benghazi",)), (frozenset({"UUWW", "UMMS"}), libya))}
    ends[QUIET] = ((("hmeimim",), ("brak",)), (frozenset({"OSLK"}), frozenset({"LY-BCQ"})))
    return [records.Route(name, a, b, x, y, digest=name) for name, ((a, b), (x, y)) in ends.items()]


def bodies(listed: pd.DataFrame) -> Iterator[tuple[bytes, datetime]]:
    """v2 answers as adsb.lol gives them, one per fix, oldest first."""
    rows = []
    for flight in listed.to_dict("records"):
        for fix in flight["track"].to_dict("records"):
            plane = {
                "hex": flight["icao24"], "type": "adsb_icao", "flight": f"{flight['callsign']:<8}",
                "r": flight["registration"], "t": "IL76", "dbFlags": 1, "nic": 8, "seen_pos": 0.0,
                "lat": round(fix["latitude"], 5), "lon": round(fix["longitude"], 5),
                "gs": fix["groundspeed"], "track": round(fix["track"], 1), "baro_rate": round(fix["vertical_rate"]),
                "alt_baro": "ground" if fix["onground"] else round(fix["altitude"]),
            }  # fmt: skip
            rows.append((fix["time"].to_pydatetime(), plane))
    for when, plane in sorted(rows, key=lambda row: row[0]):
        now = when.timestamp() * 1000
        yield json.dumps({"ac": [plane], "msg": "No error", "now": now, "total": 1}).encode(), when


def polled(body: bytes, when: datetime) -> tuple[records.Poll, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A body as the poller would store it: the poll, clean fixes, airframes, who was heard."""
    parsed = readsb.parse(body, source="adsblol", received=when)
    fixes, _ = ingest.clean(parsed.observations, received=when)
    digest = hashlib.sha256(body).hexdigest()
    poll = records.Poll("adsblol", "type/IL76", when, when, "ok", kept=len(fixes), bytes=len(body), sha256=digest)
    return poll, fixes, parsed.aircraft, ingest.heard(fixes)


def built_flights(store: Store, places: airports.Airports) -> pd.DataFrame:
    """Flights by the real rules from the stored fixes."""
    return flight_rules.build(store.observations(), aircraft=store.aircraft(), airports=places)


def covered(days: pd.DataFrame) -> pd.DataFrame:
    """With a badly watched week, like `route_days`."""
    rng = np.random.default_rng(3)
    days = days.assign(coverage=np.clip(rng.normal(0.93, 0.04, len(days)), 0, 1), looked=1.0, traffic=-1.0)
    days.loc[days["day"].between("2024-09-10", "2024-09-18"), "coverage"] = 0.22
    return days
