"""Every recording in the folder FLIGHTWATCH_REAL_DATA by its command: what was kept, what was refused and why.

Each file is given to every command that a user would try; if none takes it, the error is shown. The boards of Hong
Kong have local times and cities, so they are first made a flight list, as in their test.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flightwatch.errors import InputError
from flightwatch.sources import flightlist, identity, snapshots, traces
from tests.test_real import board

Taken = tuple[int, Counter[str]]
NO_RECORD = {".md", "", ".txt"}  # licences, read-mes, lists of contents
REFERENCE = "reference"  # tables to compare with; one can be imported


@dataclass(frozen=True)
class Entry:
    """Files of one kind: the command that read them, rows kept, and what was refused."""

    what: str
    door: str
    kept: int
    refused: Counter[str]
    said: str = ""


def entries(folder: Path) -> Iterator[Entry]:
    """Every file, grouped by folder and command."""
    together: dict[tuple[str, str], list[tuple[Path, Taken]]] = {}
    without: list[Entry] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in NO_RECORD):
        if path.parts[len(folder.parts)] == REFERENCE and path.name != "plane-alert-db.csv":
            continue
        door, taken, said = _through(path)
        if door:
            together.setdefault((_group(path, folder), door), []).append((path, taken))
        else:
            without.append(Entry(f"`{path.relative_to(folder)}`", "none", 0, Counter(), said))
    for (group, door), files in together.items():
        refused = sum((t[1] for _, t in files), Counter[str]())
        name = f"{len(files)} of `{group}`" if len(files) > 1 else f"`{files[0][0].name}` of `{group}`"
        yield Entry(name, door, sum(t[0] for _, t in files), refused)
    yield from without


def _group(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).parts[:-1]
    return "/".join(parts[:2])


def _through(path: Path) -> tuple[str, Taken, str]:
    """The first command that takes the file and its result, or the last error if none does."""
    said = ""
    for name, door, fits in DOORS:
        if not fits(path):
            continue
        try:
            return name, door(path), ""
        except InputError as error:
            said = str(error).replace(f"{path}: ", "").replace("|", "or")
    return "", (0, Counter()), said


def _traces(path: Path) -> Taken:
    loaded = [piece.load() for piece in traces.pieces([path])]
    return sum(f.poll.kept for f in loaded), sum((f.rejected for f in loaded), Counter[str]())


def _snapshots(path: Path) -> Taken:
    read = list(snapshots.read(path))
    return sum(f.poll.kept for f in read), sum((f.rejected for f in read), Counter[str]())


def _boards(path: Path) -> Taken:
    with tempfile.TemporaryDirectory() as made:
        listed = Path(made) / "boards.csv"
        board(path.parents[1], listed)
        flights, refused = flightlist.read(listed)
    return len(flights), Counter(refused)


def _identity(path: Path) -> Taken:
    rows, refused = identity.plane_alert(path.read_bytes(), datetime.now(UTC).date())
    return rows["icao24"].nunique(), refused


DOORS: tuple[tuple[str, Callable[[Path], Taken], Callable[[Path], bool]], ...] = (
    ("`backfill readsb`", _traces, lambda p: p.name.startswith("trace_full_")),
    ("`import flights`", _boards, lambda p: p.name.startswith("hkg_")),
    ("`aircraft update`", _identity, lambda p: p.parent.name == "plane-alert-db"),
    ("`backfill snapshots`", _snapshots, lambda p: True),
)


def section() -> str:
    """This section of the page."""
    folder = os.environ.get("FLIGHTWATCH_REAL_DATA")
    if not folder:
        raise SystemExit("FLIGHTWATCH_REAL_DATA must name the folder with the real recordings")
    lines = [
        "## The real recordings",
        "",
        "`python -m benchmarks.ingest --only real` reads them all again. Kept and refused sum to what is in the file,"
        " which the tests hold it to.",
        "",
        "| recording | door | kept | refused |",
        "|---|---|---:|---|",
    ]
    for e in entries(Path(folder).resolve()):
        refused = ", ".join(f"{n:,} {reason}" for reason, n in sorted(e.refused.items())) or "–"
        lines.append(f"| {e.what} | {e.door} | {f'{e.kept:,}' if e.door != 'none' else ''} | {e.said or refused} |")
    return "\n".join(lines) + "\n"
