"""The fixes of legs still open between two archive days are packed, one value per airframe.

Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "kept",
        sa.Column("icao24", Words, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("fixes", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary().with_variant(postgresql.BYTEA(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("icao24", name=op.f("pk_kept")),
    )
    op.create_index(op.f("ix_kept_last"), "kept", ["last"])


def downgrade() -> None:
    op.drop_index(op.f("ix_kept_last"), table_name="kept")
    op.drop_table("kept")
