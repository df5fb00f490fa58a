"""One directory, many processes: who opens it, who waits, and what survives a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path
from threading import Event, Thread

import pytest
from index_points import DIMS, ids, point, vector

from shotsmith.domain.errors import Busy, NotFound, Unavailable
from shotsmith.domain.protocols import Hit, Search
from shotsmith.retrieval.index.edge import EdgeIndex
from shotsmith.retrieval.index.edge_owner import Owner
from shotsmith.retrieval.index.edge_store import EdgeStore
from shotsmith.retrieval.index.edge_wire import read_holder, receive, send

X = vector(1, 0, 0, 0)

PREAMBLE = """
import os, sys
from pathlib import Path
import numpy as np
from shotsmith.domain.protocols import Point, Search
from shotsmith.retrieval.index.edge import EdgeIndex
root, X = Path(sys.argv[1]), np.array([1, 0, 0, 0], np.float32)
payload = dict(label="", labels=[], tags=[], split="", group="", metadata={}, content="")
def say(*words): print(*words, flush=True)
"""

Open = Callable[..., EdgeIndex]


@pytest.fixture
def opened(directory: Path) -> Iterator[Open]:
    """Opens the test's directory; whatever is still open afterwards is closed."""
    with ExitStack() as stack:

        def start(**options: object) -> EdgeIndex:
            index = EdgeIndex(directory, **options)  # type: ignore[arg-type]
            stack.callback(index.close)
            return index

        yield start


@pytest.fixture
def other(directory: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Runs code in another process, which is killed afterwards."""
    with ExitStack() as stack:

        def start(code: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", PREAMBLE + code, str(directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_whoever_comes_later_attaches_to_an_owner(
    opened: Open, other: Callable[[str], subprocess.Popen[str]]
) -> None:
    service = opened(serving=True)
    service.create("c", DIMS)
    service.upsert("c", [point("a", X)])
    assert service.owner != os.getpid()
    command = other(
        'index = EdgeIndex(root); index.upsert("c", [Point("b", {"image": X}, payload)])\n'
        'say(index.owner, *[hit.id for hit in index.search("c", Search("image", X, 9))])'
    )
    assert line(command) == f"{service.owner} a b"
    second = opened(serving=True)
    assert second.owner == service.owner
    assert ids(second.search("c", Search("image", X, 9))) == ["a", "b"]
    with pytest.raises(NotFound, match="no such collection"):
        second.count("nothing")


def test_an_inline_holder_is_named_when_it_does_not_finish(
    opened: Open, other: Callable[[str], subprocess.Popen[str]]
) -> None:
    holder = other("index = EdgeIndex(root); say('open'); sys.stdin.read()")
    assert line(holder) == "open"
    for serving in (False, True):
        with pytest.raises(Busy, match=f"process {holder.pid} has the embedded index"):
            opened(wait=0.1, serving=serving)


def test_opening_twice_in_one_process_says_so(opened: Open) -> None:
    opened()
    with pytest.raises(Busy, match="this process has"):
        opened(wait=0.0)


def test_an_inline_holder_that_finishes_in_time_is_waited_for(opened: Open) -> None:
    first = opened()
    waiting = Event()

    def finish() -> None:
        waiting.wait()
        first.close()

    thread = Thread(target=finish)
    thread.start()
    Thread(target=waiting.set).start()
    second = opened(wait=30.0)
    thread.join()
    assert second.owner == os.getpid()
    assert not second.exists("c")


def test_nothing_acknowledged_is_lost_when_a_writer_is_killed(
    opened: Open, other: Callable[[str], subprocess.Popen[str]]
) -> None:
    writer = other(
        f'index = EdgeIndex(root); index.create("c", {DIMS}); say("ready")\n'
        "for batch in range(10_000):\n"
        '    index.upsert("c", [Point(f"{batch}-{n}", {"image": X}, payload) for n in range(50)])\n'
        "    say(batch)\n"
    )
    assert line(writer) == "ready"
    while (acknowledged := int(line(writer))) < 15:
        pass
    writer.kill()
    assert writer.stdout is not None
    acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
    index = opened()
    assert index.owner == os.getpid()
    stored = {stored.id: stored.spaces for stored in index.scroll("c")}
    for batch in range(acknowledged + 1):
        assert all(stored[f"{batch}-{n}"] == {"image"} for n in range(50))
    assert index.search("c", Search("image", X, 2)) == [Hit("0-0", 1.0), Hit("0-1", 1.0)]
    index.upsert("c", [point("after", X)])
    assert index.count("c") == len(stored) + 1


def test_a_killed_owner_is_replaced_and_no_call_notices(opened: Open) -> None:
    service, attached = opened(serving=True), opened()
    service.create("c", DIMS)
    dead = service.owner
    written = Event()

    def write() -> None:
        for n in range(60):
            service.upsert("c", [point(f"{n:02}", X)])
            if n == 20:
                written.set()

    thread = Thread(target=write)
    thread.start()
    written.wait()
    os.kill(dead, signal.SIGKILL)
    thread.join()
    assert service.owner not in (dead, os.getpid())
    assert service.count("c") == 60
    assert attached.count("c") == 60
    assert attached.owner == service.owner


def test_an_owner_ends_with_its_parent(opened: Open, other: Callable[[str], subprocess.Popen[str]]) -> None:
    parent = other(
        f'index = EdgeIndex(root, serving=True); index.create("c", {DIMS})\n'
        'index.upsert("c", [Point("a", {"image": X}, payload)]); say(index.owner); sys.stdin.read()'
    )
    owner = int(line(parent))
    attached = opened()
    assert attached.owner == owner
    parent.kill()
    parent.wait()
    # The lock is free as soon as the owner has ended; then the caller opens the directory itself.
    heir = opened(wait=30.0)
    while heir.owner == owner:
        heir.count("c")
    assert heir.owner == os.getpid()
    assert ids(heir.search("c", Search("image", X, 9))) == ["a"]


def test_callers_outlive_a_service_that_closes(opened: Open) -> None:
    service, attached, second = opened(serving=True), opened(), opened(serving=True)
    service.create("c", DIMS)
    service.upsert("c", [point("a", X)])
    first = service.owner
    service.close()
    assert second.count("c") == 1
    assert second.owner not in (first, os.getpid())
    assert attached.count("c") == 1
    assert attached.owner == second.owner


def test_an_owner_ignores_signals_to_the_group(opened: Open) -> None:
    service = opened(serving=True)
    owner = service.owner
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(owner, number)
    service.create("c", DIMS)
    assert service.owner == owner


def test_leftovers_of_the_dead_do_not_block(directory: Path, opened: Open) -> None:
    directory.mkdir()
    (directory / "owner.lock").touch()
    (directory / "owner.sock").touch()
    holder = {"pid": 2**22, "address": str(directory / "owner.sock"), "key": "k"}
    (directory / "owner.json").write_text(json.dumps(holder))
    index = opened(wait=0.0)
    assert index.owner == os.getpid()
    index.close()
    assert opened(serving=True).owner != os.getpid()


def test_only_holders_of_the_key_are_heard(directory: Path, opened: Open) -> None:
    service = opened(serving=True)
    holder = read_holder(directory)
    assert holder is not None
    assert holder.address is not None
    assert holder.key is not None
    assert (directory / "owner.json").stat().st_mode & 0o077 == 0
    with pytest.raises(AuthenticationError):
        Client(holder.address, authkey=b"wrong")
    with Client(holder.address, authkey=holder.key.encode()) as connection:
        send(connection, ("close", ()))
        done, error = receive(connection)
    assert not done
    assert isinstance(error, Unavailable)
    assert not service.exists("c")


def test_an_owner_that_is_ending_hangs_up_instead_of_refusing(directory: Path) -> None:
    """So that its callers go to the next owner."""
    store = EdgeStore(directory)
    with Listener(str(directory / "s")) as listener:
        owner = Owner(store, listener, b"key")
        Thread(target=owner.serve, daemon=True).start()
        with Client(listener.address, authkey=b"key") as connection:
            send(connection, ("exists", ("c",)))
            assert receive(connection) == (True, False)
            owner.close()
            send(connection, ("exists", ("c",)))
            with pytest.raises(EOFError):
                receive(connection)


def test_a_long_path_is_no_obstacle(scratch: Path) -> None:
    service = EdgeIndex(scratch / ("d" * 100) / ("e" * 100), serving=True)
    try:
        assert not service.exists("c")
    finally:
        service.close()


def test_a_forked_child_is_told_instead_of_hanging(
    opened: Open, other: Callable[[str], subprocess.Popen[str]]
) -> None:
    parent = other(
        f'index = EdgeIndex(root); index.create("c", {DIMS})\n'
        "if pid := os.fork():\n"
        "    os.waitpid(pid, 0)\n"
        '    index.upsert("c", [Point("a", {"image": X}, payload)]); say(index.count("c"))\n'
        "else:\n"
        '    try: index.count("c")\n'
        "    except Exception as error: say(type(error).__name__, error)\n"
        "    index.close()\n"
    )
    assert line(parent).startswith("Unavailable the embedded index was opened before this process was forked")
    assert line(parent) == "1"


@pytest.mark.parametrize("serving", [False, True])
def test_close_is_final_and_idempotent(opened: Open, serving: bool) -> None:
    index = opened(serving=serving)
    index.create("c", DIMS)
    index.upsert("c", [point("a", X)])
    index.close()
    index.close()
    with pytest.raises(Unavailable, match="closed"):
        index.count("c")
    again = opened(wait=0.0)
    assert again.owner == os.getpid()
    assert again.count("c") == 1


def test_a_place_that_cannot_be_opened_is_named(directory: Path) -> None:
    directory.write_text("a file")
    with pytest.raises(Unavailable, match=directory.name):
        EdgeIndex(directory)


def test_an_owner_that_cannot_start_is_reported(
    directory: Path, opened: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    directory.mkdir()
    (directory / "collections").write_text("not a directory")
    with pytest.raises(Unavailable, match="should own the embedded index"):
        opened(serving=True)
    assert "FileExistsError" in capfd.readouterr().err
