"""A throwaway PostgreSQL cluster on a Unix socket and a loopback port."""

from __future__ import annotations

import getpass
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest


class Postgres:
    """A running cluster."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._names = count()

    def fresh_url(self) -> str:
        """The URL of a new, empty database."""
        import psycopg

        name = f"test_{next(self._names)}"
        admin = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"


def postgres_binaries() -> Path | None:
    """Where `initdb` and `postgres` are, if they are installed."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).resolve().parent
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return candidates[0].parent if candidates else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A cluster for the whole run."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's initdb and postgres are not installed")
    with start_postgres(binaries) as cluster:
        yield cluster


@contextmanager
def start_postgres(binaries: Path) -> Iterator[Postgres]:
    """Run a cluster until the block ends. As root it runs under the `postgres` user, which PostgreSQL demands."""
    root = Path(tempfile.mkdtemp(prefix="shotsmith-postgres-"))
    # PostgreSQL refuses to run as root, and its own user must be able to reach the folder.
    user = "postgres" if getpass.getuser() == "root" else None
    if user:
        shutil.chown(root, user)
    data = root / "data"
    initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"]
    subprocess.run([*initdb, "--locale=C.UTF-8"], check=True, capture_output=True, user=user, cwd=root)
    port = _free_port()
    options = [f"-cport={port}", "-clisten_addresses=127.0.0.1", "-cunix_socket_directories=", "-cfsync=off"]
    with open(root / "log", "wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *options], stderr=log, stdout=log, user=user, cwd=root
        )
        try:
            wait = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
            deadline = time.monotonic() + 30
            while subprocess.run(wait, check=False, capture_output=True).returncode != 0:
                if time.monotonic() > deadline:
                    raise RuntimeError((root / "log").read_text())
                time.sleep(0.05)
            yield Postgres(port)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)
            shutil.rmtree(root)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
