"""The first tables.

Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Real = sa.Float(24).with_variant(postgresql.REAL(), "postgresql")
Double = sa.Float(53).with_variant(postgresql.DOUBLE_PRECISION(), "postgresql")


def words(*names: str, default: str | None = "") -> list[sa.Column[str]]:
    """Text columns, empty if unknown; without a default, a value is required."""
    return [sa.Column(n, Words, nullable=False, server_default=default) for n in names]


def whole(*names: str) -> list[sa.Column[int]]:
    """Required integer columns, mostly milliseconds."""
    return [sa.Column(n, sa.BigInteger(), nullable=False) for n in names]


def numbers(*names: str, kind: sa.types.TypeEngine[float] = Double) -> list[sa.Column[float]]:
    """Number columns that may be unknown."""
    return [sa.Column(n, kind) for n in names]


def zeros(*names: str) -> list[sa.Column[float]]:
    """Number columns that are 0 by default."""
    return [sa.Column(n, Double, nullable=False, server_default=sa.text("0")) for n in names]


def upgrade() -> None:
    _airframes()
    _polls()
    _fixes_and_flights()
    _about_flights()
    _routes()
    _findings()
    _alerts()
    _deliveries()
    _said_and_done()


def _airframes() -> None:
    op.create_table(
        "aircraft",
        sa.Column("icao24", Words, nullable=False),
        *words("registration", "typecode", "operator"),
        sa.Column("flags", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("source", Words, nullable=False, server_default=""),
        *whole("firstseen", "lastseen"),
        sa.Column("provenance", Words, nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("icao24", name=op.f("pk_aircraft")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_aircraft_registration"), "aircraft", ["registration"])
    op.create_index(op.f("ix_aircraft_typecode"), "aircraft", ["typecode"])
    op.create_table(
        "claim",
        *words("icao24", "source", "registration", "typecode", "operator", default=None),
        *whole("flags", "firstseen", "lastseen"),
        sa.PrimaryKeyConstraint(
            "icao24", "source", "registration", "typecode", "operator", "flags", name=op.f("pk_claim")
        ),
        sqlite_with_rowid=False,
    )


def _polls() -> None:
    op.create_table(
        "body",
        sa.Column("sha256", Words, nullable=False),
        *whole("received", "size"),
        sa.Column("encoding", Words, nullable=False, server_default=""),
        sa.Column("pinned", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_body")),
    )
    op.create_index(op.f("ix_body_received"), "body", ["received"])
    op.create_table(
        "heard",
        sa.Column("hour", sa.BigInteger(), nullable=False),
        *words("source", "cell", default=None),
        sa.Column("aircraft", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "source", "cell", name=op.f("pk_heard")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "poll",
        sa.Column("id", Id, nullable=False),
        *words("source", "query"),
        *whole("started", "finished"),
        sa.Column("outcome", Words, nullable=False, server_default=""),
        sa.Column("kept", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("rejected", Words, nullable=False, server_default="{}"),
        sa.Column("bytes", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        *words("sha256", "note"),
        sa.Column("planned", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poll")),
        sa.UniqueConstraint("source", "query", "started", name=op.f("uq_poll_source_query_started")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_poll_sha256"), "poll", ["sha256"])
    op.create_index(op.f("ix_poll_started"), "poll", ["started"])
    op.create_table(
        "touch",
        sa.Column("poll", sa.BigInteger(), nullable=False),
        sa.Column("icao24", Words, nullable=False),
        *whole("first", "last"),
        sa.PrimaryKeyConstraint("poll", "icao24", name=op.f("pk_touch")),
        sqlite_with_rowid=False,
    )


def _fixes_and_flights() -> None:
    op.create_table(
        "observation",
        *words("icao24", default=None),
        *whole("time"),
        *numbers("latitude", "longitude"),
        *numbers("altitude", "geoaltitude", "groundspeed", "track", "vertical_rate", kind=Real),
        sa.Column("onground", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        *words("callsign", "squawk", "position_type"),
        sa.Column("nic", sa.SmallInteger(), nullable=False, server_default=sa.text("-1")),
        sa.Column("source", Words, nullable=False, server_default=""),
        sa.Column("poll", sa.BigInteger(), nullable=False, server_default=sa.text("-1")),
        sa.Column("suspect", sa.SmallInteger(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("icao24", "time", name=op.f("pk_observation")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "flight",
        *words("flight_id", "rules_version", default=None),
        sa.Column("icao24", Words, nullable=False, server_default=""),
        *whole("firstseen", "lastseen"),
        *words("callsign", "callsigns", "registration", "typecode", "estdepartureairport"),
        sa.Column("departure_method", Words, nullable=False, server_default="unknown"),
        sa.Column("departure_probability", Double, nullable=False, server_default=sa.text("0")),
        sa.Column("departure_candidates", Words, nullable=False, server_default="{}"),
        sa.Column("departure_distance_nm", Double),
        sa.Column("estarrivalairport", Words, nullable=False, server_default=""),
        sa.Column("arrival_method", Words, nullable=False, server_default="unknown"),
        sa.Column("arrival_probability", Double, nullable=False, server_default=sa.text("0")),
        sa.Column("arrival_candidates", Words, nullable=False, server_default="{}"),
        *numbers(
            "arrival_distance_nm",
            "first_latitude",
            "first_longitude",
            "first_altitude",
            "last_latitude",
            "last_longitude",
            "last_altitude",
        ),
        sa.Column("points", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        *zeros("longest_gap_s", "distance_nm"),
        sa.Column("status", Words, nullable=False, server_default="lost"),
        *words("suspect", "source"),
        sa.Column("provenance", Words, nullable=False, server_default="[]"),
        sa.Column("superseded", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("flight_id", "rules_version", name=op.f("pk_flight")),
    )
    op.create_index(op.f("ix_flight_estarrivalairport_firstseen"), "flight", ["estarrivalairport", "firstseen"])
    op.create_index(op.f("ix_flight_estdepartureairport_firstseen"), "flight", ["estdepartureairport", "firstseen"])
    op.create_index(op.f("ix_flight_firstseen"), "flight", ["firstseen"])
    op.create_index(op.f("ix_flight_icao24_firstseen"), "flight", ["icao24", "firstseen"])


def _about_flights() -> None:
    op.create_table(
        "candidate",
        sa.Column("airport", Words, nullable=False),
        sa.Column("firstseen", sa.BigInteger(), nullable=False),
        *words("flight_id", "rules_version", default=None),
        sa.PrimaryKeyConstraint("airport", "firstseen", "flight_id", "rules_version", name=op.f("pk_candidate")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "flight_update",
        sa.Column("id", Id, nullable=False),
        sa.Column("flight_id", Words, nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *words("field", "before", "after", "reason"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flight_update")),
        sa.UniqueConstraint(
            "flight_id", "field", "before", "after", "at", name=op.f("uq_flight_update_flight_id_field_before_after_at")
        ),
    )
    op.create_index(op.f("ix_flight_update_at"), "flight_update", ["at"])
    op.create_table(
        "track",
        *words("flight_id", "rules_version", default=None),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("flight_id", "rules_version", name=op.f("pk_track")),
    )


def _routes() -> None:
    op.create_table(
        "match",
        *words("route", "day", "icao24", "flight_id", default=None),
        sa.Column("probability", Double, nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("route", "day", "icao24", "flight_id", name=op.f("pk_match")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_match_day"), "match", ["day"])
    op.create_index(op.f("ix_match_flight_id"), "match", ["flight_id"])
    op.create_index(op.f("ix_match_route_icao24_day"), "match", ["route", "icao24", "day"])
    op.create_table(
        "route",
        sa.Column("name", Words, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", Words, nullable=False, server_default=""),
        sa.Column("definition", Words, nullable=False),
        sa.Column("discovered", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("current", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_route")),
    )
    op.create_table(
        "route_day",
        *words("route", "day", default=None),
        *zeros(
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
        ),
        sa.Column("coverage", Double, nullable=False, server_default=sa.text("1")),
        *words("origin_group", "destination_group"),
        sa.PrimaryKeyConstraint("route", "day", name=op.f("pk_route_day")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_route_day_day"), "route_day", ["day"])


def _findings() -> None:
    op.create_table(
        "finding",
        *words("route", "day", "model", default=None),
        sa.Column("judged", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("window_days", sa.BigInteger(), nullable=False),
        *numbers("observed", "expected", "lower", "upper", "multiple", "probability", "score", "threshold"),
        sa.Column("flagged", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("reasons", Words, nullable=False, server_default="[]"),
        sa.Column("contributions", Words, nullable=False, server_default="{}"),
        sa.Column("coverage", Double),
        sa.Column("history_days", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("route", "day", "model", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_day"), "finding", ["day"])
    op.create_table(
        "model",
        sa.Column("id", Words, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("record", Words, nullable=False),
        sa.Column("artefact", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
    )


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        *words("route", "episode", "routes"),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        *words("first_day", "last_day", "status", "severity", "headline"),
        sa.Column("evidence", Words, nullable=False, server_default="{}"),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        *words("by", "reason"),
        sa.Column("revision", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("route", "episode", name=op.f("uq_alert_route_episode")),
    )
    op.create_index(op.f("ix_alert_status"), "alert", ["status"])
    op.create_table(
        "alert_event",
        sa.Column("id", Id, nullable=False),
        sa.Column("alert", Id, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *words("status", "severity", "by", "reason", "headline"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_event")),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_alert_event_alert")),
    )
    op.create_index(op.f("ix_alert_event_alert"), "alert_event", ["alert"])
    op.create_table(
        "alert_flight",
        sa.Column("alert", Id, nullable=False),
        sa.Column("flight_id", Words, nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alert", "flight_id", name=op.f("pk_alert_flight")),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_alert_flight_alert")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_alert_flight_flight_id"), "alert_flight", ["flight_id"])


def _deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", Id, nullable=False),
        sa.Column("alert", Id),
        *words("channel", "kind"),
        sa.Column("sequence", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("uid", Words, nullable=False, server_default=""),
        sa.Column("message", Words, nullable=False),
        sa.Column("state", Words, nullable=False, server_default=""),
        sa.Column("attempts", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        *whole("next_try", "created"),
        sa.Column("sent", sa.BigInteger()),
        sa.Column("answer", Words, nullable=False, server_default=""),
        sa.Column("doubtful", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_delivery_alert")),
        sa.UniqueConstraint(
            "alert", "channel", "kind", "sequence", name=op.f("uq_delivery_alert_channel_kind_sequence")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_delivery_state_next_try"), "delivery", ["state", "next_try"])
    op.create_index(
        op.f("uq_delivery_notice"),
        "delivery",
        ["channel", "kind", "uid"],
        unique=True,
        sqlite_where=sa.text("alert IS NULL AND uid <> ''"),
        postgresql_where=sa.text("alert IS NULL AND uid <> ''"),
    )


def _said_and_done() -> None:
    op.create_table(
        "notice",
        sa.Column("cause", Words, nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("text", Words, nullable=False, server_default=""),
        sa.Column("routes", Words, nullable=False, server_default="[]"),
        sa.Column("first_day", Words),
        sa.Column("last_day", Words),
        sa.Column("ended", sa.BigInteger()),
        sa.PrimaryKeyConstraint("cause", "started", name=op.f("pk_notice")),
    )
    op.create_table(
        "silence",
        sa.Column("id", Id, nullable=False),
        *words("route", "reason", "by"),
        *whole("created", "expires"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
    op.create_index(op.f("ix_silence_expires"), "silence", ["expires"])
    op.create_table(
        "cycle",
        sa.Column("job", Words, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("holder", Words, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("job", "start", name=op.f("pk_cycle")),
    )
    op.create_table(
        "lease",
        sa.Column("name", Words, nullable=False),
        sa.Column("holder", Words, nullable=False, server_default=""),
        *whole("epoch", "taken", "expires"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "mark",
        *words("name", "value", default=None),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mark")),
    )


def downgrade() -> None:
    gone = (
        "delivery alert_flight alert_event track touch silence route_day route poll observation notice model match "
        "mark lease heard flight_update flight finding cycle claim candidate body alert aircraft"
    )
    for name in gone.split():
        op.drop_table(name)
