"""A venue on this machine that speaks Binance's protocol, and what trades there."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from nautilus_trader.common.component import LiveClock

from ultramm_adapters.binance.http import OwnBudget, VenueClock, VenueHttpClient
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.faults import Fault
from ultramm_binance_emulator.threaded import ThreadedServer
from ultramm_binance_emulator.venue import Order

KEY, SECRET = "test-key-7d21", "test-secret-e58a"


class Served(ThreadedServer):
    """One member with 100,000 USDT and 2 BTC."""

    def __init__(self) -> None:
        self.member = Account.funded(KEY, SECRET, {"USDT": Decimal(100_000), "BTC": Decimal(2)})
        super().__init__([self.member])

    def fault(self, kind: str, where: str = "", **more: Any) -> None:
        fault = Fault(kind=kind, where=where, **more)  # type: ignore[arg-type]
        self.do(lambda: self.server.set_fault(fault))

    def clear(self) -> None:
        self.do(self.server.faults.clear)

    def met(self) -> int:
        """How often a fault met somebody."""
        return len(self.server.faults.happened)

    def place(self, order_id: str = "", **more: str) -> Order:
        request = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "price": "49990",
            "quantity": "0.01",
            "newClientOrderId": order_id,
        }
        return self.do(lambda: self.venue.place(self.member, request | more))

    def buy(self, order_id: str = "", quantity: str = "0.001") -> Order:
        """At market."""
        return self.place(order_id, type="MARKET", price="", timeInForce="", quantity=quantity)

    def orders(self) -> list[Order]:
        return self.do(lambda: list(self.venue._orders.values()))

    def open_orders(self) -> list[Order]:
        return self.do(lambda: self.venue.open_orders(self.member, {}))


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
