"""Finished flights from a list: CSV (plain or gzip) or Parquet, with columns as in the OpenSky flight list.

Only the columns `firstseen`, `origin` and `destination` are required. What the list says counts as reported: no
position was seen, so nothing is inferred.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flightwatch.errors import InputError
from flightwatch.records import FLIGHT, conform, empty
from flightwatch.sources import archive, inflate
from flightwatch.sources import columns as col
from flightwatch.units import INSTANT

MANDATORY = ("firstseen", "origin", "destination")
TEXTS = ("callsign", "icao24", "registration", "typecode", "origin", "destination")
NUMBERS = ("latitude_1", "longitude_1", "altitude_1", "latitude_2", "longitude_2", "altitude_2")
_COLUMNS = (*TEXTS, "firstseen", "lastseen", *NUMBERS)
_OTHER_NAMES = {
    "estdepartureairport": "origin",
    "estarrivalairport": "destination",
    "departure": "origin",
    "arrival": "destination",
}
BATCH_ROWS = 50_000
MAX_FILE = 20 * 2**30  # bytes decoded; a month of the OpenSky list has 0.3 GB
LINES_NAMED = 5  # line numbers kept per reason: enough to look at, short enough to print
RULES_VERSION = "reported"


class Refused(Counter[str]):
    """Refused rows by reason; `lines` has the first line numbers of each.

    `unread_ends` counts the ends of kept rows whose code does not look like one; such an end is `unknown`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, list[int]] = {}
        self.unread_ends = 0

    def note(self, reason: str, lines: Iterable[int]) -> None:
        found = list(lines)
        if found:
            self[reason] += len(found)
            held = self.lines.setdefault(reason, [])
            held += found[: LINES_NAMED - len(held)]


def read(
    path: Path | str, *, airport: Callable[[str], str | None] | None = None, source: str = ""
) -> tuple[pd.DataFrame, Refused]:
    """The whole list as a FLIGHT frame, and what was refused.

    `airport` maps a code as written (ICAO, IATA, local) to our id, or None if it knows none; without it codes are used
    as they are. An unknown four-character code is kept; any other unknown code counts as not given. A flight with one
    end missing is kept with that end `unknown`; one with both missing is refused. Times without a zone are UTC, as in
    the OpenSky list; plain numbers are seconds since 1970.
    """
    frames, refused = [], Refused()
    for frame, batch in batches(path, airport=airport, source=source):
        frames.append(frame)
        for reason, lines in batch.lines.items():
            held = refused.lines.setdefault(reason, [])
            held += lines[: LINES_NAMED - len(held)]
        refused.update(batch)
        refused.unread_ends += batch.unread_ends
    flights = pd.concat(frames, ignore_index=True) if frames else empty(FLIGHT)
    again = flights.duplicated("flight_id")
    if again.any():  # the same flight in two batches
        refused["duplicate row"] += int(again.sum())
        flights = flights[~again].reset_index(drop=True)
    return flights, refused


def batches(
    path: Path | str, *, airport: Callable[[str], str | None] | None = None, source: str = ""
) -> Iterator[tuple[pd.DataFrame, Refused]]:
    """The same, batch by batch, for lists that do not fit in memory."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file")
    known: dict[str, str] = {}
    for rows, lines in _parquet(path) if _is_parquet(path) else _csv(path):
        yield _flights(rows, lines, known, airport, source or path.name)


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _csv(path: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    try:
        with path.open("rb") as file:
            yield from _csv_rows(csv.reader(_text(file), strict=True), path)
    except inflate.InflateError as error:
        raise InputError(f"{path}: {error}") from None
    except csv.Error as error:
        raise InputError(f"{path}: is not the CSV expected ({error})") from None


def _text(file: Any) -> Iterator[str]:
    """Lines of text of a plain or gzip file."""
    head = file.read(2**18)

    def parts() -> Iterator[bytes]:
        block = head
        while block:
            yield block
            block = file.read(2**18)

    source = inflate.chunks(parts(), limit=MAX_FILE) if inflate.is_gzip(head) else parts()
    return io.TextIOWrapper(
        io.BufferedReader(archive.Blocks(source)), encoding="utf-8-sig", errors="replace", newline=""
    )


def _csv_rows(reader: Any, path: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    header = next(reader, None)
    if header is None:
        raise InputError(f"{path}: is empty")
    places = _places(header, path)
    width = len(header)
    held: list[list[str]] = []
    lines: list[int] = []
    ragged: list[int] = []
    for row in _whole(reader, ragged):
        if len(row) == width:
            held.append(row)
            lines.append(reader.line_num)
        else:
            ragged.append(reader.line_num)
        if len(held) >= BATCH_ROWS:
            yield _columns(held, places, ragged), lines
            held, lines = [], []
            ragged.clear()
    if held or ragged:
        yield _columns(held, places, ragged), lines


def _whole(reader: Any, ragged: list[int]) -> Iterator[list[str]]:
    """The rows that can be read at all; the line numbers of others (a stray quote, a NUL) are recorded."""
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            ragged.append(reader.line_num)
            continue
        if row:
            yield row


def _columns(rows: list[list[str]], places: dict[str, int], ragged: list[int]) -> dict[str, Any]:
    turned = list(zip(*rows, strict=True))
    out: dict[str, Any] = {n: np.array(turned[i] if turned else [], dtype=object) for n, i in places.items()}
    out["ragged"] = list(ragged)
    return out


def _places(header: list[str], path: Path) -> dict[str, int]:
    """The position of each known column; InputError says what is missing and what was found."""
    names = [h.strip().strip("'\"").lower() for h in header]
    names = [_OTHER_NAMES.get(n, n) if _OTHER_NAMES.get(n) not in names else n for n in names]
    missing = [m for m in MANDATORY if m not in names]
    if missing:
        start = ", ".join(col.clean_text(h, 20) for h in header[:12])
        if start.lstrip().startswith("<"):
            raise InputError(f"{path}: is a web page (HTML), expected a CSV with {', '.join(MANDATORY)}")
        raise InputError(
            f"{path}: column {', '.join(missing)} is missing (found: {start});"
            f" expected at least {', '.join(MANDATORY)} as in the OpenSky flight list"
        )
    return {n: names.index(n) for n in _COLUMNS if n in names}


def _parquet(path: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(f"{path}: reading Parquet needs pyarrow: pip install 'flightwatch[notebook]'") from None
    try:
        with pq.ParquetFile(path) as file:
            places = _places(file.schema_arrow.names, path)
            names = {n: file.schema_arrow.names[i] for n, i in places.items()}
            done = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=list(names.values())):
                rows: dict[str, Any] = {n: batch.column(c).to_pandas().to_numpy() for n, c in names.items()}
                rows["ragged"] = []
                yield rows, range(done + 1, done + batch.num_rows + 1)
                done += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not a Parquet file that can be read ({str(error).splitlines()[0]})") from None


def _flights(
    rows: dict[str, Any], lines: Any, known: dict[str, str], airport: Callable[[str], str | None] | None, source: str
) -> tuple[pd.DataFrame, Refused]:
    refused = Refused()
    refused.note("wrong number of fields", rows.pop("ragged"))
    count = len(rows["firstseen"])
    frame = pd.DataFrame({n: _texts(rows.get(n), count) for n in TEXTS})
    frame["firstseen"] = _times(rows["firstseen"])
    frame["lastseen"] = _times(rows["lastseen"]) if "lastseen" in rows else frame["firstseen"]
    frame["lastseen"] = frame["lastseen"].fillna(frame["firstseen"])
    for name in NUMBERS:
        given = pd.Series(rows[name] if name in rows else np.full(count, np.nan), dtype=object)
        frame[name] = pd.to_numeric(given, errors="coerce").astype("float64").replace([np.inf, -np.inf], np.nan)
    frame["line"] = np.asarray(lines, dtype=np.int64)
    unread = np.zeros(count, dtype=np.int64)
    for end in ("origin", "destination"):
        given = frame[end] != ""
        frame[end] = _airports(frame[end], known, airport)
        unread += (given & (frame[end] == "")).to_numpy()
    frame["icao24"] = frame["icao24"].str.lower().where(frame["icao24"].str.fullmatch("[0-9a-fA-F]{6}"), "")
    frame["callsign"] = frame["callsign"].str.upper()
    frame["flight_id"] = _ids(frame) if count else ""
    keep = np.ones(count, dtype=bool)
    for reason, bad in (
        ("no firstseen", frame["firstseen"].isna()),
        ("neither origin nor destination", (frame["origin"] == "") & (frame["destination"] == "")),
        ("lastseen before firstseen", frame["lastseen"] < frame["firstseen"]),
        ("duplicate row", frame.duplicated("flight_id")),
    ):
        wrong = bad.to_numpy(dtype=bool) & keep
        refused.note(reason, frame["line"].to_numpy()[wrong].tolist())
        keep &= ~wrong
    refused.unread_ends = int(unread[keep].sum())
    return _shaped(frame[keep], source), refused


def _texts(values: Any, count: int) -> Any:
    if values is None:
        return np.full(count, "", dtype=object)
    given = ["" if col.absent(v) else str(v) for v in values]
    return np.asarray(col.texts(given), dtype=object)


def _times(values: Any) -> pd.Series:
    """Instants from ISO texts, seconds since 1970, or datetimes; anything else is unknown."""
    given = pd.Series(np.asarray(values))
    if pd.api.types.is_datetime64_any_dtype(given.dtype):
        return pd.to_datetime(given, utc=True).astype(INSTANT)
    numbers = pd.to_numeric(given, errors="coerce").astype("float64")
    sane = numbers.between(col.EARLIEST_S, col.LATEST_S)
    out = pd.to_datetime((numbers.where(sane) * 1000).round(), unit="ms", utc=True, errors="coerce").astype(INSTANT)
    rest = given[numbers.isna()]
    if len(rest):
        parsed = pd.to_datetime(rest.astype(str), utc=True, errors="coerce", format="ISO8601").astype(INSTANT)
        sane_text = parsed.dt.year.between(2000, 2099)
        out.loc[rest.index] = parsed.where(sane_text)
    return out


def _airports(codes: pd.Series, known: dict[str, str], airport: Callable[[str], str | None] | None) -> Any:
    for code in codes.unique().tolist():
        if code not in known:
            known[code] = _airport(code.upper(), airport)
    return codes.map(known)


def _airport(code: str, airport: Callable[[str], str | None] | None) -> str:
    if not code or airport is None:
        return code
    return airport(code) or (code if len(code) == 4 and code.isalnum() else "")


def _ids(frame: pd.DataFrame) -> Any:
    """Airframe and first fix, as everywhere; without an airframe, the callsign and the ends replace it."""
    when = frame["firstseen"].dt.strftime("%Y%m%dT%H%M%SZ").fillna("")
    sign = frame["callsign"].str.replace(" ", "", regex=False)
    ends = frame["origin"] + "-" + frame["destination"]
    who = frame["icao24"].where(frame["icao24"] != "", (sign + "-").where(sign != "", "") + ends)
    return (who + "-" + when).astype(object)


def _shaped(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    frame = frame.reset_index(drop=True)
    out = frame[["flight_id", "icao24", "callsign", "registration", "firstseen", "lastseen"]].copy()
    out["callsigns"] = frame["callsign"].str.replace(" ", "", regex=False)
    out["typecode"] = frame["typecode"].str.upper()
    for ours, theirs in (("departure", "origin"), ("arrival", "destination")):
        codes = frame[theirs].to_numpy(dtype=object)
        given = codes != ""
        out[f"est{ours}airport"] = codes
        out[f"{ours}_method"] = np.where(given, "reported", "unknown").astype(object)
        out[f"{ours}_probability"] = given.astype("float64")
        out[f"{ours}_candidates"] = pd.Series([{c: 1.0} if c else {} for c in codes.tolist()], dtype=object)
    for mine, number in (("first", 1), ("last", 2)):
        for kind in ("latitude", "longitude", "altitude"):
            out[f"{mine}_{kind}"] = frame[f"{kind}_{number}"]
    out["status"] = "landed"
    out["source"] = source
    out["provenance"] = pd.Series([[f"{source}:{n}"] for n in frame["line"].tolist()], dtype=object)
    out["rules_version"] = RULES_VERSION
    return conform(out, FLIGHT)
