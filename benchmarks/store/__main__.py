"""Measure the store: `python -m benchmarks.store [--flights N] [--postgres URL] [--write FILE]`.

By default small, a minute. The published table needs `--flights 10000000`: half an hour and 20 GB of disk.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.page import merged
from benchmarks.store.databases import postgresql
from benchmarks.store.inserts import Row, measure
from benchmarks.store.questions import TRIES, Answer, World, ask, fill
from flightwatch.store import open_store

WITHIN_MS = {"route-days of a route over a year": 200.0}
"""Upper bounds of the 95th percentile; for every other question it is 10 ms."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--flights", type=int, default=100_000, help="how many flights to ask of (default 100,000)")
    parser.add_argument("--batches", type=int, default=10, help="batches of 15,000 fixes to insert (default 10)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each way of inserting (default 5)")
    parser.add_argument("--questions", type=int, default=40, help="how often each question is asked (default 40)")
    parser.add_argument("--postgres", default=os.environ.get("FLIGHTWATCH_TEST_POSTGRES"), help="URL of a server")
    parser.add_argument("--only", default="", help="of inserts, sqlite, postgresql (the questions), comma separated")
    parser.add_argument("--keep", type=Path, help="keep the SQLite file here, and ask it again if it is here")
    parser.add_argument("--write", type=Path, help="put the figures into this page, in place of those of the same rows")
    given = parser.parse_args()
    wanted = [p for p in given.only.split(",") if p] or ["inserts", "sqlite", "postgresql"]
    parts = []
    if "inserts" in wanted:
        parts.append(inserts(measure(given.postgres, count=given.batches, runs=given.runs)))
    for kind in ("SQLite", *(["PostgreSQL"] if given.postgres else [])):
        if kind.lower() in wanted:
            with _database(kind, given.postgres, given.keep) as url:
                parts.append(questions(kind, url, World(given.flights), given.questions))
    page = given.write.read_text() if given.write and given.write.exists() else f"# The store, measured\n\n{HEAD}\n"
    for part in parts:
        page = merged(page, part)
    print(_machine(given.postgres), *parts, sep="\n\n")
    if given.write:
        given.write.write_text(page)


HEAD = (
    "`python -m benchmarks.store` measures both databases; every figure is a median of runs that take turns with their"
    " reference, on one machine shared with other work, so the ratios say more than the seconds."
)


def _machine(server: str | None) -> str:
    from importlib.metadata import version

    drivers = f"SQLite {sqlite3.sqlite_version}, SQLAlchemy {version('sqlalchemy')}, pandas {version('pandas')}"
    if server:
        drivers += f", psycopg {version('psycopg')}"
        with open_store_admin(server) as number:
            drivers += f", PostgreSQL {number}"
    return f"{os.cpu_count()} processors, Python {platform.python_version()}, {drivers}."


@contextmanager
def open_store_admin(server: str) -> Iterator[str]:
    with postgresql(server) as url, open_store(url) as store:
        yield str(store.facts()["version"])


def inserts(rows: list[Row]) -> str:
    """The table of ways to insert. Processor time counts the client and the PostgreSQL backend."""
    lines = [
        "## Storing fixes",
        "",
        f"{rows[0].rows:,} fixes of 17 columns in transactions of 15,000, each into an empty table.",
        "",
        "| way | rows/s | ratio | rows per processor second | ratio of processor time |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for r in rows:
        ratios = ["1" if v is None else f"{v:.2f}" for v in (r.ratio, r.cpu_ratio)]
        lines.append(f"| {r.what} | {r.rows / r.seconds:,.0f} | {ratios[0]} | {r.rows / r.cpu:,.0f} | {ratios[1]} |")
    return "\n".join(lines) + "\n"


def questions(kind: str, url: str, world: World, times: int) -> str:
    """Fill a database, ask; returns the table of answers."""
    begun = time.perf_counter()

    def progress(what: str) -> None:
        print(f"{kind}: {what}, {time.perf_counter() - begun:.0f} s", flush=True)

    with open_store(url, create=True) as store:
        filled = float(store.get_mark("filled") or 0.0)
        if not filled:
            fill(store, world, progress)
            filled = time.perf_counter() - begun
            store.set_mark("filled", str(filled))
            store.checkpoint()
        progress("asking")
        answers = ask(store, world, times)
        size = int(store.facts()["bytes"])
    lines = [
        f"## Asking {world.flights:,} flights in {kind}",
        "",
        f"{world.aircraft:,} airframes, {world.airports:,} airports, {world.routes:,} routes, a year; filled and"
        f" indexed in {filled:.0f} s; {size / world.flights:.0f} bytes a flight with indexes, matches and route-days.",
        f"From the call of the method to its frame, {times} different ones, warm, the best of {TRIES} tries each.",
        "",
        "| question | p50 ms | p95 ms | bar | rows | by |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        *(_line(a) for a in answers),
    ]
    return "\n".join(lines) + "\n"


def _line(a: Answer) -> str:
    bar = WITHIN_MS.get(a.question, 10.0)
    mark = "" if a.p95 <= bar else " (missed)"
    by = ", ".join(f"`{i}`" for i in a.indexes) or "no index"
    return f"| {a.question} | {a.p50:.1f} | {a.p95:.1f}{mark} | {bar:.0f} | {a.rows:,} | {by} |"


@contextmanager
def _database(kind: str, server: str | None, keep: Path | None) -> Iterator[str]:
    if kind == "SQLite" and keep is not None:
        yield f"sqlite:///{keep}"
    elif kind == "SQLite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/fw.db"
    else:
        assert server is not None
        with postgresql(server) as url:
            yield url


if __name__ == "__main__":
    main()
