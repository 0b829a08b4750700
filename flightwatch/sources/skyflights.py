"""OpenSky's finished flights by airport: its own estimates of where they began and ended, day by day."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from urllib.parse import urlencode

import msgspec
import pandas as pd

from flightwatch.errors import SourceError
from flightwatch.records import FLIGHT, Poll, conform, empty, flight_id
from flightwatch.sources import columns as col
from flightwatch.sources.opensky import REFUSALS, Session
from flightwatch.sources.status import require_json
from flightwatch.units import KM_PER_NM, instant

NAN = float("nan")
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)


class Flight(msgspec.Struct):
    """A row of `/flights/arrival` and `/flights/departure`."""

    icao24: str
    firstSeen: float
    lastSeen: float
    estDepartureAirport: str | None = None
    estArrivalAirport: str | None = None
    callsign: str | None = None
    estDepartureAirportHorizDistance: float | None = None
    estArrivalAirportHorizDistance: float | None = None


_FLIGHT = msgspec.json.Decoder(Flight)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class FlightsPiece:
    """One airport, one direction, one UTC day of finished flights: the unit of `backfill opensky`."""

    name: str
    day: date
    path: str
    session: Session = field(repr=False, compare=False)
    source: str = "opensky"

    def load(self) -> tuple[Poll, pd.DataFrame, float | None]:
        """The outcome of the request, the day's flights, and the seconds OpenSky asks us to wait, if it does.

        A 404 is OpenSky's way to say that there were no flights.
        """
        start = datetime.combine(self.day, clock_time(), UTC)
        end = start + timedelta(days=1)
        poll = Poll(self.source, self.name, start, end, "empty", planned=False)
        try:
            body = require_json(self.session.get(self.path))
            flights, rejected = parse_flights(body, self.source, self.name)
        except SourceError as error:
            if "HTTP 404" in str(error):
                return poll, empty(FLIGHT), None
            words = REFUSALS.get(error.outcome)
            note = f"{error}; {words}" if words else str(error)
            refused = Poll(self.source, self.name, start, end, error.outcome, note=note, planned=False)
            return refused, empty(FLIGHT), error.retry_after
        outcome = "ok" if len(flights) else "empty"
        return Poll(self.source, self.name, start, end, outcome, kept=len(flights), rejected=dict(rejected),
                    bytes=len(body), sha256=hashlib.sha256(body).hexdigest(), planned=False), flights, None  # fmt: skip


def flight_pieces(
    session: Session, airports: Sequence[str], first: date, last: date, *, done: Container[str] = ()
) -> Iterator[FlightsPiece]:
    """Arrivals and departures of each airport, day by day: an interval within one UTC day is the cheapest partition."""
    day = first
    while day <= last:
        begin = int(datetime.combine(day, clock_time(), UTC).timestamp())
        for airport in airports:
            for way in ("arrival", "departure"):
                name = f"flights/{way}/{airport}/{day}"
                if name not in done:
                    asked = urlencode({"airport": airport, "begin": begin, "end": begin + 86_399})
                    yield FlightsPiece(name, day, f"/flights/{way}?{asked}", session)
        day += timedelta(days=1)


def parse_flights(body: bytes, source: str, piece: str) -> tuple[pd.DataFrame, Counter[str]]:
    """A FLIGHT frame of OpenSky's own estimates, kept as reported, with the distance of each estimate."""
    rejected: Counter[str] = Counter()
    try:
        raw = _LIST.decode(body)
    except _FAULTS as error:
        raise SourceError(f"the body is not the answer expected: {error}", outcome="bad_schema") from None
    rows = [r for r in (_flight_row(x, source, piece, rejected) for x in raw) if r is not None]
    if not rows:
        return empty(FLIGHT), rejected
    frame = pd.DataFrame(rows)
    again = frame.duplicated("flight_id")
    if again.any():
        rejected["duplicate row"] += int(again.sum())
    return conform(frame[~again], FLIGHT), rejected


def _flight_row(raw: msgspec.Raw, source: str, piece: str, rejected: Counter[str]) -> dict[str, Any] | None:
    try:
        found = _FLIGHT.decode(raw)
    except _FAULTS:
        rejected["malformed row"] += 1
        return None
    _, usable, foreign = col.addresses([found.icao24])
    if not usable[0]:
        rejected["non-ICAO address" if foreign[0] else "no address"] += 1
        return None
    if not col.EARLIEST_S <= found.firstSeen <= found.lastSeen <= col.LATEST_S:
        rejected["impossible time"] += 1
        return None
    first, last = (instant(round(s * 1000)) for s in (found.firstSeen, found.lastSeen))
    icao24, sign = found.icao24.lower(), col.callsign(found.callsign or "")
    row: dict[str, Any] = {
        "flight_id": flight_id(icao24, first),
        "icao24": icao24,
        "callsign": sign,
        "callsigns": sign,
        "firstseen": first,
        "lastseen": last,
        "status": "landed" if found.estArrivalAirport else "lost",
        "source": source,
        "provenance": [f"{source}:{piece}"],
        "rules_version": "reported",
        "track": None,
    }
    ends = (
        ("departure", found.estDepartureAirport, found.estDepartureAirportHorizDistance),
        ("arrival", found.estArrivalAirport, found.estArrivalAirportHorizDistance),
    )
    for end, airport, metres in ends:
        code = col.clean_text(airport or "", 8).upper()
        row[f"est{end}airport"] = code
        row[f"{end}_method"] = "reported" if code else "unknown"
        row[f"{end}_probability"] = 1.0 if code else 0.0
        row[f"{end}_candidates"] = {code: 1.0} if code else {}
        row[f"{end}_distance_nm"] = NAN if metres is None else metres / 1000 / KM_PER_NM
    return row
