"""An analyst's questions about many flights: how long the store takes to answer, and which index it uses.

The flights are random: a year of airframes, airports and routes as unevenly popular as real ones. Measured is the
whole method of the store, from arguments to the finished frame.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from flightwatch.store import Store, bulk, schema

FIRST = date(2024, 1, 1)
DAYS = 366
CHUNK = 200_000
TRIES = 3  # the best counts: other load is not the database's fault
LATER = ("flight", "match")  # tables whose indexes are built after loading


@dataclass(frozen=True)
class World:
    """The size of everything. A twentieth of the flights are on a watched route."""

    flights: int

    @property
    def aircraft(self) -> int:
        return max(200, self.flights // 300)

    airports: int = 4_000
    routes: int = 1_000


@dataclass(frozen=True)
class Answer:
    """One question: milliseconds (median, 95th percentile), median number of rows, and indexes used."""

    question: str
    p50: float
    p95: float
    rows: int
    indexes: tuple[str, ...]
    plan: str


def fill(store: Store, world: World, progress: Callable[[str], None]) -> None:
    """Store a year of flights, matches and route-days in key order, and index them afterwards."""
    indexes = [i for name in LATER for i in schema.metadata.tables[name].indexes]
    with store.transaction() as connection:
        for index in indexes:
            index.drop(connection)
    for done, flights, matches in _years(world):
        with store.transaction() as connection:
            new = store.dialect == "postgresql"
            bulk.write(connection, schema.flight, flights, update={}, new=new)
            bulk.write(connection, schema.match, matches, update={}, new=new)
        progress(f"{done:,} flights")
    with store.transaction() as connection:
        for index in indexes:
            index.create(connection)
        progress("indexes")
        bulk.write(connection, schema.route_day, _route_days(world), update={}, new=store.dialect == "postgresql")
    with store.transaction() as connection:
        connection.exec_driver_sql("ANALYZE")
    progress("statistics")


def ask(store: Store, world: World, times: int) -> list[Answer]:
    """Ask every question `times` times, about different things, after a round to warm the cache."""
    rng = np.random.default_rng(11)

    def day() -> date:
        return FIRST + timedelta(days=int(rng.integers(200, DAYS - 8)))

    def route() -> str:
        return f"route {_skewed(rng, world.routes, 1)[0]}"

    def airport() -> str:
        return f"A{_skewed(rng, world.airports, 1)[0]:03X}"

    def at(d: date) -> datetime:
        return datetime.combine(d, datetime.min.time(), UTC)

    def airframe() -> str:
        return f"{rng.integers(0, world.aircraft) * 97:06x}"

    def airport_day() -> tuple[str, date]:
        return airport(), day()

    def week() -> tuple[str, date]:
        return route(), day()

    asked: list[tuple[str, Callable[[], Any], Callable[[Any], Any]]] = [
        ("route-days of a route over a year", route, lambda r: store.route_days(r, FIRST, FIRST + timedelta(days=365))),
        ("last 100 flights of an airframe", airframe, lambda a: store.flights(icao24=a, newest=True, limit=100)),
        (
            "newcomers of a route in a week, 180 days back",
            week,
            lambda k: store.newcomers(k[0], (k[1], k[1] + timedelta(days=6)), memory_days=180),
        ),
        ("flights of a route on a day", week, lambda k: store.matches(k[0], (k[1], k[1]))),
        ("flights at an airport on a day", airport_day, lambda k: store.flights((k[1], k[1]), airports=k[0])),
        ("an airframe's last flight before a time", week, lambda k: store.last_flights([airframe()], at(k[1]))),
        ("the newest 100 flights", day, lambda d: store.flights(until=at(d), newest=True, limit=100)),
        ("one flight by its id", airframe, lambda a: store.flights(ids=[_some_id(store, a)])),
    ]
    return [_answer(store, *question, times) for question in asked]


def _some_id(store: Store, icao24: str) -> str:
    held = store.__dict__.setdefault("_bench_ids", {})
    if icao24 not in held:
        held[icao24] = store.flights(icao24=icao24, limit=1)["flight_id"].iloc[0]
    return str(held[icao24])


def _answer(store: Store, question: str, about: Callable[[], Any], answer: Callable[[Any], Any], times: int) -> Answer:
    subjects = [about() for _ in range(times)]
    for subject in subjects:
        answer(subject)
    taken, rows = [], []
    for subject in subjects:
        tries = []
        for _ in range(TRIES):
            begun = time.perf_counter()
            found = answer(subject)
            tries.append((time.perf_counter() - begun) * 1000)
        taken.append(min(tries))
        rows.append(len(found))
    plan = explained(store, lambda: answer(subjects[0]))
    p50, p95 = np.percentile(taken, [50, 95])
    used = tuple(sorted({i for i in _indexes() if re.search(rf"\b{re.escape(i)}\b", plan)}))
    return Answer(question, float(p50), float(p95), int(np.median(rows)), used, plan)


def explained(store: Store, work: Callable[[], Any]) -> str:
    """The query plans of the work's statements."""
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            statements.append((statement, parameters))

    sa.event.listen(store._reader, "before_cursor_execute", note)
    try:
        work()
    finally:
        sa.event.remove(store._reader, "before_cursor_execute", note)
    words = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
    with store.reading() as connection:
        rows = [row for s, p in statements for row in connection.exec_driver_sql(words + s, p)]
    return "\n".join(str(row[-1]) for row in rows)


def _indexes() -> Iterator[str]:
    """Names of all indexes, as shown in the plans of both databases."""
    for table in schema.metadata.sorted_tables:
        yield from (f"ix_{table.name}_" + "_".join(c.name for c in i.columns) for i in table.indexes)
        yield f"pk_{table.name}"
        yield f"sqlite_autoindex_{table.name}_1"
        yield f"{table.name} USING PRIMARY KEY"


HEAD = 20
"""Popularity falls as 1 / (rank + HEAD): the busiest of 4,000 airports has 0.9 % of the flights, as Frankfurt has of
the world's 100,000 a day; the busiest of 1,000 routes has 1.2 % of theirs."""


def _skewed(rng: np.random.Generator, count: int, size: int) -> Any:
    return np.minimum(HEAD * ((count / HEAD + 1.0) ** rng.random(size) - 1.0), count - 1).astype(np.int64)


def _years(world: World) -> Iterator[tuple[int, dict[str, list[Any]], dict[str, list[Any]]]]:
    """Chunks of flights by airframe and time, with matches of those on watched routes."""
    rng = np.random.default_rng(7)
    each = world.flights // world.aircraft
    start_ms = round(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC).timestamp() * 1000)
    step = max(1, CHUNK // each)
    for begin in range(0, world.aircraft, step):
        frames = np.repeat(np.arange(begin, min(begin + step, world.aircraft)), each)
        count = len(frames)
        slots = np.tile(np.arange(each), count // each)
        apart = DAYS * 86_400_000 // each
        first = start_ms + slots * apart + rng.integers(0, apart // 2, count) // 1000 * 1000
        last = first + rng.integers(1_800_000, 30_000_000, count)
        stamps = np.datetime_as_string(first.astype("datetime64[ms]").astype("datetime64[s]"))
        icao24s = [f"{n * 97:06x}" for n in frames.tolist()]
        ids = [
            f"{i}-{s[:4]}{s[5:7]}{s[8:13]}{s[14:16]}{s[17:]}Z" for i, s in zip(icao24s, stamps.tolist(), strict=True)
        ]
        names = [f"A{n:03X}" for n in range(world.airports)]
        departures = [names[n] for n in _skewed(rng, world.airports, count).tolist()]
        arrivals = [names[n] for n in _skewed(rng, world.airports, count).tolist()]
        same: list[Any] = [""] * count
        flights = {
            "flight_id": ids,
            "rules_version": ["1"] * count,
            "icao24": icao24s,
            "firstseen": first.tolist(),
            "lastseen": last.tolist(),
            "callsign": [f"FW{n % 9000}" for n in frames.tolist()],
            "callsigns": same,
            "registration": same,
            "typecode": ["B738"] * count,
            "estdepartureairport": departures,
            "departure_method": ["observed"] * count,
            "departure_probability": [1.0] * count,
            "departure_candidates": [f'{{"{a}":1.0}}' for a in departures],
            "estarrivalairport": arrivals,
            "arrival_method": ["observed"] * count,
            "arrival_probability": [0.9] * count,
            "arrival_candidates": [f'{{"{a}":0.9}}' for a in arrivals],
            "first_latitude": rng.uniform(-60, 70, count).round(5).tolist(),
            "first_longitude": rng.uniform(-180, 180, count).round(5).tolist(),
            "last_latitude": rng.uniform(-60, 70, count).round(5).tolist(),
            "last_longitude": rng.uniform(-180, 180, count).round(5).tolist(),
            "points": rng.integers(20, 3000, count).tolist(),
            "longest_gap_s": rng.integers(10, 3000, count).astype(float).tolist(),
            "distance_nm": rng.uniform(100, 5000, count).round(1).tolist(),
            "status": ["landed"] * count,
            "source": ["adsblol"] * count,
            "provenance": [f"[{n}]" for n in rng.integers(1, 10**6, count).tolist()],
            "superseded": [False] * count,
        }
        yield (begin + step) * each, flights, _matches(rng, world, ids, icao24s, stamps)


def _matches(
    rng: np.random.Generator, world: World, ids: list[str], icao24s: list[str], stamps: Any
) -> dict[str, list[Any]]:
    some = np.flatnonzero(rng.random(len(ids)) < 0.05).tolist()
    routes = _skewed(rng, world.routes, len(some)).tolist()
    return {
        "route": [f"route {r}" for r in routes],
        "day": [str(stamps[n])[:10] for n in some],
        "icao24": [icao24s[n] for n in some],
        "flight_id": [ids[n] for n in some],
        "probability": [0.8] * len(some),
        "confirmed": [True] * len(some),
    }


def _route_days(world: World) -> dict[str, list[Any]]:
    days = [(FIRST + timedelta(days=n)).isoformat() for n in range(DAYS)]
    count = world.routes * DAYS
    return {
        "route": [name for r in range(world.routes) for name in [f"route {r}"] * DAYS],
        "day": days * world.routes,
        "flights": np.random.default_rng(3).poisson(0.4, count).astype(float).tolist(),
        "coverage": [0.95] * count,
    }
