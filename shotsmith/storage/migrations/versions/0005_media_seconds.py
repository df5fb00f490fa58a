"""How long sounds and videos play."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; what was stored before are images, which do not play."""
    op.add_column("media", sa.Column("seconds", sa.Float(), nullable=True))


def downgrade() -> None:
    """Remove it."""
    with op.batch_alter_table("media") as media:
        media.drop_column("seconds")
