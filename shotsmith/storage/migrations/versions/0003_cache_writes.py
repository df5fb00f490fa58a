"""What a provider's cache took in and what it saved."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; calls made before say nothing of either."""
    op.add_column("calls", sa.Column("cache_write_tokens", sa.BigInteger(), nullable=True))
    op.add_column("calls", sa.Column("saved_usd", sa.Float(), nullable=True))


def downgrade() -> None:
    """Remove them."""
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("saved_usd")
        calls.drop_column("cache_write_tokens")
