"""Makes foreign text harmless before it goes out: once here, and escaped again by each exit in its own way."""

from __future__ import annotations

import unicodedata

from flightwatch.telling import Message

HEADER_LENGTH = 120
"""A header is cut at 120 characters, so that no name fills a screen."""

LINE_LENGTH = 2000
TITLE_LENGTH = 250
FLIGHTS = 500
"""More rows than this are named by number only: no reader scrolls through them in a message."""


def clean(text: str, limit: int = HEADER_LENGTH) -> str:
    r"""Printable ASCII on one line, for headers and names: nothing in it can end a header or begin an encoded word.

    >>> clean("Malmö\r\nBcc: x@y")
    'Malmo Bcc: x@y'
    >>> clean("=?utf-8?q?x=0D=0ABcc:_y?=")
    '= ?utf-8?q?x=0D=0ABcc:_y?='
    """
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).translate(DASHES)
    kept = "".join(c if " " <= c <= "~" else " " if c.isspace() or c < " " else "?" for c in plain)
    return cut(" ".join(kept.replace("=?", "= ?").split()), limit, "...")


DASHES = {0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2014: "-", 0x2192: "->", 0x2018: "'", 0x2019: "'"}


def line(text: str, limit: int = LINE_LENGTH) -> str:
    r"""Readable Unicode on one line: no control characters, direction overrides, surrogates, or private or unassigned
    characters.

    >>> line("RA-76842\x1b[31m\u202e red")
    'RA-76842 [31m red'
    """
    kept = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in unicodedata.normalize("NFC", _sound(text)))
    return cut(" ".join(kept.split()), limit)


def lines(text: str, limit: int = LINE_LENGTH) -> str:
    """The same for text of several lines, keeping its line ends."""
    return cut("\n".join(line(part, limit) for part in text.splitlines()), limit)


def _sound(text: str) -> str:
    """The text without lone surrogates, which no encoder accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")


def cut(text: str, limit: int, mark: str = "…") -> str:
    """
    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= limit else text[: max(0, limit - len(mark))] + mark


def tidy(message: Message) -> Message:
    """The message with every text cleaned. Never raises, and never loses a message because of its content."""
    return Message(
        uid=clean(message.uid),
        thread=clean(message.thread),
        title=line(message.title, TITLE_LENGTH),
        summary=lines(message.summary),
        severity=clean(message.severity, 20),
        facts=tuple((line(label, 100), line(value)) for label, value in message.facts),
        flights=tuple(_row(row) for row in message.flights[:FLIGHTS]),
        notes=tuple(line(note) for note in message.notes),
        footer=lines(message.footer),
        picture=message.picture,
        link=_web(line(message.link)),
    )


def _web(link: str) -> str:
    """The link if it is plainly a web link, else nothing."""
    return link if link.startswith(("https://", "http://")) and " " not in link else ""


def _row(row: dict[str, str]) -> dict[str, str]:
    """A row of a table; a link that is not plainly a web link is dropped."""
    out = {line(key, 40): line(value, 300) for key, value in row.items()}
    if not out.get("link", "https://").startswith(("https://", "http://")):
        out.pop("link")
    return out
