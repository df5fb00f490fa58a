"""Kept plans, imported neighbour lists, and what a model would have said instead."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.String(length=512).with_variant(sa.String(length=512, collation="C"), "postgresql")


def upgrade() -> None:
    """Add them."""
    op.add_column("calls", sa.Column("alternatives", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("calls") as calls:
        calls.alter_column("alternatives", server_default=None)
    op.create_table(
        "neighbours",
        sa.Column("pool_uid", sa.String(length=32), nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("query_id", KEY, nullable=False),
        sa.Column("ids", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_uid"], ["pools.uid"], name=op.f("fk_neighbours_pool_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pool_uid", "name", "query_id", name=op.f("pk_neighbours")),
    )
    op.create_table(
        "plans",
        sa.Column("pool_uid", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_uid"], ["pools.uid"], name=op.f("fk_plans_pool_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pool_uid", "version", "key", name=op.f("pk_plans")),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("plans")
    op.drop_table("neighbours")
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("alternatives")
