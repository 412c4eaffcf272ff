"""A server in a thread of its own, for tests of what trades there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Self

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.contracts import Contract
from ultramm_binance_emulator.faults import Fault
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.server import Feed, Server, now_ms
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.symbols import Symbol

_PATIENCE_S = 10
_LEVELS = 5
_START = 50_000
_GRID = {"tick_size": Decimal(1), "step_size": Decimal("0.001"), "min_quantity": Decimal("0.001")}
BTCUSDT = Symbol(name="BTCUSDT", base="BTC", quote="USDT", **_GRID)
BTCUSDT_PERPETUAL = Contract(name="BTCUSDT", base="BTC", quote="USDT", **_GRID)


class ThreadedServer:
    """Serves BTCUSDT at 50,000, spot and perpetual, until it is stopped; a context manager.

    Parameters
    ----------
    accounts : iterable of Account
        Who trades.
    feed, futures_feed : mapping of str to iterator of MarketEvent, optional
        The markets outside of both venues; by default both have five levels a side that only `market` moves.
    pace : float
        Seconds of these markets in a second.
    socket_life_s : float
        How long a socket lives, seconds.

    Attributes
    ----------
    venue : SpotVenue
        What is served; to be touched by `do` alone.
    futures : FuturesVenue
        Of the same members, with streams below ``/market``, ``/public`` and ``/private``.
    url, control_url : str
        Where, and where to command faults.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        feed: Feed | None = None,
        futures_feed: Feed | None = None,
        pace: float = 1.0,
        socket_life_s: float = 86_400,
    ) -> None:
        members = list(accounts)
        self.venue = SpotVenue({BTCUSDT: _START}, members, now_ms)
        self.futures = FuturesVenue({BTCUSDT_PERPETUAL: _START}, members, now_ms)
        feeds = {self.venue: feed or {}, self.futures: futures_feed or {}}
        self.server = Server(feeds, pace, socket_life_s=socket_life_s)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self.server.start(0), self._loop).result(_PATIENCE_S)
        self.url = f"http://127.0.0.1:{self.port}"
        control = asyncio.run_coroutine_threadsafe(self.server.start_control(0), self._loop).result(_PATIENCE_S)
        self.control_url = f"http://127.0.0.1:{control}"
        if not (feed or futures_feed):
            self.market(*[LevelChange(side, -side * (1 + i), 10 + i) for side in Side for i in range(_LEVELS)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def do[T](self, call: Callable[[], T]) -> T:
        """Run something where the server runs."""

        async def run() -> T:
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_PATIENCE_S)

    def set_fault(self, fault: Fault) -> None:
        """Set a fault, and do what it does at once."""
        self.do(lambda: self.server.control.set_fault(fault))

    def market(self, *changes: LevelChange, trades: tuple[MarketTrade, ...] = ()) -> None:
        """The market outside of both venues changes and trades; ticks count from 50,000."""

        def change() -> None:
            for venue in (self.venue, self.futures):
                venue.on_market("BTCUSDT", MarketEvent(0.0, changes, trades))

        self.do(change)

    def stop(self) -> None:
        """Cut every connection and end."""
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(_PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()
