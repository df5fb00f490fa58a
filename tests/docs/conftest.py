from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pages import Block
from serving import served

from shotsmith import Client, Settings
from shotsmith.demo import DATA, INSTRUCTION, POOL
from shotsmith.service.app import create_app

ADDRESS = "http://127.0.0.1:8080"
RECORDS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


class Reader:
    """Someone who types a page's examples one after the other, in a directory with a few pictures.

    What the pages take for granted is there: `pictures/<class>/`, `query.jpg` and the data of a demo. A service on the
    address that the pages name is started when an example first needs it, on another port.
    """

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self._home = home
        self._stack = stack
        self._address: str | None = None
        self._names: dict[str, Any] = {"__name__": "page"}

    def run(self, block: Block) -> str:
        """What it prints; nothing for Python."""
        code = block.code
        if ADDRESS in code:
            code = code.replace(ADDRESS, self._service())
        if block.language == "python":
            exec(compile(code, block.place, "exec"), self._names)
            return ""
        done = subprocess.run(
            ["sh", "-eu", "-c", code], cwd=self._home, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, f"{block.place}\n{code}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _service(self) -> str:
        if self._address is None:
            self._address = self._stack.enter_context(served(create_app(Settings())))
        return self._address


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `shotsmith demo` leaves in demo/data, with a tenth of the drawings."""
    data = tmp_path_factory.mktemp("demo") / "data"
    with Client(path=data) as client:
        client.create_pool(POOL, instruction=INSTRUCTION)
        client.add(POOL, [{**record, "image": DATA.parent / record["image"]} for record in RECORDS[::10]])
    return data


@pytest.fixture
def reader(tmp_path: Path, demo_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    for kind in ("bird", "computer", "vehicle"):
        folder = tmp_path / "pictures" / kind
        folder.mkdir(parents=True)
        for record in [record for record in RECORDS if record["label"] == kind][:6]:
            shutil.copy(DATA.parent / record["image"], folder)
    shutil.copy(DATA.parent / "images" / "stampante.jpg", tmp_path / "query.jpg")
    shutil.copytree(demo_data, tmp_path / "demo" / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    with ExitStack() as stack:
        yield Reader(tmp_path, stack)
