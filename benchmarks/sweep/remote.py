"""The endpoint and the sweeping process, as the benchmark holds them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx2

HERE = Path(__file__).parent
# What the shell says of Shotsmith would change what is measured.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SHOTSMITH_")}


class Endpoint:
    """The server of `server.py`, in a process of its own until the block ends."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self._http = httpx2.Client(base_url=self.url, timeout=60)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def set(self, **values: Any) -> None:
        """Change what it does; see `server.State`."""
        self._http.post("/set", json=values).raise_for_status()

    def stats(self) -> dict[str, Any]:
        """What it saw."""
        found: dict[str, Any] = self._http.get("/stats").json()
        return found

    def bodies(self) -> list[bytes]:
        """The bodies it kept, which it forgets."""
        kept = []
        while body := self._http.post("/body").content:
            kept.append(body)
        return kept


class Sweeper:
    """The process of `work.py`, which runs one experiment after the other and whose memory is watched."""

    def __init__(self, folder: Path, model: str, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "work.py"), str(folder), model, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=CLEAN,
        )
        self.memory = Memory(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.memory.stop()
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def do(self, what: str, **told: Any) -> dict[str, Any]:
        """Have it do something; returns what it says of it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, **told}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the sweeping process failed; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Memory:
    """Samples the resident memory of a process."""

    def __init__(self, pid: int, every_s: float = 0.25) -> None:
        self._pid = pid
        self._every_s = every_s
        self._samples: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Sample no more."""
        self._over.set()
        self._thread.join()

    def peak_mb(self) -> float:
        """The most so far."""
        return max([self.now_mb(), *(mb for _, mb in self._samples)])

    def now_mb(self) -> float:
        """At this moment."""
        return resident_mb(self._pid) or 0.0

    def mean_mb(self, since: float) -> float:
        """The mean since a moment of `time.monotonic`; what is now where that was just now."""
        late = [mb for moment, mb in self._samples if moment >= since]
        return sum(late) / len(late) if late else self.now_mb()

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            if (mb := resident_mb(self._pid)) is not None:
                self._samples.append((time.monotonic(), mb))


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process; None when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True).stdout
        return int(told) / 1000 if told.strip() else None


def environment(values: Mapping[str, str]) -> dict[str, str]:
    """The environment of a `shotsmith` command."""
    return {**CLEAN, **{f"SHOTSMITH_{name.upper()}": value for name, value in values.items()}}
