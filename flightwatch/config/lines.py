"""The line of each key in a TOML file. `tomllib` does not report it, and "unknown key" without a line costs minutes."""

from __future__ import annotations

import re
import tomllib

_HEADER = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(#.*)?$")
_BARE_OR_QUOTED = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_KEY = re.compile(rf"^\s*({_BARE_OR_QUOTED}(?:\s*\.\s*{_BARE_OR_QUOTED})*)\s*=(.*)$")

Loc = tuple[str | int, ...]


def locate(text: str) -> dict[Loc, int]:
    """Location of each key, as in a pydantic error, -> line number.

    >>> locate('contact = "a"\\n[[source]]\\nkind = "sbs"\\n')
    {('contact',): 1, ('source', 0): 2, ('source', 0, 'kind'): 3}
    """
    found: dict[Loc, int] = {}
    counts: dict[Loc, int] = {}
    table: Loc = ()
    waiting = ""  # a value that continues over several lines
    for number, line in enumerate(text.splitlines(), start=1):
        if waiting:
            waiting = _unfinished(f"{waiting}\n{line}")
            continue
        if header := _HEADER.match(line):
            table = _entered(header.group(1), _parts(header.group(2)), counts)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            loc = (*table, *_parts(key.group(1)))
            found.setdefault(loc, number)
            waiting = _unfinished(key.group(2))
    return found


def _entered(bracket: str, parts: Loc, counts: dict[Loc, int]) -> Loc:
    """The location that a table header opens: a new item of an array, or a table inside an array's last item."""
    loc: Loc = ()
    for part in parts[:-1]:
        loc = (*loc, part)
        if loc in counts:
            loc = (*loc, counts[loc])
    loc = (*loc, parts[-1])
    if bracket == "[[":
        counts[loc] = counts.get(loc, -1) + 1
        return (*loc, counts[loc])
    return loc


def _parts(dotted: str) -> Loc:
    return tuple(part.strip("\"'") for part in re.findall(_BARE_OR_QUOTED, dotted))


def _unfinished(value: str) -> str:
    """The value so far if it needs more lines, else nothing. The parser itself decides, so there is no second
    grammar."""
    if not any(mark in value for mark in ("[", "{", '"""', "'''")):
        return ""
    try:
        tomllib.loads(f"v = {value}")
    except tomllib.TOMLDecodeError:
        return value
    return ""
