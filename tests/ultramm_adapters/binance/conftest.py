"""A venue on this machine that speaks Binance's protocol, and what trades there."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from binance_venue import KEY, SECRET, Served
from nautilus_trader.common.component import LiveClock

from ultramm_adapters.binance.http import OwnBudget, VenueClock, VenueHttpClient


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture
def client(served: Served) -> VenueHttpClient:
    return VenueHttpClient(LiveClock(), KEY, SECRET, served.url, "/api/v3", OwnBudget(4_800), VenueClock())


Answering = Callable[[str], tuple[int, dict[str, str], bytes]]


@pytest.fixture
def answering() -> Any:
    """A server that answers each request as it is told, and keeps what it was asked."""

    @contextmanager
    def serve(answer: Answering) -> Iterator[tuple[str, list[str]]]:
        asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                asked.append(f"{self.command} {self.path}")
                status, headers, body = answer(asked[-1])
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = _do  # noqa: N815

            def log_message(self, *_: Any) -> None: ...

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return serve
