"""A server on this machine that answers each path as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

# Status and body, or None for a connection that is closed without an answer.
Answer = tuple[int, Any] | None


class StubServer:
    """Answers by path; whatever it was not told of is not found.

    Attributes
    ----------
    answers : dict of str to Answer, or to a callable that takes what was asked, in the address or in the body
        By path.
    asked : list of str
        Method and address of every request.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[dict[str, str]], Answer]] = {}
        self.asked: list[str] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, path: str, body: bytes) -> Answer:
        parts = urlparse(path)
        found = self.answers.get(parts.path, (404, {}))
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        return found(asked | (json.loads(body) if body else {})) if callable(found) else found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append(f"{self.command} {self.path}")
                answer = server.answer(self.path, body)
                if answer is None:
                    self.close_connection = True
                    return
                status, body = answer
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def stub_server() -> Iterator[StubServer]:
    """One that runs until the block ends."""
    server = StubServer()
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()
