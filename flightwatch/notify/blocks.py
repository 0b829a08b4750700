"""A message as Slack blocks, within Slack's limits whatever it contains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flightwatch.notify import text
from flightwatch.notify.clean import cut
from flightwatch.telling import Message

MOST_BLOCKS = 45
BUDGET = 10_000
"""Slack accepts 50 blocks and, undocumented, about 13,200 characters (docs.slack.dev, block kit; the second by
trial)."""
SECTION = 2900  # of 3,000, so that a mark for cut text fits
HEADER = 150
SHOWN = 10
"""Flights in a Slack message; the command shows the others."""
PLAIN = 3900
"""Slack recommends at most 4,000 characters of text in a message."""
MARKS = {"high": ":red_circle:", "watch": ":large_orange_circle:", "info": ":white_circle:"}


def escape(value: str) -> str:
    """Escapes exactly what Slack asks for; afterwards it contains no mention, channel call or link.

    >>> escape("<!channel> A&B")
    '&lt;!channel&gt; A&amp;B'
    """
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def blocks(message: Message, *, doubtful: bool = False) -> list[dict[str, Any]]:
    """Header, why, facts, flights, what it is not, what to do; the longest texts are cut first if it is too much."""
    header = cut(f"{MARKS.get(message.severity, '')} {_unmarked(text.title(message, doubtful))}".strip(), HEADER)
    out: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": header, "emoji": True}}]
    facts = [f"*{escape(label)}:* {escape(value)}" for label, value in message.facts]
    flights = [_flight(row) for row in message.flights[:SHOWN]]
    if len(message.flights) > SHOWN:
        flights.append(f"… and {len(message.flights) - SHOWN} more")
    notes = [f"• {escape(note)}" for note in message.notes]
    summary = [escape(part) for part in message.summary.splitlines()]
    if message.link:
        summary.append(_linked(message.link, text.PAGE))
    if doubtful:
        summary.insert(0, f"_{text.REPEAT_NOTE}_")
    footer = ["\n".join(_command(line) for line in message.footer.splitlines())] if message.footer else []
    fixed = len(header) + sum(map(len, footer)) + len(escape(message.uid))
    summary, facts, flights, notes = _fit([summary, facts, flights, notes], BUDGET - fixed)
    out += _sections(summary) + _sections(facts)
    if flights:
        out += [{"type": "divider"}, *_sections([f"*Flights ({len(message.flights)})*", *flights])]
    if notes:
        out += [{"type": "divider"}, *_sections(["*What this is not*", *notes])]
    out += _sections(footer)
    out.append({"type": "context", "elements": [_mrkdwn(escape(message.uid) or "flightwatch")]})
    return out[: MOST_BLOCKS - 1] + out[-1:] if len(out) > MOST_BLOCKS else out


def plain(message: Message, *, doubtful: bool = False) -> str:
    """The whole message as the single text that Slack shows if there are no blocks."""
    return cut(escape(text.plain(message, doubtful=doubtful)), PLAIN)


def fallback(message: Message, *, doubtful: bool = False) -> str:
    """The text beside blocks, for notifications and readers that do not show them."""
    return cut(escape(f"{text.title(message, doubtful)}: {message.summary}"), PLAIN)


def _unmarked(value: str) -> str:
    """For plain_text, where escapes would be shown literally and nothing should be parsed: without angle brackets."""
    return value.replace("<", "‹").replace(">", "›")


def _mrkdwn(value: str) -> dict[str, Any]:
    """Formatted by our template only; `verbatim` keeps Slack from finding links and names in it."""
    return {"type": "mrkdwn", "text": value, "verbatim": True}


def _flight(row: dict[str, str]) -> str:
    who = " ".join(row[k] for k in ("callsign", "registration") if row.get(k))
    what = " ".join(row[k] for k in ("typecode", "icao24") if row.get(k))
    link = row.get("link", "")
    track = f" {_linked(link, 'track')}" if link else ""
    ends = f"{escape(row.get('from', 'unknown'))} → {escape(row.get('to', 'unknown'))}"
    back = "return flight, " if row.get("leg") == "return" else ""
    aside = f"\n_{escape(text.asides(row))}_" if text.asides(row) else ""
    when = f"{back}{escape(row.get('departed', 'time unknown'))}"
    return f"*{escape(who) or 'identity unknown'}* {escape(what)}{track}\n{when}\n{ends}{aside}"


def _linked(link: str, words: str) -> str:
    """A link under our own words; none if it contains a space."""
    return f"<{escape(link).replace('|', '%7C')}|{words}>" if " " not in link else escape(link)


def _command(line: str) -> str:
    label, colon, command = line.partition(": ")
    if colon and len(label) < 30:
        return f"{escape(label)}: `{escape(command.strip().replace('`', ''))}`"
    return escape(line)


def _sections(parts: Sequence[str]) -> list[dict[str, Any]]:
    """As few section blocks as will hold the parts, none over the limit."""
    out: list[str] = []
    for part in (cut_escaped(p, SECTION) for p in parts if p.strip()):
        if out and len(out[-1]) + 1 + len(part) <= SECTION:
            out[-1] += f"\n{part}"
        else:
            out.append(part)
    return [{"type": "section", "text": _mrkdwn(value)} for value in out]


def cut_escaped(value: str, limit: int) -> str:
    """Cuts the text, but never inside an escape or a link.

    >>> cut_escaped("abc &amp; def", 8)
    'abc …'
    """
    if len(value) <= limit:
        return value
    kept = value[: max(0, limit - 1)]
    for opening, closing in (("&", ";"), ("<", ">")):
        start = kept.rfind(opening)
        if start >= 0 and closing not in kept[start:]:
            kept = kept[:start]
    return f"{kept}…"


def _fit(groups: list[list[str]], budget: int) -> list[list[str]]:
    """The groups with their longest texts cut to one common length, so that together they stay within the budget."""
    lengths = sorted(len(part) + 1 for group in groups for part in group)
    if sum(lengths) <= budget:
        return groups
    left, remaining = budget, len(lengths)
    level = 0
    for length in lengths:
        level = left // remaining
        if length > level:
            break
        left, remaining = left - length, remaining - 1
    return [[cut_escaped(part, max(1, level - 1)) for part in group] for group in groups]
