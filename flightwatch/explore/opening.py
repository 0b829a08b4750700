"""Finds and opens a database to explore."""

from __future__ import annotations

import os
from os import PathLike, fspath
from pathlib import Path

from flightwatch.errors import UsageError
from flightwatch.explore.explorer import Explorer
from flightwatch.store import open_store


def open(url: str | PathLike[str]) -> Explorer:
    """Open a database for exploring: a path to an SQLite file, or a URL. Never writes to it.

    Raises StoreError if there is none, or if it is of another version than this program.
    """
    text = fspath(url)
    if "://" not in text:
        text = f"sqlite:///{Path(text).absolute()}"
    return Explorer(open_store(text, readonly=True))


def demo(folder: str | PathLike[str] | None = None) -> Explorer:
    """Open the demo's database: in `folder`, else in $FLIGHTWATCH_DEMO_DIR, ./demo or ../demo."""
    told = os.environ.get("FLIGHTWATCH_DEMO_DIR")
    places = [Path(p) for p in ([folder] if folder else [told] if told else ["demo", "../demo"])]
    for place in places:
        if (place / "flightwatch.db").exists():
            return open(place / "flightwatch.db")
    looked = " or ".join(str(p) for p in places)
    raise UsageError(f"there is no demo in {looked}: run `flightwatch demo` (a minute, offline), or name its folder")
