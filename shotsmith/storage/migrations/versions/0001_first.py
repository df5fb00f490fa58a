"""The first schema: pools, examples, media, outbox, embeddings, renders and the call ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.String(length=512).with_variant(sa.String(length=512, collation="C"), "postgresql")


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "calls",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=True),
        sa.Column("cost_usd", sa.Float(), nullable=True),
        sa.Column("latency_ms", sa.Float(), nullable=False),
        sa.Column("finish_reason", sa.String(length=64), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_calls")),
    )
    op.create_table(
        "embeddings",
        sa.Column("encoder_id", KEY, nullable=False),
        sa.Column("content", sa.String(length=80), nullable=False),
        sa.Column("space", sa.String(length=16), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("encoder_id", "content", "space", name=op.f("pk_embeddings")),
    )
    op.create_table(
        "media",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mime", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("pixel_sha256", sa.String(length=64), nullable=False),
        sa.Column("dhash", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_media")),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("pool_uid", sa.String(length=32), nullable=False),
        sa.Column("example_id", KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_pool_uid_seq"), "outbox", ["pool_uid", "seq"], unique=False)
    op.create_table(
        "pools",
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("answer_format", sa.Text(), nullable=False),
        sa.Column("encoder", sa.Text(), nullable=False),
        sa.Column("encoder_id", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("contents", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_pools")),
        sa.UniqueConstraint("name", name=op.f("uq_pools_name")),
    )
    op.create_table(
        "renders",
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("mime", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source_sha256", "spec", name=op.f("pk_renders")),
    )
    op.create_table(
        "examples",
        sa.Column("pool_uid", sa.String(length=32), nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("label", KEY, nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("group", KEY, nullable=False),
        sa.Column("split", KEY, nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("pixel_key", sa.String(length=64), nullable=False),
        sa.Column("text_key", sa.String(length=64), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_uid"], ["pools.uid"], name=op.f("fk_examples_pool_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pool_uid", "id", name=op.f("pk_examples")),
    )
    op.create_index(op.f("ix_examples_pool_uid_group"), "examples", ["pool_uid", "group"], unique=False)
    op.create_index(op.f("ix_examples_pool_uid_label"), "examples", ["pool_uid", "label"], unique=False)
    op.create_index(
        op.f("ix_examples_pool_uid_pixel_key"), "examples", ["pool_uid", "pixel_key"], unique=False
    )
    op.create_index(op.f("ix_examples_pool_uid_text_key"), "examples", ["pool_uid", "text_key"], unique=False)
    op.create_table(
        "example_media",
        sa.Column("pool_uid", sa.String(length=32), nullable=False),
        sa.Column("example_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["pool_uid", "example_id"],
            ["examples.pool_uid", "examples.id"],
            name=op.f("fk_example_media_pool_uid_example_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["sha256"], ["media.sha256"], name=op.f("fk_example_media_sha256")),
        sa.PrimaryKeyConstraint("pool_uid", "example_id", "position", name=op.f("pk_example_media")),
    )
    op.create_index(op.f("ix_example_media_sha256"), "example_media", ["sha256"], unique=False)


def downgrade() -> None:
    """Remove everything."""
    op.drop_index(op.f("ix_example_media_sha256"), table_name="example_media")
    op.drop_table("example_media")
    op.drop_index(op.f("ix_examples_pool_uid_text_key"), table_name="examples")
    op.drop_index(op.f("ix_examples_pool_uid_pixel_key"), table_name="examples")
    op.drop_index(op.f("ix_examples_pool_uid_label"), table_name="examples")
    op.drop_index(op.f("ix_examples_pool_uid_group"), table_name="examples")
    op.drop_table("examples")
    op.drop_table("renders")
    op.drop_table("pools")
    op.drop_index(op.f("ix_outbox_pool_uid_seq"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("media")
    op.drop_table("embeddings")
    op.drop_table("calls")
