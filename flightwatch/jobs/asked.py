"""What the configured feeds would be asked, without asking them: the requests of a round, its pace, its terms and its
gaps."""

from __future__ import annotations

from dataclasses import dataclass

from flightwatch import airports, places, sources
from flightwatch.config import Settings, SourceSettings
from flightwatch.errors import ConfigError
from flightwatch.jobs.poll import every
from flightwatch.sources.v2 import PROVIDERS

DAY_S = 86_400


@dataclass(frozen=True)
class Asked:
    """One source. `interval_s` is the time between two rounds of a daemon, `seconds` the least time a round takes, by
    the provider's spacing; `trouble` says why the source cannot be asked at all, `gaps` which parts of the
    configuration it cannot answer."""

    source: str
    kind: str
    enabled: bool
    requests: tuple[str, ...] = ()
    interval_s: float = 0.0
    seconds: float = 0.0
    a_day: int = 0
    terms: str = ""
    gaps: tuple[str, ...] = ()
    trouble: str = ""


def asked(settings: Settings) -> list[Asked]:
    """Every configured source, in the order of the file."""
    known = places.resolve(settings.places, airports.load())
    return [_asked(settings, source, known) for source in settings.sources]


def _asked(settings: Settings, source: SourceSettings, known: places.Places) -> Asked:
    name, terms = source.name or source.kind, PROVIDERS[source.kind].terms if source.kind in PROVIDERS else ""
    try:
        circles = list(dict.fromkeys(circle for area in source.areas for circle in known.area(area)))
        made = sources.build(source, settings.http, settings.contact, circles=circles)
    except ConfigError as error:
        return Asked(name, source.kind, source.enabled, terms=terms, trouble=str(error))
    requests = tuple(made.requests())
    rule = getattr(made, "rule", None)
    made.close()
    seconds = rule.spacing_s * max(len(requests) - 1, 0) if rule else 0.0
    interval = every(source.interval_s, settings.daemon.poll_s)
    between = max(interval, rule.spacing_s * len(requests) if rule else 0.0)
    rounds = DAY_S / between
    return Asked(
        name,
        source.kind,
        source.enabled,
        requests,
        interval,
        round(seconds, 1),
        round(rounds * len(requests)),
        terms,
        made.gaps,
    )
