"""What keeps a valid alert from being sent: a silence that somebody set, or doubts about our own data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from fnmatch import fnmatchcase

from flightwatch.alerts.words import moment
from flightwatch.telling import Notice, Silence


def matches(pattern: str, route: str) -> bool:
    """A glob over route names, any case.

    >>> matches("*benghazi*", "Moscow and Minsk to Benghazi"), matches("Benghazi", "Moscow and Minsk to Benghazi")
    (True, False)
    """
    return fnmatchcase(route.casefold(), pattern.casefold())


def silenced(routes: Iterable[str], silences: Iterable[Silence], now: datetime) -> str:
    """Why alerts of these routes are not sent at `now`; empty if they are.

    Every route of an alert must be silenced: a silence on one watch does not hide what another watch found.
    """
    running = [silence for silence in silences if silence.created <= now < silence.expires]
    found = [next((s for s in running if matches(s.route, route)), None) for route in routes]
    if not found or any(silence is None for silence in found):
        return ""
    first = next(silence for silence in found if silence is not None)
    return f"silenced until {moment(first.expires)} by {first.by or 'somebody'}: {first.reason or 'no reason given'}"


def doubted(route: str, day: date, notices: Iterable[Notice]) -> Notice | None:
    """The data-quality notice that covers this route on this day, if any."""
    for notice in notices:
        if notice.first_day is None or not any(matches(pattern, route) for pattern in notice.routes):
            continue
        if notice.first_day <= day and (notice.last_day is None or day <= notice.last_day):
            return notice
    return None
