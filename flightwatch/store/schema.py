"""The tables, once, for SQLite and PostgreSQL alike.

Instants are BIGINT milliseconds since 1970 UTC (SQLite keeps no zone, and an integer sorts and indexes the same in
both), days are ISO dates, lists and dictionaries are JSON text. Text compares byte by byte in both. One key per thing
that happened, so that writing it twice leaves one row. Every table has one writer among the steps.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

HEAD = "0004"
REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision this code knows, oldest first: telling an older database from a newer one needs no Alembic."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Words = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in byte order, as SQLite has it: the order of rows and the use of indexes depend on no server's locale."""

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A surrogate key; SQLite counts only INTEGER PRIMARY KEY by itself."""

Real = Float(24).with_variant(postgresql.REAL(), "postgresql")
Double = Float(53).with_variant(postgresql.DOUBLE_PRECISION(), "postgresql")


def _words(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Words, primary_key=key, nullable=False, server_default=None if key else "")


def _whole(name: str, *, key: bool = False, default: int | None = None) -> Column[int]:
    return Column(
        name,
        BigInteger,
        primary_key=key,
        nullable=False,
        server_default=None if default is None else text(str(default)),
    )


def _yes(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


# -- what the feeds said ------------------------------------------------------------------------------------------

poll = Table(
    "poll",
    metadata,
    Column("id", Id, primary_key=True),
    _words("source"),
    _words("query"),
    _whole("started"),
    _whole("finished"),
    _words("outcome"),
    _whole("kept", default=0),
    Column("rejected", Words, nullable=False, server_default="{}"),
    _whole("bytes", default=0),
    _words("sha256"),
    _words("note"),
    _yes("planned"),
    UniqueConstraint("source", "query", "started"),
    Index(None, "started"),
    Index(None, "sha256"),
    sqlite_autoincrement=True,  # an id is a watermark: it must never be given out twice
)

body = Table(
    "body",
    metadata,
    _words("sha256", key=True),
    _whole("received"),
    _whole("size"),
    _words("encoding"),
    _yes("pinned"),
    Column("content", LargeBinary, nullable=False),
    Index(None, "received"),
)

observation = Table(
    "observation",
    metadata,
    _words("icao24", key=True),
    _whole("time", key=True),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("altitude", Real),
    Column("geoaltitude", Real),
    Column("groundspeed", Real),
    Column("track", Real),
    Column("vertical_rate", Real),
    _yes("onground"),
    _words("callsign"),
    _words("squawk"),
    _words("position_type"),
    Column("nic", SmallInteger, nullable=False, server_default=text("-1")),
    _words("source"),
    _whole("poll", default=-1),
    Column("suspect", SmallInteger, nullable=False, server_default=text("0")),
    sqlite_with_rowid=False,
)

kept = Table(
    "kept",
    metadata,
    _words("icao24", key=True),
    _whole("first"),
    _whole("last"),
    _whole("fixes"),
    Column("content", LargeBinary, nullable=False),
    Index(None, "last"),
)

touch = Table(
    "touch",
    metadata,
    Column("poll", BigInteger, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

heard = Table(
    "heard",
    metadata,
    _whole("hour", key=True),
    _words("source", key=True),
    _words("cell", key=True),
    _whole("aircraft"),
    sqlite_with_rowid=False,
)

# -- who they are -------------------------------------------------------------------------------------------------

aircraft = Table(
    "aircraft",
    metadata,
    _words("icao24", key=True),
    _words("registration"),
    _words("typecode"),
    _words("operator"),
    _whole("flags", default=0),
    _words("source"),
    _whole("firstseen"),
    _whole("lastseen"),
    Column("provenance", Words, nullable=False, server_default="{}"),
    Index(None, "typecode"),
    Index(None, "registration"),
    sqlite_with_rowid=False,
)

claim = Table(
    "claim",
    metadata,
    _words("icao24", key=True),
    _words("source", key=True),
    _words("registration", key=True),
    _words("typecode", key=True),
    _words("operator", key=True),
    _whole("flags", key=True),
    _whole("firstseen"),
    _whole("lastseen"),
    sqlite_with_rowid=False,
)

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
    _words("flight_id", key=True),
    _words("rules_version", key=True),
    _words("icao24"),
    _whole("firstseen"),
    _whole("lastseen"),
    _words("callsign"),
    _words("callsigns"),
    _words("registration"),
    _words("typecode"),
    *_end("departure"),
    *_end("arrival"),
    Column("first_latitude", Double),
    Column("first_longitude", Double),
    Column("first_altitude", Double),
    Column("last_latitude", Double),
    Column("last_longitude", Double),
    Column("last_altitude", Double),
    _whole("points", default=0),
    Column("longest_gap_s", Double, nullable=False, server_default=text("0")),
    Column("distance_nm", Double, nullable=False, server_default=text("0")),
    Column("status", Words, nullable=False, server_default="lost"),
    _words("suspect"),
    _words("source"),
    Column("provenance", Words, nullable=False, server_default="[]"),
    _yes("superseded"),
    Index(None, "icao24", "firstseen"),
    Index(None, "firstseen"),
    Index(None, "estdepartureairport", "firstseen"),
    Index(None, "estarrivalairport", "firstseen"),
)

track = Table(
    "track",
    metadata,
    _words("flight_id", key=True),
    _words("rules_version", key=True),
    Column("content", LargeBinary, nullable=False),
)

candidate = Table(
    "candidate",
    metadata,
    _words("airport", key=True),
    _whole("firstseen", key=True),
    _words("flight_id", key=True),
    _words("rules_version", key=True),
    sqlite_with_rowid=False,
)

flight_update = Table(
    "flight_update",
    metadata,
    Column("id", Id, primary_key=True),
    _words("flight_id"),
    _whole("at"),
    _words("field"),
    _words("before"),
    _words("after"),
    _words("reason"),
    UniqueConstraint("flight_id", "field", "before", "after", "at"),
    Index(None, "at"),
)

# -- what it means ------------------------------------------------------------------------------------------------

route = Table(
    "route",
    metadata,
    _words("name", key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _words("digest"),
    Column("definition", Words, nullable=False),
    _yes("discovered"),
    _yes("current"),
    _whole("since"),
)

route_day = Table(
    "route_day",
    metadata,
    _words("route", key=True),
    _words("day", key=True),
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
    _words("origin_group"),
    _words("destination_group"),
    Column("looked", Double, nullable=False, server_default=text("1")),
    Column("traffic", Double, nullable=False, server_default=text("-1")),
    Index(None, "day"),
    sqlite_with_rowid=False,
)

match = Table(
    "match",
    metadata,
    _words("route", key=True),
    _words("day", key=True),
    _words("icao24", key=True),
    _words("flight_id", key=True),
    Column("probability", Double, nullable=False),
    _yes("confirmed"),
    Index(None, "day"),
    Index(None, "flight_id"),
    Index(None, "route", "icao24", "day"),
    sqlite_with_rowid=False,
)

model = Table(
    "model",
    metadata,
    _words("id", key=True),
    _whole("created"),
    Column("record", Words, nullable=False),
    Column("artefact", LargeBinary),
)

finding = Table(
    "finding",
    metadata,
    _words("route", key=True),
    _words("day", key=True),
    _words("model", key=True),
    _whole("judged", default=0),
    _whole("window_days"),
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
    _yes("flagged"),
    Column("reasons", Words, nullable=False, server_default="[]"),
    Column("contributions", Words, nullable=False, server_default="{}"),
    Column("coverage", Double),
    _whole("history_days", default=0),
    Index(None, "day"),
)

# -- what people are told -----------------------------------------------------------------------------------------

alert = Table(
    "alert",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    _words("route"),
    _words("episode"),
    _words("routes"),
    _whole("opened"),
    _words("first_day"),
    _words("last_day"),
    _words("status"),
    _words("severity"),
    _words("headline"),
    Column("evidence", Words, nullable=False, server_default="{}"),
    _whole("updated"),
    _words("by"),
    _words("reason"),
    _whole("revision", default=0),
    UniqueConstraint("route", "episode"),
    Index(None, "status"),
)

alert_flight = Table(
    "alert_flight",
    metadata,
    Column("alert", Id, ForeignKey("alert.id"), primary_key=True),
    _words("flight_id", key=True),
    _whole("added"),
    Index(None, "flight_id"),
    sqlite_with_rowid=False,
)

alert_event = Table(
    "alert_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("alert", Id, ForeignKey("alert.id"), nullable=False),
    _whole("at"),
    _words("status"),
    _words("severity"),
    _words("by"),
    _words("reason"),
    _words("headline"),
    Index(None, "alert"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("alert", Id, ForeignKey("alert.id")),
    _words("channel"),
    _words("kind"),
    _whole("sequence", default=0),
    _words("uid"),
    Column("message", Words, nullable=False),
    _words("state"),
    _whole("attempts", default=0),
    _whole("next_try"),
    _whole("created"),
    Column("sent", BigInteger),
    _words("answer"),
    _yes("doubtful"),
    UniqueConstraint("alert", "channel", "kind", "sequence"),
    Index(
        "uq_delivery_notice",
        "channel",
        "kind",
        "uid",
        unique=True,
        sqlite_where=text("alert IS NULL AND uid <> ''"),
        postgresql_where=text("alert IS NULL AND uid <> ''"),
    ),
    Index(None, "state", "next_try"),
    sqlite_autoincrement=True,
)

silence = Table(
    "silence",
    metadata,
    Column("id", Id, primary_key=True),
    _words("route"),
    _words("reason"),
    _words("by"),
    _whole("created"),
    _whole("expires"),
    Index(None, "expires"),
)

notice = Table(
    "notice",
    metadata,
    _words("cause", key=True),
    _whole("started", key=True),
    _words("text"),
    Column("routes", Words, nullable=False, server_default="[]"),
    Column("first_day", Words),
    Column("last_day", Words),
    Column("ended", BigInteger),
)

# -- who works, and how far they are ------------------------------------------------------------------------------

lease = Table(
    "lease",
    metadata,
    _words("name", key=True),
    _words("holder"),
    _whole("epoch"),
    _whole("taken"),
    _whole("expires"),
)

cycle = Table(
    "cycle",
    metadata,
    _words("job", key=True),
    _whole("start", key=True),
    _words("holder"),
)

mark = Table("mark", metadata, _words("name", key=True), Column("value", Words, nullable=False))
