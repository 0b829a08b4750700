"""Tables of flights, and what they mean for the routes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, UniqueConstraint, text

from flightwatch.store.schema.parts import Double, Id, Words, metadata, whole, words, yes

# -- what they flew -----------------------------------------------------------------------------------------------


def _end(side: str) -> list[Column[Any]]:
    return [
        Column(f"est{side}airport", Words, nullable=False, server_default=""),
        Column(f"{side}_method", Words, nullable=False, server_default="unknown"),
        Column(f"{side}_probability", Double, nullable=False, server_default=text("0")),
        Column(f"{side}_candidates", Words, nullable=False, server_default="{}"),
        Column(f"{side}_distance_nm", Double),
    ]


flight = Table(
    "flight",
    metadata,
    words("flight_id", key=True),
    words("rules_version", key=True),
    words("icao24"),
    whole("firstseen"),
    whole("lastseen"),
    words("callsign"),
    words("callsigns"),
    words("registration"),
    words("typecode"),
    *_end("departure"),
    *_end("arrival"),
    Column("first_latitude", Double),
    Column("first_longitude", Double),
    Column("first_altitude", Double),
    Column("last_latitude", Double),
    Column("last_longitude", Double),
    Column("last_altitude", Double),
    whole("points", default=0),
    Column("longest_gap_s", Double, nullable=False, server_default=text("0")),
    Column("distance_nm", Double, nullable=False, server_default=text("0")),
    Column("status", Words, nullable=False, server_default="lost"),
    words("suspect"),
    words("source"),
    Column("provenance", Words, nullable=False, server_default="[]"),
    yes("superseded"),
    Index(None, "icao24", "firstseen"),
    Index(None, "firstseen"),
    Index(None, "estdepartureairport", "firstseen"),
    Index(None, "estarrivalairport", "firstseen"),
)

track = Table(
    "track",
    metadata,
    words("flight_id", key=True),
    words("rules_version", key=True),
    Column("content", LargeBinary, nullable=False),
)

candidate = Table(
    "candidate",
    metadata,
    words("airport", key=True),
    whole("firstseen", key=True),
    words("flight_id", key=True),
    words("rules_version", key=True),
    sqlite_with_rowid=False,
)

flight_update = Table(
    "flight_update",
    metadata,
    Column("id", Id, primary_key=True),
    words("flight_id"),
    whole("at"),
    words("field"),
    words("before"),
    words("after"),
    words("reason"),
    UniqueConstraint("flight_id", "field", "before", "after", "at"),
    Index(None, "at"),
)

# -- what it means ------------------------------------------------------------------------------------------------

route = Table(
    "route",
    metadata,
    words("name", key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    words("digest"),
    Column("definition", Words, nullable=False),
    yes("discovered"),
    yes("current"),
    whole("since"),
)

route_day = Table(
    "route_day",
    metadata,
    words("route", key=True),
    words("day", key=True),
    *(
        Column(name, Double, nullable=False, server_default=text("0"))
        for name in (
            "flights",
            "confirmed",
            "aircraft",
            "newcomers",
            "region_newcomers",
            "heavy",
            "military",
            "night",
            "reverse",
            "suspect",
        )
    ),
    Column("coverage", Double, nullable=False, server_default=text("1")),
    words("origin_group"),
    words("destination_group"),
    Column("looked", Double, nullable=False, server_default=text("1")),
    Column("traffic", Double, nullable=False, server_default=text("-1")),
    Index(None, "day"),
    sqlite_with_rowid=False,
)

match = Table(
    "match",
    metadata,
    words("route", key=True),
    words("day", key=True),
    words("icao24", key=True),
    words("flight_id", key=True),
    Column("probability", Double, nullable=False),
    yes("confirmed"),
    Index(None, "day"),
    Index(None, "flight_id"),
    Index(None, "route", "icao24", "day"),
    sqlite_with_rowid=False,
)

model = Table(
    "model",
    metadata,
    words("id", key=True),
    whole("created"),
    Column("record", Words, nullable=False),
    Column("artefact", LargeBinary),
)

finding = Table(
    "finding",
    metadata,
    words("route", key=True),
    words("day", key=True),
    words("model", key=True),
    whole("judged", default=0),
    whole("window_days"),
    *(
        Column(name, Double)
        for name in (
            "observed",
            "expected",
            "lower",
            "upper",
            "multiple",
            "probability",
            "score",
            "threshold",
        )
    ),
    yes("flagged"),
    Column("reasons", Words, nullable=False, server_default="[]"),
    Column("contributions", Words, nullable=False, server_default="{}"),
    Column("coverage", Double),
    whole("history_days", default=0),
    Index(None, "day"),
)
