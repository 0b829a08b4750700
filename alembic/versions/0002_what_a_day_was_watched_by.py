"""What a route-day's coverage is based on: how long we watched, and the traffic heard.

Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Double = sa.Float(53).with_variant(postgresql.DOUBLE_PRECISION(), "postgresql")


def upgrade() -> None:
    op.add_column("route_day", sa.Column("looked", Double, nullable=False, server_default=sa.text("1")))
    op.add_column("route_day", sa.Column("traffic", Double, nullable=False, server_default=sa.text("-1")))


def downgrade() -> None:
    with op.batch_alter_table("route_day", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.drop_column("traffic")
        batch.drop_column("looked")
