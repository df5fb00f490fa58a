"""Runs of experiments and their outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = sa.String(length=512).with_variant(sa.String(length=512, collation="C"), "postgresql")


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "runs",
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("name", _KEY, nullable=False),
        sa.Column("file", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("spent", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_runs")),
        sa.UniqueConstraint("name", name=op.f("uq_runs_name")),
    )
    op.create_table(
        "outcomes",
        sa.Column("run_uid", sa.String(length=32), nullable=False),
        sa.Column("arm", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("item", _KEY, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_uid"], ["runs.uid"], name=op.f("fk_outcomes_run_uid_runs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_uid", "arm", "seed", "item", name=op.f("pk_outcomes")),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("outcomes")
    op.drop_table("runs")
