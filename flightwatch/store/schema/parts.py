"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, MetaData, Text, text
from sqlalchemy.dialects import postgresql

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Words = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in byte order, as in SQLite: row order and index use do not depend on a server's locale."""

Id = BigInteger().with_variant(Integer(), "sqlite")
"""A surrogate key; SQLite generates values only for INTEGER PRIMARY KEY."""

Real = Float(24).with_variant(postgresql.REAL(), "postgresql")
Double = Float(53).with_variant(postgresql.DOUBLE_PRECISION(), "postgresql")


def words(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Words, primary_key=key, nullable=False, server_default=None if key else "")


def whole(name: str, *, key: bool = False, default: int | None = None) -> Column[int]:
    return Column(
        name,
        BigInteger,
        primary_key=key,
        nullable=False,
        server_default=None if default is None else text(str(default)),
    )


def yes(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))
