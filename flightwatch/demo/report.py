"""What the demo prints at the end: the alert as sent, the truth beside it, and what to do next."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from flightwatch.airports import load
from flightwatch.evidence import Pack, Verification
from flightwatch.telling import Episode, Notice
from flightwatch.units import iso, percent

RULE = "─" * 100


@dataclass(frozen=True)
class Found:
    """What the product found: its alerts, their flights, its notices, and how much was delivered."""

    alerts: tuple[Episode, ...]
    flights: pd.DataFrame
    notices: tuple[Notice, ...]
    mails: int
    posts: int


@dataclass(frozen=True)
class Packed:
    """The evidence pack of the alert, and the result of checking it."""

    pack: Pack
    checked: Verification


def report(found: Found, true: dict[str, Any], directory: Path, seconds: float, packed: Packed | None) -> str:
    """All of it as text."""
    parts = [RULE, _sent(directory), RULE, _beside(found, true), "", _faults(found, true), RULE]
    parts.append(_where(found, directory, seconds, packed))
    return "\n".join(parts)


def _sent(directory: Path) -> str:
    """The text part of the mail as sent."""
    import email
    import email.policy

    file = directory / "alert.eml"
    if not file.exists():
        return "No alert was sent."
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    head = f"From: {message['From']}\nTo: {message['To']}\nSubject: {message['Subject']}\n"
    return f"{head}\n{body.get_content().rstrip() if body else ''}"


def _beside(found: Found, true: dict[str, Any]) -> str:
    """Every true flight of the surge, and what was found of it."""
    surge = true["surge"]
    if surge is None:
        return "Truth: nothing unusual happened."
    numbers = {f["id"]: f for f in true["flights"]}
    days = len(surge["flight_days"])
    lines = [f"Truth: {len(surge['flights'])} outbound flights on {days} days from {surge['first_day']}."]
    lines.append(_opened(found, [numbers[number]["offblock"] for number in surge["flights"]]))
    lines.append(f"{'left':<17} {'aircraft':<20} {'true':<13} found")
    for number in surge["flights"]:
        flight = numbers[number]
        name = f"{flight['icao24']} {flight['registration']} {flight['typecode']}"
        way = f"{flight['origin']}-{flight['destination']}"
        lines.append(f"{flight['offblock'][:16].replace('T', ' ')}  {name:<20} {way:<13} {_made_of(flight, found)}")
    return "\n".join(lines)


def flight_day(opened: datetime, left: list[str]) -> int:
    """On which day of the surge with a flight something happened; `left` is when its flights left, ISO 8601.

    >>> from datetime import UTC
    >>> flight_day(datetime(2024, 12, 16, tzinfo=UTC), ["2024-12-12T08:00:00Z", "2024-12-15T06:00:00Z"])
    2
    """
    return len({when[:10] for when in left if when <= iso(opened)})


def _opened(found: Found, left: list[str]) -> str:
    if not found.alerts:
        return "Found: nothing."
    alert = found.alerts[0].alert
    day = flight_day(alert.opened, left)
    opened = iso(alert.opened)[:16].replace("T", " ")
    return (
        f"Found: alert {alert.id}, opened {opened} UTC on day {day} of the surge (days with flights); "
        f"it covers flights from {alert.first_day} on.\nRoutes in it: {', '.join(alert.routes)}."
    )


def _made_of(flight: dict[str, Any], found: Found) -> str:
    """The found flight of the same airframe whose time overlaps, with its ends as probabilities."""
    if flight["first_heard"] is None:
        return "– (nobody heard it)"
    mine = found.flights[found.flights["icao24"] == flight["icao24"]]
    begin, end = pd.Timestamp(flight["offblock"]), pd.Timestamp(flight["onblock"])
    mine = mine[(mine["firstseen"] <= end) & (mine["lastseen"] >= begin)]
    if mine.empty:
        return "– (not in the alert)"
    row = mine.iloc[0]
    return f"{_end(row, 'departure')} → {_end(row, 'arrival')}"


def _end(row: pd.Series, side: str) -> str:
    """The two likeliest airports of an end."""
    candidates = sorted((row[f"{side}_candidates"] or {}).items(), key=lambda item: -item[1])[:2]
    return " ".join(f"{name} {percent(share)}" for name, share in candidates) or "unknown"


def _faults(found: Found, true: dict[str, Any]) -> str:
    """What went wrong without any unusual traffic, and that it caused no alert."""
    faults = true["faults"]
    live = true["live_day"]
    thrown = [s for s in faults["spoofed"] if s["from"][:10] >= live]
    lines = ["What must not raise an alert:"]
    for s in thrown:
        name = getattr(load().find(s["airport"]), "city", s["airport"])
        lines.append(
            f"  {s['from'][:16].replace('T', ' ')}  GPS spoofing showed {len(s['aircraft'])} aircraft at {name}"
        )
    if faults["outage"]:
        lines.append(f"  {faults['outage'][0][:16].replace('T', ' ')}  the feed was down for half a day")
    if faults["new_receiver"]:
        since = faults["new_receiver"]["since"]
        where = f"a new receiver at {faults['new_receiver']['name']}"
        lines.append(f"  {since[:16].replace('T', ' ')}  {where} made everything around it look busier")
    others = len(found.alerts) - 1
    lines.append(f"Other alerts: {max(others, 0)}.")
    lines += [f"  {e.alert.headline}" for e in found.alerts[1:]]
    return "\n".join(lines)


def _where(found: Found, directory: Path, seconds: float, packed: Packed | None) -> str:
    file = directory / "config.toml"
    number = found.alerts[0].alert.id if found.alerts else 1
    route = found.alerts[0].alert.route if found.alerts else "Moscow and Minsk to Benghazi"
    me = _program()
    lines = [
        f"Played in {seconds:.0f} s; {found.mails} mails and {found.posts} Slack messages were delivered.",
        f"Database  {directory / 'flightwatch.db'}",
        f"Map       {directory / 'map.png'}",
        f"Alert     {directory / 'alert.eml'}, {directory / 'slack.json'}",
        f"Truth     {directory / 'truth.json'}",
        *(_evidence(packed) if packed else []),
        "",
        "Next:",
        f"  {me} alerts show {number} --config {file}",
        f'  {me} routes show "{route}" --config {file}',
        f'  {me} flights --route "{route}" --config {file}',
    ]
    if packed:
        lines.append(f"  {me} evidence verify {packed.pack.folder}")
    return "\n".join(lines)


def _evidence(packed: Packed) -> list[str]:
    """Where the pack is, which page to open, and whether it verifies."""
    checked = packed.checked
    if checked.ok:
        state = f"{checked.files} files verified, {checked.recomputed} flights rebuilt from the raw answers in it"
    else:
        state = "does not verify: " + "; ".join(checked.problems[:3])
    return [
        f"Evidence  {packed.pack.folder}/ and {packed.pack.archive}: {state}",
        f"          open {packed.pack.folder / 'index.html'} in a browser",
    ]


def _program() -> str:
    """How to call this program here: by its name if the shell finds it, else as it was called."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "flightwatch" and not shutil.which("flightwatch") else "flightwatch"
