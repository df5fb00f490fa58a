"""What every test may rely on: no network beyond this machine and no settings from the developer's shell."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# SHOTSMITH_TEST_* point tests at real servers; everything else would change what is tested.
for _name in [name for name in os.environ if name.startswith("SHOTSMITH_")]:
    if not _name.startswith("SHOTSMITH_TEST_"):
        del os.environ[_name]
# Inherited by child processes, which the guard below does not reach.
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", HF_HUB_OFFLINE="1")

# Runs repeat exactly and do not depend on the machine's speed; HYPOTHESIS_PROFILE=dev explores instead.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

pytest_plugins = ["postgres"]  # fixtures that several parts share, in tests/support

_refused: Counter[str] = Counter()


@pytest.fixture(scope="session", autouse=True)
def own_event_loop() -> Iterator[None]:
    """Libraries that ask for the main thread's event loop get this one; Python would make one that nobody closes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[Counter[str]]:
    """This process sees an offline machine: other names do not resolve, other addresses cannot be reached.

    Python's sockets are guarded, sockets of compiled libraries (gRPC, obstore) are not. Yields what was refused.
    """
    getaddrinfo, connect, connect_ex = socket.getaddrinfo, socket.socket.connect, socket.socket.connect_ex

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host):
            _refused[str(host)] += 1
            raise socket.gaierror(socket.EAI_NONAME, f"tests reach loopback only, not {host!r}")
        return getaddrinfo(host, *args, **kwargs)

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if not _may_connect(self, address):
            raise OSError(errno.ENETUNREACH, f"tests reach loopback only, not {address!r}")
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        return connect_ex(self, address) if _may_connect(self, address) else errno.ENETUNREACH

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield _refused


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what the guard refused: code that goes on without its download would hide it."""
    if _refused:
        terminalreporter.section("network refused")
        for target, times in sorted(_refused.items()):
            terminalreporter.line(f"{target} ({times} times)")


def _may_connect(sock: socket.socket, address: Any) -> bool:
    # Connecting a datagram socket sends nothing; libraries use it to learn their own address.
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type == socket.SOCK_DGRAM:
        return True
    if _is_local(address[0]):
        return True
    _refused[f"{address[0]}:{address[1]}"] += 1
    return False


def _is_local(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
