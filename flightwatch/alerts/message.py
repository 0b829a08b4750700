"""An alert in words, for somebody woken by it: what, how unusual, how certain, what it rests on, and what it does not
mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from flightwatch.alerts import licences
from flightwatch.alerts.evidence import rows_by_id
from flightwatch.alerts.flightlist import TRACKER, row
from flightwatch.alerts.rules import Rules
from flightwatch.alerts.words import day as say_day
from flightwatch.alerts.words import flights as say_flights
from flightwatch.alerts.words import headline, listing, moment, split_rarity, times
from flightwatch.countries import said
from flightwatch.telling import Alert, Message
from flightwatch.words import number, rarity

UNKNOWABLE = (
    "Cargo, passengers and purpose are unknown: the only data are positions that aircraft broadcast.",
    "Flights with the transponder off, or out of reach of every receiver, are not in these numbers.",
)


def message(
    alert: Alert,
    flights: pd.DataFrame,
    findings: pd.DataFrame | None = None,
    kind: str = "opened",
    *,
    news: Sequence[str] = (),
    base_url: str | None = None,
    zone: str = "UTC",
    picture: bytes | None = None,
    tracker: str = TRACKER,
    names: Callable[[str], str] = str,
    command: str = "flightwatch",
) -> Message:
    """The message about an alert. `kind` is opened, updated or closed; `news` is what changed since the last message.

    `findings`, if given, adds the newest judged day of the route. `names` turns an airport id into words. `base_url` is
    where `flightwatch report` publishes its pages, and the message links to the alert's page there. `zone` is shown
    beside UTC.
    """
    evidence = alert.evidence
    top = evidence.get("peak", {})
    rows = rows_by_id(flights, evidence.get("flights", {})) if len(flights) else {}
    listed = sorted(evidence.get("flights", {}).items(), key=lambda item: _when(item[0], item[1], rows))
    table = tuple(row(name, entry, rows.get(name), zone=zone, tracker=tracker, names=names) for name, entry in listed)
    return Message(
        uid=f"{_thread(alert)}-{kind}{_serial(alert, kind)}",
        thread=_thread(alert),
        title=_title(alert, kind),
        summary=_summary(alert, top, kind, news),
        severity=alert.severity,
        facts=(
            *([("Since the last message", "; ".join(news))] if kind == "updated" and news else []),
            *_facts(alert, top, findings, zone),
        ),
        flights=table,
        notes=tuple(_notes(alert, top, rows)),
        footer=_footer(alert, command),
        picture=picture,
        link=f"{base_url.rstrip('/')}/{page(alert.id)}" if base_url else "",
    )


def _when(name: str, entry: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> tuple[bool, str, str]:
    """Sort key of the list: outbound before return, then by time; a flight without its row, by its day alone."""
    firstseen = rows[name]["firstseen"] if name in rows else None
    return bool(entry.get("home")), str(entry["day"]), f"{firstseen:%H%M%S}" if firstseen is not None else ""


def _thread(alert: Alert) -> str:
    """Stable for the life of an episode, and not shared by two databases that both have an alert 3."""
    return f"alert-{alert.id}-{alert.opened:%Y%m%dT%H%M%SZ}"


def _serial(alert: Alert, kind: str) -> str:
    """Updates are numbered. An alert opens and closes once (again only after a correction, which adds to the count)."""
    count = int(alert.evidence.get("told", {}).get("count", 0))
    return f"-{count}" if kind == "updated" or count > 1 else ""


def _title(alert: Alert, kind: str) -> str:
    mark = {"updated": f"{alert.severity.upper()} update:", "closed": "CLOSED"}.get(kind, alert.severity.upper())
    return f"[flightwatch] {mark} {headline(alert.route, alert.headline)}"


def _summary(alert: Alert, top: Mapping[str, Any], kind: str, news: Sequence[str]) -> str:
    if kind == "closed":
        return f"This alert is closed: {'; '.join(news) or alert.reason or 'quiet'}.\n{_so_far(alert)}"
    what = f"{_sentence(say_flights(top.get('observed') or 0.0))} in the {_span(top)}, {_than(top)}. {_known(alert)}"
    return f"New: {'; '.join(news)}.\n{what}" if kind == "updated" and news else what


def _known(alert: Alert) -> str:
    """In one sentence, how much of it was seen, and by how many aircraft."""
    evidence = alert.evidence
    listed, seen = int(evidence.get("listed", 0)), int(evidence.get("confirmed_flights", 0))
    if not listed:
        return "No single flight is on record for it."
    by = f", by {evidence['aircraft']} aircraft" if evidence.get("aircraft") else ""
    rest = "all were seen at both ends" if seen == listed else f"{seen or 'none'} seen at both ends"
    return f"{listed} flight{'s' if listed != 1 else ''} listed since {say_day(alert.first_day)}{by}; {rest}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _span(top: Mapping[str, Any]) -> str:
    until = say_day(date.fromisoformat(top["day"])) if top.get("day") else "today"
    window = int(top.get("window_days") or 1)
    return f"{window} days to {until}" if window > 1 else f"day of {until}"


def _than(top: Mapping[str, Any]) -> str:
    usual = top.get("expected") or 0.0
    multiple = float("inf") if top.get("multiple") is None else top["multiple"]
    if multiple == float("inf") or usual < 0.005:
        return "where none is usual"
    return f"where {number(usual)} is usual ({times(multiple)})"


def _facts(alert: Alert, top: Mapping[str, Any], findings: pd.DataFrame | None, zone: str) -> list[tuple[str, str]]:
    evidence = alert.evidence
    facts = [
        ("How unusual", _unusual(top)),
        ("How sure", _sure(alert)),
        ("Episode", _so_far(alert)),
        ("Severity", _sentence(f"{alert.severity}: {evidence.get('severity_reason', '')}".rstrip(": ")) + "."),
        ("Rests on", _rests(evidence, top)),
    ]
    _, reasons = split_rarity(str(reason) for reason in top.get("reasons") or ())
    if reasons:
        facts.append(("Why it fired", _sentence("; ".join(reasons[:5]).rstrip(".")) + "."))
    if len(alert.routes) > 1:
        facts.append(("Also seen by", "; ".join(map(said, alert.routes[1:]))))
    latest = _latest(alert, findings)
    if latest:
        facts.append(("Newest day judged", latest))
    model = f", model {top['model']}" if top.get("model") else ""
    facts.append(("Alert", f"Number {alert.id}, {alert.status}, opened {moment(alert.opened, zone)}{model}."))
    return facts


def _unusual(top: Mapping[str, Any]) -> str:
    multiple = float("inf") if top.get("multiple") is None else top["multiple"]
    band = ""
    if top.get("lower") is not None and top.get("upper") is not None:
        band = f" Nine in ten such windows have {_range(top['lower'], top['upper'])}."
    rare, _ = split_rarity(str(reason) for reason in top.get("reasons") or ())
    chance = "".join(f" {_sentence(r)}." for r in rare)
    if not rare and top.get("probability") is not None:
        chance = f" On such routes {rarity(top['probability'])}."
    counted = f"{number(top.get('observed') or 0.0)} against {number(top.get('expected') or 0.0)}"
    return f"{_sentence(times(multiple))} ({counted}).{band}{chance}"


def _range(lower: float, upper: float) -> str:
    return f"{number(lower)} to {number(upper)}" if upper > lower else number(upper)


def which_route(routes: Sequence[str]) -> str:
    """Which route a listed flight probably flew: an alert of several routes lists the flights of all of them."""
    return "this route" if len(routes) < 2 else "one of the routes of this alert"


def _sure(alert: Alert) -> str:
    evidence = alert.evidence
    seen, expected = evidence.get("confirmed_flights", 0), evidence.get("expected_flights", 0.0)
    inferred = int(evidence.get("listed", 0)) - int(seen)
    rest = f" {inferred} {'has' if inferred == 1 else 'have'} an end that nobody saw." if inferred > 0 else ""
    return (
        f"{seen} seen at both ends, {number(expected)} expected: each flight counts with the probability that it flew "
        f"{which_route(alert.routes)}.{rest}"
    )


def _so_far(alert: Alert) -> str:
    evidence = alert.evidence
    aircraft = int(evidence.get("aircraft", 0))
    by = f" by {aircraft} aircraft" if aircraft else ""
    back = int(evidence.get("homeward", 0))
    home = f", and {back} return flight{'s' if back != 1 else ''}" if back else ""
    flown = f"{say_flights(evidence.get('expected_flights', 0.0))}{by}{home}"
    return f"Since {say_day(alert.first_day)}: {flown}. Last unusual day: {say_day(alert.last_day)}."


def _rests(evidence: Mapping[str, Any], top: Mapping[str, Any]) -> str:
    parts = [f"Sources: {listing(evidence.get('sources', ())) or 'not recorded'}"]
    if top.get("coverage") is not None:
        parts.append(f"{top['coverage']:.0%} of the window watched")
    if top.get("history_days") is not None:
        parts.append(f"{top['history_days']} watched days of history")
    return f"{'; '.join(parts)}."


def _latest(alert: Alert, findings: pd.DataFrame | None) -> str:
    own = findings[findings["route"] == alert.route] if findings is not None else pd.DataFrame()
    if own.empty:
        return ""
    last = own.sort_values("day").iloc[-1]
    if pd.Timestamp(last["day"]).date() <= alert.last_day:
        return ""
    state = "unusual" if bool(last["flagged"]) else "not unusual"
    return f"{say_day(pd.Timestamp(last['day']).date())}: {state}"


def _notes(alert: Alert, top: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    evidence = alert.evidence
    out = []
    listed = [f for f in evidence.get("flights", {}).values() if not f.get("home")]
    dark = sum(1 for f in listed if f.get("to_method", "unknown") in ("inferred", "unknown"))
    if dark:
        of = f"{dark} of {len(listed)} flight{'s' if len(listed) != 1 else ''}"
        out.append(
            f"Nobody saw the landing of {of}: the destination is inferred or unknown. "
            "It is worked out from the last position, the track, and where the aircraft was next seen."
        )
    if evidence.get("suspect"):
        out.append(
            f"{evidence['suspect']} of the flights have doubted positions (see the list); the alert holds without them."
        )
    if evidence.get("muted"):
        out.append(f"There is doubt about the data: {evidence['muted']}")
    if (top.get("coverage") or 1.0) < 0.6:  # such a day is not learned from either
        out.append("Coverage was poor in this window: there may have been more flights.")
    if int(top.get("history_days") or 0) < Rules().min_history_days * 2:
        out.append(
            f"What is usual is known from {top.get('history_days') or 0} days only; the season may explain the rise."
        )
    return [*out, *UNKNOWABLE, *licences.notes(evidence.get("sources", ()))]


def page(number: int) -> str:
    """Path of an alert's page below the published reports.

    >>> page(3)
    'alerts/3.html'
    """
    return f"alerts/{number}.html"


def _footer(alert: Alert, command: str) -> str:
    return "\n".join(
        [
            f'Acknowledge: {command} alerts ack {alert.id} --note "who looks into it"',
            f'Not unusual: {command} alerts dismiss {alert.id} --reason "why"',
            f"See it all:  {command} alerts show {alert.id}",
        ]
    )
