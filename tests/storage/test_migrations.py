from __future__ import annotations

from importlib.resources import files

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from shotsmith.domain.errors import InvalidParameter, Unavailable
from shotsmith.storage import Database
from shotsmith.storage.tables import metadata

VERSIONS = files("shotsmith.storage") / "migrations" / "versions"
NEWEST = max(file.name for file in VERSIONS.iterdir() if file.name.endswith(".py"))[:4]


def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_one_step_back_and_forward_again(database: Database) -> None:
    database.migrate("base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    database.migrate()
    assert set(metadata.tables) <= set(inspect(database.engine).get_table_names())


def test_opening_twice_changes_nothing(database: Database, database_url: str) -> None:
    again = Database(database_url)
    again.close()
    with database.read() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == NEWEST


@pytest.mark.parametrize("url", ["mysql://localhost/x", "not a url", "nosuch://x"])
def test_other_urls_are_refused_with_the_mend(url: str) -> None:
    with pytest.raises(InvalidParameter, match="sqlite:///PATH or postgresql"):
        Database(url)


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with pytest.raises(Unavailable) as caught:
        Database("postgresql://someone:s3cret@127.0.0.1:1/nothing?connect_timeout=2")
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)
