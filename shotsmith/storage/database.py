"""Connections, transactions and migrations, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.sql.schema import Table

from ..domain.errors import InvalidParameter, MissingExtra, Unavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
_MEND = "Use sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"


class Database:
    """One SQL database, migrated to the current schema when it is opened.

    Args:
        url: SQLAlchemy URL, or the path of a SQLite file.

    Raises:
        InvalidParameter: The URL is malformed or names an unknown database.
        MissingExtra: The PostgreSQL driver is not installed.
        Unavailable: The database cannot be reached.
    """

    def __init__(self, url: str | Path) -> None:
        self.engine = _engine(url)
        try:
            self.migrate()
        except OperationalError as error:
            self.engine.dispose()
            shown = self.engine.url.render_as_string(hide_password=True)
            raise Unavailable(
                f"the database cannot be reached: {error.orig}",
                field="database_url",
                value=shown,
                mend="Check that it runs and that the URL is right",
            ) from None

    @property
    def dialect(self) -> str:
        """'sqlite' or 'postgresql'."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed whole at the end of the block, or not at all."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT, which SQLAlchemy only has per dialect."""
        return postgresql.insert(table) if self.dialect == "postgresql" else sqlite.insert(table)

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema to a revision (forward to head by default, or one step back by name)."""
        from alembic import command
        from alembic.config import Config
        from alembic.runtime.migration import MigrationContext
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.write() as connection:
            if revision == "head":
                head = ScriptDirectory.from_config(config).get_current_head()
                if MigrationContext.configure(connection).get_current_revision() == head:
                    return
                if self.dialect == "postgresql":
                    # Several processes may start at once; the lock goes with the transaction.
                    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7290145)")
            config.attributes["connection"] = connection
            direction = command.upgrade if revision == "head" else command.downgrade
            direction(config, revision)

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()


def now() -> datetime:
    """The current time, UTC."""
    return datetime.now(UTC)


def aware(moment: datetime) -> datetime:
    """SQLite forgets the time zone; everything stored is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _engine(url: str | Path) -> Engine:
    try:
        parsed = URL.create("sqlite", database=str(url)) if isinstance(url, Path) else make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise InvalidParameter(
                "unsupported database", field="database_url", value=parsed.get_backend_name(), mend=_MEND
            )
        engine = create_engine(parsed, **_options(parsed.get_backend_name()))
    except (ArgumentError, NoSuchModuleError):
        raise InvalidParameter("not a database URL", field="database_url", mend=_MEND) from None
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"PostgreSQL needs {error.name}", field="database_url", mend="pip install 'shotsmith[postgres]'"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    return engine


def _options(backend: str) -> dict[str, Any]:
    return {"pool_pre_ping": True} if backend == "postgresql" else {"connect_args": {"timeout": 30.0}}


def _sqlite_connect(connection: Any, _: object) -> None:
    # The driver must not begin transactions on its own: _sqlite_begin decides which kind.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    # A deferred transaction that later writes fails at once when another writer came between; take the lock first.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
