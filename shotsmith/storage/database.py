"""Connections, transactions and migrations, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql.schema import Table

from ..domain.errors import Busy, InvalidParameter, MissingExtra, Unavailable

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
        from alembic.util.exc import CommandError

        self.engine = _engine(url)
        try:
            self.migrate()
        except (DatabaseError, CommandError, Unavailable) as error:
            self.engine.dispose()
            reason = error.message if isinstance(error, Unavailable) else getattr(error, "orig", error)
            raise Unavailable(
                f"the database cannot be opened: {' '.join(str(reason).split())}",
                field="database_url",
                value=self.engine.url.render_as_string(hide_password=True),
                mend="Check that it runs, that the URL is right and that no newer Shotsmith wrote it",
            ) from None

    @property
    def dialect(self) -> str:
        """'sqlite' or 'postgresql'."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; all it reads is of one moment."""
        options = {"isolation_level": "REPEATABLE READ"} if self.dialect == "postgresql" else {}
        with _told(), self.engine.connect().execution_options(**options) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed whole at the end of the block, or not at all."""
        writes = {"writes": True}
        with _told(), self.engine.connect().execution_options(**writes) as connection, connection.begin():
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
        if revision == "head":
            head = ScriptDirectory.from_config(config).get_current_head()
            with self.read() as connection:
                if MigrationContext.configure(connection).get_current_revision() == head:
                    return
        with self.write() as connection:
            if self.dialect == "postgresql":
                # Several processes may start at once; the lock goes with the transaction.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7290145)")
            config.attributes["connection"] = connection
            direction = command.upgrade if revision == "head" else command.downgrade
            direction(config, revision)

    def close(self) -> None:
        """Release all connections."""
        self.engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    """Database failures as errors of ours, without the statement and its parameters."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        if "locked" in reason:
            raise Busy(
                "another process is writing to the database", field="database_url", mend="Try again"
            ) from None
        raise Unavailable(
            f"the database does not answer: {reason}", field="database_url", mend="Check that it runs"
        ) from None


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
    except (ArgumentError, NoSuchModuleError, ValueError):
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
