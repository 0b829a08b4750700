"""Many waiting messages as one: each is named, with what it says and what to do; none is dropped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from flightwatch.notify.quiet import SEVERITIES
from flightwatch.telling import Message


def digest(messages: Sequence[Message]) -> Message:
    """One message that carries all the others, in the given order, the most severe first.

    Its uid follows from theirs, so the same digest sent twice is recognisable. A digest of one message is that message.
    """
    if len(messages) == 1:
        return messages[0]
    uids = "\n".join(message.uid for message in messages)
    name = f"digest-{hashlib.sha256(uids.encode()).hexdigest()[:16]}"
    counts = Counter(message.severity for message in messages)
    sums = ", ".join(f"{counts[s]} {s}" for s in reversed(SEVERITIES) if counts[s])
    worst = next((s for s in reversed(SEVERITIES) if counts[s]), "info")
    return Message(
        uid=name,
        thread=name,
        title=f"[flightwatch] {worst.upper()} {len(messages)} messages: {sums}",
        summary=f"{len(messages)} messages waited and are sent together. Each alert by itself: the command beside it.",
        severity=worst,
        facts=tuple(_entry(message) for message in messages),
        notes=tuple(dict.fromkeys(note for message in messages for note in message.notes if _general(note, messages))),
        footer="See them all: flightwatch alerts list",
    )


def _entry(message: Message) -> tuple[str, str]:
    command = next((line for line in message.footer.splitlines() if " alerts show " in line), "")
    shown = command.partition(": ")[2].strip()
    flights = f" {len(message.flights)} flights listed." if message.flights else ""
    rest = f" ({shown})" if shown else ""
    page = f" {message.link}" if message.link else ""
    return message.title.removeprefix("[flightwatch] "), f"{message.summary}{flights}{rest}{page}"


def _general(note: str, messages: Sequence[Message]) -> bool:
    """Notes that apply to every message: limits of the method, and notices that the sources require."""
    return all(note in message.notes for message in messages) or note.startswith("Data from ")
