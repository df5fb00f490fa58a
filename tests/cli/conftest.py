from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pictures import encoded, picture

from shotsmith import cli


class Run(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with quick settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOTSMITH_ENCODER", "fake")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture
def run(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Run]:
    """Run a command line in this process."""

    def run_(*arguments: object) -> Run:
        monkeypatch.setattr(sys, "argv", ["shotsmith", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return Run(code, captured.out, captured.err)

    return run_


@pytest.fixture
def spawn(home: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command line in another process."""

    def spawn_(*arguments: object, cwd: Path = home, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "shotsmith", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
        )

    return spawn_


@pytest.fixture
def folder(home: Path) -> Path:
    """An image folder of 30 pictures in 3 classes, written in no particular order."""
    root = home / "pictures"
    for number in (7 * step % 30 for step in range(30)):
        place = root / f"class {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:02d}.png").write_bytes(encoded(picture(number, hue=number % 3)))
    return root


@pytest.fixture
def query(home: Path) -> Path:
    path = home / "query.png"
    path.write_bytes(encoded(picture(500, hue=1)))
    return path
