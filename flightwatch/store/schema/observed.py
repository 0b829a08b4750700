"""Tables of what the feeds said and who the airframes are."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, SmallInteger, Table, UniqueConstraint, text

from flightwatch.store.schema.parts import Double, Id, Real, Words, metadata, whole, words, yes

# -- what the feeds said ------------------------------------------------------------------------------------------

poll = Table(
    "poll",
    metadata,
    Column("id", Id, primary_key=True),
    words("source"),
    words("query"),
    whole("started"),
    whole("finished"),
    words("outcome"),
    whole("kept", default=0),
    Column("rejected", Words, nullable=False, server_default="{}"),
    whole("bytes", default=0),
    words("sha256"),
    words("note"),
    yes("planned"),
    UniqueConstraint("source", "query", "started"),
    Index(None, "started"),
    Index(None, "sha256"),
    sqlite_autoincrement=True,  # ids are watermarks and must never be reused
)

body = Table(
    "body",
    metadata,
    words("sha256", key=True),
    whole("received"),
    whole("size"),
    words("encoding"),
    yes("pinned"),
    Column("content", LargeBinary, nullable=False),
    Index(None, "received"),
)

observation = Table(
    "observation",
    metadata,
    words("icao24", key=True),
    whole("time", key=True),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("altitude", Real),
    Column("geoaltitude", Real),
    Column("groundspeed", Real),
    Column("track", Real),
    Column("vertical_rate", Real),
    yes("onground"),
    words("callsign"),
    words("squawk"),
    words("position_type"),
    Column("nic", SmallInteger, nullable=False, server_default=text("-1")),
    words("source"),
    whole("poll", default=-1),
    Column("suspect", SmallInteger, nullable=False, server_default=text("0")),
    sqlite_with_rowid=False,
)

kept = Table(
    "kept",
    metadata,
    words("icao24", key=True),
    whole("first"),
    whole("last"),
    whole("fixes"),
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
    whole("hour", key=True),
    words("source", key=True),
    words("cell", key=True),
    whole("aircraft"),
    sqlite_with_rowid=False,
)

# -- who they are -------------------------------------------------------------------------------------------------

aircraft = Table(
    "aircraft",
    metadata,
    words("icao24", key=True),
    words("registration"),
    words("typecode"),
    words("operator"),
    whole("flags", default=0),
    words("source"),
    whole("firstseen"),
    whole("lastseen"),
    Column("provenance", Words, nullable=False, server_default="{}"),
    Index(None, "typecode"),
    Index(None, "registration"),
    sqlite_with_rowid=False,
)

claim = Table(
    "claim",
    metadata,
    words("icao24", key=True),
    words("source", key=True),
    words("registration", key=True),
    words("typecode", key=True),
    words("operator", key=True),
    whole("flags", key=True),
    whole("firstseen"),
    whole("lastseen"),
    sqlite_with_rowid=False,
)
