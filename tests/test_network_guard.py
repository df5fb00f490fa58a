"""The guard of conftest.py: tests cannot leave the machine."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import Counter
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _unreported(loopback_only: Counter[str]) -> Iterator[None]:
    before = loopback_only.copy()
    yield
    loopback_only.clear()
    loopback_only.update(before)


def test_names_do_not_resolve() -> None:
    with pytest.raises(socket.gaierror):
        socket.create_connection(("example.invalid", 80))


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_addresses_cannot_be_reached(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        with pytest.raises(OSError, match="loopback only"):
            sock.connect((address, 80))
        assert sock.connect_ex((address, 80)) == errno.ENETUNREACH


def test_asyncio_is_guarded_as_well() -> None:
    with pytest.raises(OSError, match="loopback only"):
        asyncio.run(asyncio.open_connection("192.0.2.1", 80))


def test_loopback_works() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_no_settings_come_from_the_shell() -> None:
    assert [name for name in os.environ if name.startswith("SHOTSMITH_") and "_TEST_" not in name] == []
