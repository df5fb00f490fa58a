"""The command line, REST and both clients give the same demonstrations."""

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
from pathlib import Path

import httpx2
import pytest

from shotsmith import Client


@pytest.fixture
def serving(tmp_path: Path, shell, folder) -> Iterator[str]:
    """`shotsmith serve` in a process of its own, over an imported folder."""
    shell("import", "imagefolder", folder, "--pool", "p")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "shotsmith", "serve", "--port", str(port)],
        cwd=tmp_path,
        env={**os.environ, "SHOTSMITH_ENCODER": "fake"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx2.get(f"{url}/readyz").status_code == 200:
                break
        except httpx2.TransportError:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield url
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGINT, 130), output
    assert b"Traceback" not in output, output


def test_four_ways_one_answer(serving: str, shell, query: Path, tmp_path: Path, monkeypatch) -> None:
    recipe = {"selector": "rices", "k": 8, "order": "similar_last"}
    options = ["-s", "rices", "-k", "8", "--order", "similar_last", "--json"]
    by_cli = json.loads(shell("select", "--pool", "p", "--image", query, *options).stdout)
    encoded = base64.b64encode(query.read_bytes()).decode()
    body = json.dumps({"pool": "p", "query": {"images": [encoded]}, "recipe": recipe})
    if shutil.which("curl"):
        command = [
            "curl",
            "-sS",
            "-H",
            "content-type: application/json",
            "-d",
            body,
            f"{serving}/v1/selections",
        ]
        by_rest = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    else:
        by_rest = httpx2.post(
            f"{serving}/v1/selections", content=body, headers={"content-type": "application/json"}
        ).json()
    monkeypatch.setenv("SHOTSMITH_ENCODER", "fake")
    with Client(url=serving) as remote:
        by_url = remote.select("p", image=query, **recipe).model_dump(mode="json")
    with Client(path=tmp_path / ".shotsmith") as local:
        by_path = local.select("p", image=query, **recipe).model_dump(mode="json")
    assert len(by_cli["demonstrations"]) == 8
    assert by_cli == by_rest == by_url == by_path


def test_writing_while_a_service_runs(serving: str, shell, folder: Path, query: Path) -> None:
    (folder / "class 1" / "new.png").write_bytes(query.read_bytes())
    shell("import", "imagefolder", folder, "--pool", "p")
    with Client(url=serving) as remote:
        assert remote.pool("p").size == 31
        removed = remote.select("p", image=query).removed
        assert [(removal.id, removal.reason) for removal in removed] == [("class 1/new.png", "same content")]
        remote.delete_example("p", "class 1/new.png")
    assert json.loads(shell("doctor", "--json").stdout)[0]["sound"]
