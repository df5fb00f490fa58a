"""The same request to the service is the same answer, byte for byte: again, from many threads, in another process."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import httpx2
import pytest
from drafts import rich_drafts
from pictures import shown
from selector_cases import CASES, LISTS
from serving import served
from ways_in import JSON, SETTINGS, settle

from shotsmith.engine import Engine
from shotsmith.service import create_app
from shotsmith.settings import Settings

THREADS = 8
PHOTO = {
    "images": [base64.b64encode(shown(900, 1)).decode()],
    "text": "red thing",
    "group": "g1",
    "metadata": {"site": "A", "device": 2},
}
QUERIES = [PHOTO, {"id": "e007"}, {"text": "blue кот"}]
RECIPES = [
    *(
        {"selector": one, "k": 5, "evaluation": place % 2 == 0}
        for place, (one, *_) in enumerate(CASES.values())
    ),
    "rices(k=4)|balanced|interleaved",
    'where(labels=["class 1",odd],splits=null)|random|grouped|with(seed=3)',
]
#: Path and body of every request: each recipe for one of the queries, and some as prompts.
REQUESTS = [
    ("/v1/prompts" if place % 5 == 0 else "/v1/selections", QUERIES[place % len(QUERIES)], recipe)
    for place, recipe in enumerate(RECIPES)
]
BODIES = [
    (path, json.dumps({"pool": "p", "query": query, "recipe": recipe})) for path, query, recipe in REQUESTS
]


def answer(http: httpx2.Client, place: int) -> bytes:
    path, body = BODIES[place]
    response = http.post(path, content=body, headers=JSON)
    assert response.status_code == 200, (body, response.text)
    return response.content


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a pool and its index in files, which nobody has open."""
    place = tmp_path_factory.mktemp("stored") / "data"
    with pytest.MonkeyPatch.context() as patch:
        settle(patch)
        patch.delenv("SHOTSMITH_INDEX_URL")
        settings = Settings.read(data_dir=place)
    with Engine(settings) as engine:
        engine.create_pool("p", instruction="What is it?")
        engine.add("p", rich_drafts(36))
        engine.import_neighbours("p", LISTS, {"e007": ["e009", "e003", "e020"]})
    return place


@pytest.fixture(scope="module")
def first(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What one thread is told, one request after the other."""
    with (
        fresh(stored, tmp_path_factory.mktemp("first")) as url,
        httpx2.Client(base_url=url, timeout=60) as http,
    ):
        told = [answer(http, place) for place in range(len(BODIES))]
        assert [answer(http, place) for place in range(len(BODIES))] == told
    return told


@contextmanager
def fresh(stored: Path, place: Path) -> Iterator[str]:
    """A server in this process on a copy of the data, which knows nothing yet."""
    shutil.copytree(stored, place / "data")
    with pytest.MonkeyPatch.context() as patch:
        settle(patch)
        settings = Settings.read(data_dir=place / "data")
    with Engine(settings) as engine, served(create_app(engine=engine)) as url:
        yield url


def test_answers_tell_the_requests_apart(first) -> None:
    """Else the tests below would compare nothing."""
    selections = {told for (path, _), told in zip(BODIES, first, strict=True) if path == "/v1/selections"}
    assert len(selections) == sum(path == "/v1/selections" for path, _ in BODIES)
    assert len(set(first)) == len(first)


def test_eight_threads_at_once_are_told_the_same_from_the_first_request_on(stored, first, tmp_path) -> None:
    with fresh(stored, tmp_path) as url:
        start = Barrier(THREADS)

        def ask(thread: int) -> list[bytes]:
            # Half of them go the same way, so that they meet over plans that nobody has made; half go other ways.
            places = range(len(BODIES))
            turn = 0 if thread % 2 else thread * len(BODIES) // THREADS
            order = [*places[turn:], *places[:turn]]
            with httpx2.Client(base_url=url, timeout=60) as http:
                start.wait()
                told = {place: answer(http, place) for place in order}
            return [told[place] for place in places]

        with ThreadPoolExecutor(THREADS) as threads:
            for told in threads.map(ask, range(THREADS)):
                assert told == first


def spawned(place: Path, seed: str, *arguments: str) -> subprocess.Popen[str]:
    """A command line in a process of its own, on the files of a data directory."""
    environment = {**os.environ, **SETTINGS, "PYTHONHASHSEED": seed}
    del environment["SHOTSMITH_INDEX_URL"]
    command = [sys.executable, "-m", "shotsmith", "--data-dir", "data", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=place, env=environment, **pipes)


@contextmanager
def serving(*places: Path) -> Iterator[list[str]]:
    """The addresses of `shotsmith serve`, a process for each data directory."""
    ports = []
    for _ in places:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    running = [
        spawned(place, str(seed), "serve", "--port", str(port))
        for seed, (place, port) in enumerate(zip(places, ports, strict=True), start=1)
    ]
    try:
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        for one, url in zip(running, urls, strict=True):
            until_ready(one, url)
        yield urls
    finally:
        for one in running:
            one.send_signal(signal.SIGINT)
        said = [one.communicate(timeout=60) for one in running]
    assert "Traceback" not in str(said)


def until_ready(running: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx2.get(f"{url}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_two_processes_on_files_are_told_the_same_as_memory_in_this_one(stored, first, tmp_path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        shutil.copytree(stored, place / "data")
    some = range(0, len(BODIES), 2)
    told = []
    with serving(*places) as urls:
        for url, step in zip(urls, (1, -1), strict=True):
            with httpx2.Client(base_url=url, timeout=60) as http:
                answers = {place: answer(http, place) for place in some[::step]}
                catalogue = [http.get(path).content for path in ("/v1/selectors", "/v1/schemas/recipe")]
            told.append(([answers[place] for place in some], catalogue))
    assert told[0] == told[1]
    assert told[0][0] == first[::2]
