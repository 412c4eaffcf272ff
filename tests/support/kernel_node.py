"""The kernel's node in this process with the clients of live venues, and a strategy that does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from nautilus_trader.config import LoggingConfig, StrategyConfig, TradingNodeConfig
from nautilus_trader.live.config import LiveExecEngineConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import BookType, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

from ultramm.nautilus.venue import LiveVenue

_PATIENCE_S = 30.0


class Hand(Strategy):  # type: ignore[misc]
    """Follows books and keeps what it is told.

    Attributes
    ----------
    books : list
        (instrument, whether its book was empty) at each change.
    told : list of (str, str)
        Order and name of each event about it.
    """

    def __init__(self, instruments: list[str]) -> None:
        super().__init__(StrategyConfig(strategy_id="HAND-1", order_id_tag="1"))
        self._ids = [InstrumentId.from_str(name) for name in instruments]
        self.books: list[tuple[str, bool]] = []
        self.told: list[tuple[str, str]] = []

    def on_start(self) -> None:
        for instrument_id in self._ids:
            self.subscribe_order_book_deltas(instrument_id, book_type=BookType.L2_MBP)

    def on_order_book_deltas(self, deltas: Any) -> None:
        book = self.cache.order_book(deltas.instrument_id)
        self.books.append((deltas.instrument_id.value, not book.bids() and not book.asks()))

    def on_order_event(self, event: Any) -> None:
        self.told.append((event.client_order_id.value, type(event).__name__.removeprefix("Order")))

    def of(self, order_id: str) -> list[str]:
        """What it was told of one order."""
        return [name for told_id, name in self.told if told_id == order_id]

    def send(self, order_id: str, price: int = 49_990, *, post_only: bool = True) -> None:
        instrument = self.cache.instrument(self._ids[0])
        order = self.order_factory.limit(
            instrument.id,
            OrderSide.BUY,
            instrument.make_qty(0.01),
            instrument.make_price(price),
            time_in_force=TimeInForce.GTC,
            post_only=post_only,
            client_order_id=ClientOrderId(order_id),
        )
        self.submit_order(order)

    def order(self, order_id: str) -> Any:
        return self.cache.order(ClientOrderId(order_id))

    def levels(self, instrument: str) -> tuple[dict[str, str], dict[str, str]]:
        """Bids and asks of the node's book: price to size, as numbers."""
        book = self.cache.order_book(InstrumentId.from_str(instrument))
        if book is None:
            return {}, {}
        sides = [{str(level.price): str(level.size()) for level in side} for side in (book.bids(), book.asks())]
        return sides[0], sides[1]


Scenario = Callable[[Any, Hand], Awaitable[None]]


def play(venues: dict[str, LiveVenue], scenario: Scenario, instruments: list[str] | None = None) -> Hand:
    """Run a node until a scenario is over, which gets the node's kernel and its strategy."""
    names = instruments or [f"BTCUSDT.{name}" for name in venues]

    async def run() -> Hand:
        clients = {name: venue.clients() for name, venue in venues.items()}
        config = TradingNodeConfig(
            trader_id=TraderId("TEST-001"),
            logging=LoggingConfig(log_level="OFF"),
            data_clients={name: each.data_config for name, each in clients.items()},
            exec_clients={name: each.exec_config for name, each in clients.items()},
            exec_engine=LiveExecEngineConfig(
                reconciliation=False, inflight_check_interval_ms=0, generate_missing_orders=False
            ),
            timeout_disconnection=2.0,
            timeout_post_stop=0.1,
        )
        node = TradingNode(config, loop=asyncio.get_running_loop())
        for name, each in clients.items():
            node.add_data_client_factory(name, each.data_factory)
            node.add_exec_client_factory(name, each.exec_factory)
        node.build()
        hand = Hand(names)
        node.trader.add_strategy(hand)
        task = asyncio.create_task(node.run_async())
        try:
            await eventually(lambda: node.trader.is_running, "the node runs")
            await scenario(node.kernel, hand)
        finally:
            await node.stop_async()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            node.kernel.dispose()
        return hand

    return asyncio.run(run())


async def eventually(condition: Callable[[], Any], what: str) -> None:
    """Wait until `condition` holds."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"never happened: {what}")
        await asyncio.sleep(0.01)


def execution(kernel: Any, venue: str = "BINANCE") -> Any:
    """The execution client of a venue."""
    return {client.id.value: client for client in kernel.exec_engine._clients.values()}[venue]


def data(kernel: Any, venue: str = "BINANCE") -> Any:
    """The data client of a venue."""
    return {client.id.value: client for client in kernel.data_engine._clients.values()}[venue]
