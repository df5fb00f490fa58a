"""The schema. Change it together with a migration; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Ids sort by code point everywhere, as in Python; PostgreSQL would use the database's language.
Key = String(512).with_variant(String(512, collation="C"), "postgresql")
Sha256 = String(64)
# SQLite only autoincrements a plain INTEGER primary key.
Sequence = BigInteger().with_variant(Integer(), "sqlite")

pools = Table(
    "pools",
    metadata,
    Column("uid", String(32), primary_key=True),
    Column("name", Key, nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("instruction", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("answer_format", Text, nullable=False),
    Column("encoder", Text, nullable=False),
    Column("encoder_id", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("contents", Sha256, nullable=False),  # order-independent hash of the set of examples
    Column("created_at", DateTime(timezone=True), nullable=False),
)

media = Table(
    "media",
    metadata,
    Column("sha256", Sha256, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("mime", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("pixel_sha256", Sha256, nullable=False),
    Column("dhash", String(16), nullable=False),  # "" for what is only heard
    Column("seconds", Float),  # how long it plays
)

examples = Table(
    "examples",
    metadata,
    Column("pool_uid", ForeignKey("pools.uid", ondelete="CASCADE"), primary_key=True),
    Column("id", Key, primary_key=True),
    Column("text", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("label", Key, nullable=False),  # the first label, "" for none
    Column("labels", JSON, nullable=False),
    Column("group", Key, nullable=False),
    Column("split", Key, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("pixel_key", Sha256, nullable=False),  # "" without pictures
    Column("text_key", Sha256, nullable=False),
    Column("content_sha256", Sha256, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index(None, "pool_uid", "pixel_key"),
    Index(None, "pool_uid", "text_key"),
    Index(None, "pool_uid", "group"),
    Index(None, "pool_uid", "label"),
)

example_media = Table(
    "example_media",
    metadata,
    Column("pool_uid", String(32), primary_key=True),
    Column("example_id", Key, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sha256", ForeignKey("media.sha256"), nullable=False, index=True),
    ForeignKeyConstraint(
        ["pool_uid", "example_id"], ["examples.pool_uid", "examples.id"], ondelete="CASCADE"
    ),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("pool_uid", String(32), nullable=False),
    Column("example_id", Key, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Index(None, "pool_uid", "seq"),
    sqlite_autoincrement=True,  # a sequence number is never used twice
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("encoder_id", Key, primary_key=True),
    Column("content", String(80), primary_key=True),  # kind and content hash
    Column("space", String(16), primary_key=True),
    Column("vector", LargeBinary, nullable=False),  # little-endian float32
)

renders = Table(
    "renders",
    metadata,
    Column("source_sha256", Sha256, primary_key=True),
    Column("spec", String(64), primary_key=True),
    Column("sha256", Sha256, nullable=False),
    Column("mime", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("key", Sha256, primary_key=True),
    Column("model", Text, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("cost_usd", Float),
    Column("saved_usd", Float),
    Column("latency_ms", Float, nullable=False),
    Column("finish_reason", String(64), nullable=False),
    Column("notes", JSON, nullable=False),
    Column("alternatives", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("key", Sha256, primary_key=True),
    Column("model", Text, nullable=False),
    Column("rules", Sha256, nullable=False),
    Column("state", JSON, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

plans = Table(
    "plans",
    metadata,
    Column("pool_uid", ForeignKey("pools.uid", ondelete="CASCADE"), primary_key=True),
    Column("version", String(16), primary_key=True),  # of the pool
    Column("key", Sha256, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

neighbours = Table(
    "neighbours",
    metadata,
    Column("pool_uid", ForeignKey("pools.uid", ondelete="CASCADE"), primary_key=True),
    Column("name", Key, primary_key=True),
    Column("query_id", Key, primary_key=True),
    Column("ids", JSON, nullable=False),  # best first
)

runs = Table(
    "runs",
    metadata,
    Column("uid", String(32), primary_key=True),
    Column("name", Key, nullable=False, unique=True),
    Column("file", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("spent", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("run_uid", ForeignKey("runs.uid", ondelete="CASCADE"), primary_key=True),
    Column("arm", Sha256, primary_key=True),
    Column("seed", BigInteger, primary_key=True),
    Column("item", Key, primary_key=True),
    Column("body", JSON, nullable=False),
)
