"""Who an airframe is, from the community's aircraft tables: read value by value, with disagreements kept visible.

Each table becomes rows (airframe, field, value, table, date), so that every value keeps its source and date. `union`
chooses, `conflicts` lists where the tables disagree. The tables are downloaded when the user asks and never shipped:
tar1090-db states no licence, plane-alert-db is ODbL, OpenSky's is for research.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from flightwatch.errors import InputError, SourceError
from flightwatch.records import AIRCRAFT, DAY, Column, Schema, conform, empty
from flightwatch.sources import columns as col
from flightwatch.sources import inflate
from flightwatch.sources.http import Client

VALUE: Schema = {
    "icao24": Column("str", "six lower-case hex digits"),
    "field": Column("str", "registration, typecode, operator, owner, flags, year"),
    "value": Column("str", "as the table says; flags as the number of readsb's dbFlags"),
    "source": Column("str", "the table"),
    "since": Column(DAY, "UTC date of the edition the value was read from"),
}
FIELDS = ("registration", "typecode", "operator", "owner", "flags", "year")
MAX_DECODED = 512 * 2**20  # OpenSky's table is 0.1 GB
MILITARY, INTERESTING = 1, 2  # bits of dbFlags
MONTHS_BACK = 4  # OpenSky publishes its table some weeks late
_TYPECODE = re.compile(r"[A-Z0-9]{2,4}\Z")


@dataclass(frozen=True)
class Table:
    """A table that can be downloaded: from where, on what terms, and how it is read."""

    name: str
    url: str
    hosts: tuple[str, ...]
    terms: str
    parse: Callable[[bytes, date], tuple[pd.DataFrame, Counter[str]]]


def tar1090(data: bytes, since: date) -> tuple[pd.DataFrame, Counter[str]]:
    """tar1090-db's `aircraft.csv.gz`: no header, `;`, escape `\\`, flags as a string of 0 and 1 by position.

    >>> rows, _ = tar1090(b"ADFEC3;;C17;10;BOEING C-17 Globemaster 3;;;\\n", date(2026, 4, 6))
    >>> rows[["icao24", "field", "value"]].values.tolist()
    [['adfec3', 'typecode', 'C17'], ['adfec3', 'flags', '1']]
    """
    rows, rejected = _rows(_text(data), delimiter=";", quoting=csv.QUOTE_NONE, escapechar="\\")
    names = ("icao24", "registration", "typecode", "flags", "", "year", "owner")
    whole = [r for r in rows if len(r) >= 4]
    if len(whole) < len(rows):
        rejected["wrong number of fields"] += len(rows) - len(whole)
    table = {n: [r[i] if i < len(r) else "" for r in whole] for i, n in enumerate(names) if n}
    table["flags"] = [_flag_bits(f) for f in table["flags"]]
    return _values(table, "tar1090-db", since, rejected)


def _flag_bits(text: str) -> str:
    """`10` is military, `0010` PIA: position by position, lowest bit first."""
    number = sum(1 << i for i, c in enumerate(text[:16]) if c == "1")
    return str(number) if number else ""


def plane_alert(data: bytes, since: date) -> tuple[pd.DataFrame, Counter[str]]:
    """plane-alert-db: a header with `$` and `#` before the names; `CMPG` Mil sets the military flag."""
    rows, rejected = _rows(_text(data))
    names = [h.lstrip("$#").strip().lower() for h in (rows[0] if rows else [])]
    _need(names, ("icao", "registration", "icao type"), "plane-alert-db")
    table = _by_name(rows[1:], names, {"icao": "icao24", "registration": "registration", "icao type": "typecode",
                                       "operator": "operator", "cmpg": "flags"}, rejected)  # fmt: skip
    listed = ["mil" in f.lower() for f in table.get("flags", [])]
    table["flags"] = [str(INTERESTING | MILITARY) if m else str(INTERESTING) for m in listed]
    return _values(table, "plane-alert-db", since, rejected)


def opensky(data: bytes, since: date) -> tuple[pd.DataFrame, Counter[str]]:
    """OpenSky's aircraft database: the new edition uses single quotes, the old one double quotes."""
    text = _text(data)
    rows, rejected = _rows(text, quotechar="'" if text.startswith("'") else '"')
    names = [h.strip().lower() for h in (rows[0] if rows else [])]
    _need(names, ("icao24", "registration", "typecode"), "OpenSky aircraft database")
    wanted = {n: n for n in ("icao24", "registration", "typecode", "operator", "owner")}
    table = _by_name(rows[1:], names, wanted | {"built": "year"}, rejected)
    table["year"] = [y[:4] if y[:4].isdigit() else "" for y in table.get("year", [""] * len(table["icao24"]))]
    return _values(table, "opensky-aircraft", since, rejected)


TABLES: dict[str, Table] = {
    "tar1090-db": Table(
        "tar1090-db",
        "https://github.com/wiedehopf/tar1090-db/raw/refs/heads/csv/aircraft.csv.gz",
        ("raw.githubusercontent.com",),
        "no licence stated: for your own use, not to be passed on",
        tar1090,
    ),
    "plane-alert-db": Table(
        "plane-alert-db",
        "https://github.com/sdr-enthusiasts/plane-alert-db/raw/refs/heads/main/plane-alert-db.csv",
        ("raw.githubusercontent.com",),
        "ODbL 1.0: name sdr-enthusiasts/plane-alert-db",
        plane_alert,
    ),
    "opensky-aircraft": Table(
        "opensky-aircraft",
        "https://s3.opensky-network.org/data-samples/metadata/aircraft-database-complete-{year}-{month:02d}.csv",
        (),
        "research and non-commercial use: cite Schäfer et al., IPSN 2014",
        opensky,
    ),
}
PRECEDENCE = ("plane-alert-db", "tar1090-db", "opensky-aircraft")
"""Whose value `union` takes first: hand-maintained and dated before merged before crowd-sourced."""


def download(table: Table, client: Client, today: date, *, base: str = "") -> bytes:
    """The table as published; for a monthly one, the newest edition. Raises SourceError."""
    trouble: SourceError | None = None
    for back in range(MONTHS_BACK if "{" in table.url else 1):
        months = today.year * 12 + today.month - 1 - back
        url = table.url.format(year=months // 12, month=months % 12 + 1) if "{" in table.url else table.url
        if base:
            url = base.rstrip("/") + url[url.index("/", len("https://")) :]
        try:
            return b"".join(client.stream(url, hosts=table.hosts, limit=MAX_DECODED, total_s=1800.0))
        except SourceError as error:
            trouble = error
            if error.outcome not in ("bad_request", "blocked"):  # this store answers 403 for what does not exist
                raise
    assert trouble is not None
    raise trouble


def _text(data: bytes) -> str:
    try:
        text = inflate.whole(data, limit=MAX_DECODED).decode("utf-8-sig")
    except (inflate.InflateError, UnicodeDecodeError) as error:
        raise InputError(f"the aircraft table cannot be read: {error}") from None
    if text.lstrip()[:1] == "<":
        raise InputError("the aircraft table is a web page (HTML), expected CSV")
    return text


def _rows(text: str, **dialect: Any) -> tuple[list[list[str]], Counter[str]]:
    try:
        return [r for r in csv.reader(io.StringIO(text, newline=""), **dialect) if r], Counter()
    except csv.Error as error:
        raise InputError(f"the aircraft table is not the CSV expected ({error})") from None


def _need(names: Sequence[str], wanted: Iterable[str], table: str) -> None:
    missing = [w for w in wanted if w not in names]
    if missing:
        found = ", ".join(col.clean_text(n, 20) for n in names[:8])
        raise InputError(f"{table}: column {', '.join(missing)} is missing (found: {found})")


def _by_name(
    rows: list[list[str]], names: list[str], wanted: dict[str, str], rejected: Counter[str]
) -> dict[str, list[str]]:
    places = {ours: names.index(theirs) for theirs, ours in wanted.items() if theirs in names}
    least = max(places.values()) + 1
    whole = [r for r in rows if len(r) >= least]
    if len(whole) < len(rows):
        rejected["wrong number of fields"] += len(rows) - len(whole)
    return {ours: [r[i] for r in whole] for ours, i in places.items()}


def _values(
    table: dict[str, list[str]], source: str, since: date, rejected: Counter[str]
) -> tuple[pd.DataFrame, Counter[str]]:
    """Long rows in the order of the table, field by field of each airframe."""
    address, usable, foreign = col.addresses([h.strip() for h in table["icao24"]])
    rejected["non-ICAO address"] += int(foreign.sum())
    rejected["no address"] += int((~usable & ~foreign).sum())
    hexes = np.array([f"{a:06x}" for a in address.tolist()], dtype=object)
    parts = []
    for position, name in enumerate(FIELDS):
        if name not in table:
            continue
        values = np.asarray(col.texts(table[name]), dtype=object)
        if name == "typecode":
            values = np.array([t if _TYPECODE.match(t := v.upper()) else "" for v in values], dtype=object)
        keep = usable & (values != "")
        parts.append(pd.DataFrame({"row": np.flatnonzero(keep), "position": position, "icao24": hexes[keep],
                                   "field": name, "value": values[keep]}))  # fmt: skip
    rejected = +rejected
    frame = pd.concat(parts, ignore_index=True)
    if frame.empty:
        return empty(VALUE), rejected
    frame = frame.sort_values(["row", "position"], ignore_index=True)
    frame["source"], frame["since"] = source, pd.Timestamp(since)
    return conform(frame.drop_duplicates(["icao24", "field", "value"]), VALUE), rejected


def union(values: pd.DataFrame, precedence: Sequence[str] = PRECEDENCE) -> pd.DataFrame:
    """An AIRCRAFT frame: each field from the first table that has a value, flags from all tables together.

    `source` names the table of each value, as `registration:tar1090-db typecode:plane-alert-db`; or just the table's
    name if all values come from one.
    """
    if values.empty:
        return empty(AIRCRAFT)
    rank = {name: i for i, name in enumerate(precedence)}
    frame = values.assign(rank=values["source"].map(rank).fillna(len(rank)).astype("int64"))
    frame = frame.sort_values(["icao24", "rank", "since"], ascending=[True, True, False], kind="stable")
    flags = frame[frame["field"] == "flags"]
    together = (
        flags.assign(number=flags["value"].astype("int64"))
        .groupby("icao24")["number"]
        .agg(lambda s: int(np.bitwise_or.reduce(s.to_numpy())))
    )
    best = frame[frame["field"] != "flags"].drop_duplicates(["icao24", "field"])
    wide = best.pivot(index="icao24", columns="field", values="value")
    out = pd.DataFrame(index=pd.Index(sorted(set(values["icao24"])), name="icao24"))
    for name in ("registration", "typecode", "operator", "owner"):
        out[name] = wide[name].reindex(out.index).fillna("").astype(object) if name in wide else ""
    out["operator"] = out["operator"].where(out["operator"] != "", out["owner"])
    out["flags"] = together.reindex(out.index).fillna(0).astype("int64")
    out["source"] = _sources(frame).reindex(out.index)
    return conform(out.drop(columns="owner").reset_index(), AIRCRAFT)


def _sources(frame: pd.DataFrame) -> pd.Series:
    used = frame.drop_duplicates(["icao24", "field"])
    told = (used["field"] + ":" + used["source"]).groupby(used["icao24"]).agg(" ".join)
    only = used.groupby("icao24")["source"].agg(["nunique", "first"])
    return told.where(only["nunique"] > 1, only["first"])


def conflicts(values: pd.DataFrame) -> pd.DataFrame:
    """Where tables disagree: icao24, field and what each says, as `YK-ATA (tar1090-db), YK-ATB (opensky-aircraft)`.

    Operators and owners are free text and differ in spelling everywhere, so only registrations and types are compared,
    without hyphens and blanks.
    """
    frame = values[values["field"].isin(["registration", "typecode"])]
    key = frame["value"].str.upper().str.replace(r"[\s-]", "", regex=True)
    differing = key.groupby([frame["icao24"], frame["field"]]).transform("nunique") > 1
    said = frame[differing].assign(said=frame["value"] + " (" + frame["source"] + ")")
    if said.empty:
        return pd.DataFrame({"icao24": [], "field": [], "said": []}, dtype=object)
    return said.groupby(["icao24", "field"], sort=True)["said"].agg(", ".join).reset_index()
