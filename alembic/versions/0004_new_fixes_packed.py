"""Which airframes have new fixes is one value per poll, deleted once flights are built from it.

Revises: 0003
"""

from __future__ import annotations

import itertools
import struct

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SPAN = struct.Struct("<Iqq")  # address, first and last fix in ms


def upgrade() -> None:
    connection = op.get_bind()
    built = connection.execute(sa.text("SELECT value FROM mark WHERE name = 'flights:poll'")).scalar()
    rows = connection.execute(
        sa.text('SELECT poll, icao24, "first", "last" FROM touch WHERE poll > :built ORDER BY poll, icao24'),
        {"built": int(built or -1)},
    )
    values = [
        {"poll": poll, "content": b"".join(SPAN.pack(int(r[1], 16), r[2], r[3]) for r in own)}
        for poll, own in itertools.groupby(rows, key=lambda r: int(r[0]))
    ]
    op.drop_table("touch")
    made = op.create_table(
        "touch",
        sa.Column("poll", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary().with_variant(postgresql.BYTEA(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("poll", name=op.f("pk_touch")),
    )
    op.bulk_insert(made, values)


def downgrade() -> None:
    connection = op.get_bind()
    rows = [
        {"poll": poll, "icao24": f"{address:06x}", "first": first, "last": last}
        for poll, content in connection.execute(sa.text("SELECT poll, content FROM touch"))
        for address, first, last in SPAN.iter_unpack(content)
    ]
    op.drop_table("touch")
    made = op.create_table(
        "touch",
        sa.Column("poll", sa.BigInteger(), nullable=False),
        sa.Column("icao24", Words, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("poll", "icao24", name=op.f("pk_touch")),
        sqlite_with_rowid=False,
    )
    op.bulk_insert(made, rows)
