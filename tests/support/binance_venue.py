"""A venue on this machine that speaks Binance's protocol, whose market does what a test wants."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.faults import Fault
from ultramm_binance_emulator.threaded import ThreadedServer
from ultramm_binance_emulator.venue import Order

KEY, SECRET = "test-key-7d21", "test-secret-e58a"


def still() -> Iterator[MarketEvent]:
    """Five levels a side around 50,000 that stay; the outermost shows that the market is alive."""
    yield MarketEvent(0.0, tuple(LevelChange(side, -side * (1 + i), 10 + i) for side in Side for i in range(5)))
    for number in itertools.count(1):
        yield MarketEvent(0.2 * number, (LevelChange(Side.BUY, -5, 14 + number % 2),))


class Served(ThreadedServer):
    """One member with 100,000 USDT and 2 BTC.

    Parameters
    ----------
    alive : bool
        Whether its market says something five times a second.
    """

    def __init__(self, *, alive: bool = False) -> None:
        self.member = Account.funded(KEY, SECRET, {"USDT": Decimal(100_000), "BTC": Decimal(2)})
        super().__init__([self.member], {"BTCUSDT": still()} if alive else None)

    def fault(self, kind: str, where: str = "", **more: Any) -> None:
        self.set_fault(Fault(kind=kind, where=where, **more))  # type: ignore[arg-type]

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
        (book,) = self.venue.books.values()
        return self.do(lambda: self.venue.ledger.orders(self.member, book.symbol))

    def open_orders(self) -> list[Order]:
        return self.do(lambda: self.venue.open_orders(self.member, {}))

    def others_trade(self, side: Side, ticks: int, lots: int) -> None:
        """Somebody buys or sells at a price, in ticks from 50,000."""
        trade = MarketTrade(side, ticks, lots)
        self.do(lambda: self.venue.on_market("BTCUSDT", MarketEvent(0.0, (), (trade,))))

    def fills(self) -> Counter[tuple[str, Decimal, Decimal]]:
        """Our id, price and size of every trade of the member."""
        fills = self.do(lambda: self.venue.ledger.fills(self.member))
        return Counter((fill.order.client_id, fill.price, fill.quantity) for fill in fills)
