"""The tables, defined once for SQLite and PostgreSQL.

Instants are BIGINT milliseconds since 1970 UTC (SQLite stores no zone, and integers sort and index the same in both),
days are ISO dates, lists and dictionaries are JSON text. Text compares byte by byte in both. Everything that happened
has one key, so writing it twice leaves one row. Each table is written by one step only.
"""

from __future__ import annotations

from flightwatch.store.schema.flown import (
    candidate,
    finding,
    flight,
    flight_update,
    match,
    model,
    route,
    route_day,
    track,
)
from flightwatch.store.schema.observed import aircraft, body, claim, heard, kept, observation, poll, touch
from flightwatch.store.schema.parts import metadata
from flightwatch.store.schema.told import (
    alert,
    alert_event,
    alert_flight,
    cycle,
    delivery,
    lease,
    mark,
    notice,
    silence,
)

__all__ = [
    "HEAD",
    "REVISIONS",
    "aircraft",
    "alert",
    "alert_event",
    "alert_flight",
    "body",
    "candidate",
    "claim",
    "cycle",
    "delivery",
    "finding",
    "flight",
    "flight_update",
    "heard",
    "kept",
    "lease",
    "mark",
    "match",
    "metadata",
    "model",
    "notice",
    "observation",
    "poll",
    "route",
    "route_day",
    "silence",
    "touch",
    "track",
]

HEAD = "0004"
REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision this code knows, oldest first, so that telling older databases from newer ones needs no Alembic."""
