"""A message as plain text: complete on its own, and the fallback for every other form."""

from __future__ import annotations

import textwrap

from flightwatch.telling import Message

WIDTH = 78  # RFC 5322 §2.1.1: lines of a mail should be no longer
REPEAT = "(may be a repeat) "
REPEAT_NOTE = "This may be a repeat: whether the first try arrived is not known."
PAGE = "The whole alert, with its map and reasons"
SHOWN = 50
"""Flights listed in full in a mail; the command in the footer shows the others."""


def title(message: Message, doubtful: bool) -> str:
    return f"{REPEAT if doubtful else ''}{message.title}"


def plain(message: Message, *, doubtful: bool = False) -> str:
    """The whole message for a text mail, a terminal or a log."""
    parts = [title(message, doubtful), ""]
    if doubtful:
        parts += [REPEAT_NOTE, ""]
    parts += [_fill(message.summary), ""]
    if message.link:
        parts += [f"{PAGE}: {message.link}", ""]
    if message.facts:
        parts += [*(_fact(label, value) for label, value in message.facts), ""]
    for heading, rows, total in legs(message):
        parts += [heading, "", *(flight(row) for row in rows)]
        parts += [f"  … and {total - len(rows)} more", ""] if total > len(rows) else [""]
    if message.notes:
        parts += ["What this is not", "", *(_bullet(note) for note in message.notes), ""]
    if message.footer:
        parts.append(message.footer)
    return "\n".join(parts).rstrip() + "\n"


def flight(row: dict[str, str]) -> str:
    """One flight on two or three lines, as narrow as a phone.

    >>> print(flight({"departed": "2024-12-14 02:15 UTC", "callsign": "RFF7681", "typecode": "IL76",
    ...               "icao24": "152cba", "from": "UUWW", "to": "probably HLLB (62%)"}))
      2024-12-14 02:15 UTC  RFF7681 IL76 152cba
        UUWW -> probably HLLB (62%)
    """
    who = " ".join(row[k] for k in ("callsign", "registration", "typecode", "icao24") if row.get(k))
    out = [f"  {row.get('departed', 'time unknown')}  {who or 'identity unknown'}"]
    out.append(_indented(f"{row.get('from', 'unknown')} -> {row.get('to', 'unknown')}"))
    if asides(row):
        out.append(_indented(asides(row)))
    if row.get("link"):
        out.append(f"    {row['link']}")
    return "\n".join(out)


def asides(row: dict[str, str]) -> str:
    """Remarks on a flight: how much it counts, and doubts about its positions."""
    said = [row["counted"]] if row.get("counted") else []
    if row.get("doubt"):
        said.append(f"positions doubted: {row['doubt']}")
    return "; ".join(said)


def legs(message: Message) -> list[tuple[str, list[dict[str, str]], int]]:
    """The flights under their headings, as many as are shown, with the total number: outbound first, then return."""
    out = [row for row in message.flights if row.get("leg") != "return"]
    home = [row for row in message.flights if row.get("leg") == "return"]
    groups = [("Flights", out), ("Return flights", home)]
    return [(f"{name} ({len(rows)})", rows[:SHOWN], len(rows)) for name, rows in groups if rows]


def _fact(label: str, value: str) -> str:
    return textwrap.fill(f"{label}: {value}", WIDTH, subsequent_indent="  ", break_long_words=False)


def _bullet(note: str) -> str:
    return textwrap.fill(note, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False)


def _indented(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="      ", break_long_words=False)


def _fill(text: str) -> str:
    return "\n".join(textwrap.fill(part, WIDTH, break_long_words=False) for part in text.splitlines())
