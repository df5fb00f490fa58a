"""What happens to a machine whose hub is first there and then gone; run as a process of its own, prints JSON.

The hub is a small server on the loopback that speaks enough of the protocol: model info, HEAD and GET of files.
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves the folders given by repository name."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories: dict[str, Path] = {}
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        parts = self.path.partition("?")[0].strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        repo, rest = "/".join(parts[2:4] if api else parts[:2]), parts[4:] if api else parts[2:]
        folder = self.server.repositories.get(repo)
        if folder is None:
            return self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        if api and rest[:1] == ["tree"]:
            tree = [
                {"type": "file", "path": name, "size": path.stat().st_size, "oid": COMMIT}
                for name, path in files.items()
            ]
            return self._send(200, json.dumps(tree).encode(), {}, with_body)
        if api:
            info = {"id": repo, "sha": COMMIT, "siblings": [{"rfilename": name} for name in files]}
            return self._send(200, json.dumps(info).encode(), {}, with_body)
        file = files.get("/".join(rest[2:]))  # resolve/<revision>/<file>
        if file is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, with_body)
        data = file.read_bytes()
        return self._send(
            200, data, {"X-Repo-Commit": COMMIT, "ETag": f'"{sha256(data).hexdigest()}"'}, with_body
        )

    def _send(self, status: int, data: bytes, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    hub, folder = Hub(), Path(tempfile.mkdtemp())
    os.environ |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "0"}
    # The libraries read the environment when they are imported.
    from tiny_models import open_clip_directory, open_clip_files, sentence_transformers_clip

    from shotsmith.domain.errors import ShotsmithError
    from shotsmith.retrieval.encoders.open_clip import load as open_clip
    from shotsmith.retrieval.encoders.sentence_transformers import load as sentence_transformers

    def outcome(load: Callable[[str], object], argument: str) -> dict[str, object]:
        start, asked = time.monotonic(), len(hub.asked)
        try:
            told = {"id": load(argument).id}
        except ShotsmithError as error:
            told = {"error": type(error).__name__, "message": str(error)}
        return told | {"seconds": time.monotonic() - start, "asked": len(hub.asked) - asked}

    directory = open_clip_directory(folder)
    st = sentence_transformers_clip(folder)
    hub.repositories = {
        "org/tagged": directory,
        "org/native": directory,
        "org/st": st,
        "sentence-transformers/short": st,
    }
    open_clip_files(folder, "tiny-tagged")
    from open_clip import pretrained

    preprocessing = {"mean": (0.5,) * 3, "std": (0.25,) * 3}
    pretrained._PRETRAINED["tiny-tagged"] = {
        "v1_x": {"hf_hub": "org/tagged/", **preprocessing},
        "later": {"hf_hub": "org/elsewhere/"},
    }
    wanted = {
        "tag": (open_clip, "tiny-tagged/V1-X"),
        "native": (open_clip, "hf-hub:org/native"),
        "st": (sentence_transformers, "org/st"),
        "short": (sentence_transformers, "short"),
    }
    missing = {
        "missing tag": (open_clip, "tiny-tagged/later"),
        "missing native": (open_clip, "hf-hub:org/nothing"),
        "missing st": (sentence_transformers, "org/nothing"),
    }
    story = {"local": outcome(open_clip, f"local-dir:{directory}")}
    story |= {f"first {name}": outcome(*call) for name, call in (wanted | missing).items()}
    story |= {f"again {name}": outcome(*wanted[name]) for name in ("tag", "st")}
    hub.shutdown()
    hub.server_close()
    story |= {f"gone {name}": outcome(*call) for name, call in (wanted | missing).items()}
    print(json.dumps(story))


if __name__ == "__main__":
    sys.exit(main())
