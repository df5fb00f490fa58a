"""An HTTP server on loopback that records every request byte for byte and follows a script."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Recorded:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Scripted:
    """One response. `hold` keeps it back until the event is set."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None


class ScriptedServer:
    """Answers by its protocol unless other responses are enqueued; each of those is used once, in order."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Recorded] = []
        self.closing = threading.Event()
        self._script: deque[Scripted] = deque()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def answer(self, request: Recorded) -> Scripted:
        """What the protocol says to a request that no script covers."""
        raise NotImplementedError

    def replied(self, request: Recorded) -> None:
        """Called when the answer to a request begins."""

    def enqueue(self, *responses: Scripted) -> None:
        self._script.extend(responses)

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Recorded(self.path, headers, body)
                server.requests.append(request)
                response = server._script.popleft() if server._script else server.answer(request)
                if response.hold is not None:
                    response.hold.wait()
                server.replied(request)
                self._send(response)

            def _send(self, response: Scripted) -> None:
                body = (
                    response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
                )
                try:
                    self.send_response(response.status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(body)))
                    # litellm keeps its clients for ever, and pytest would see their idle sockets leak.
                    self.send_header("connection", "close")
                    for name, value in response.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except ConnectionError:
                    self.close_connection = True  # the client gave up waiting

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
