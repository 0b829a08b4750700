"""Tables of what people are told, and of the progress of jobs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, UniqueConstraint, text

from flightwatch.store.schema.parts import Id, Words, metadata, whole, words, yes

# -- what people are told -----------------------------------------------------------------------------------------

alert = Table(
    "alert",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    words("route"),
    words("episode"),
    words("routes"),
    whole("opened"),
    words("first_day"),
    words("last_day"),
    words("status"),
    words("severity"),
    words("headline"),
    Column("evidence", Words, nullable=False, server_default="{}"),
    whole("updated"),
    words("by"),
    words("reason"),
    whole("revision", default=0),
    UniqueConstraint("route", "episode"),
    Index(None, "status"),
)

alert_flight = Table(
    "alert_flight",
    metadata,
    Column("alert", Id, ForeignKey("alert.id"), primary_key=True),
    words("flight_id", key=True),
    whole("added"),
    Index(None, "flight_id"),
    sqlite_with_rowid=False,
)

alert_event = Table(
    "alert_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("alert", Id, ForeignKey("alert.id"), nullable=False),
    whole("at"),
    words("status"),
    words("severity"),
    words("by"),
    words("reason"),
    words("headline"),
    Index(None, "alert"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("alert", Id, ForeignKey("alert.id")),
    words("channel"),
    words("kind"),
    whole("sequence", default=0),
    words("uid"),
    Column("message", Words, nullable=False),
    words("state"),
    whole("attempts", default=0),
    whole("next_try"),
    whole("created"),
    Column("sent", BigInteger),
    words("answer"),
    yes("doubtful"),
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
    words("route"),
    words("reason"),
    words("by"),
    whole("created"),
    whole("expires"),
    Index(None, "expires"),
)

notice = Table(
    "notice",
    metadata,
    words("cause", key=True),
    whole("started", key=True),
    words("text"),
    Column("routes", Words, nullable=False, server_default="[]"),
    Column("first_day", Words),
    Column("last_day", Words),
    Column("ended", BigInteger),
)

# -- who works, and how far they are ------------------------------------------------------------------------------

lease = Table(
    "lease",
    metadata,
    words("name", key=True),
    words("holder"),
    whole("epoch"),
    whole("taken"),
    whole("expires"),
)

cycle = Table(
    "cycle",
    metadata,
    words("job", key=True),
    whole("start", key=True),
    words("holder"),
)

mark = Table("mark", metadata, words("name", key=True), Column("value", Words, nullable=False))
