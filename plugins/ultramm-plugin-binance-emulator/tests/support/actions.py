"""What members and the market may do to a venue, what it tells of that, and any script of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.symbols import Symbol
from ultramm_binance_emulator.venue import Venue

BASE = 2_000  # ticks: the market's zero
_TIFS = ("GTC", "IOC", "FOK", "GTX")


class Heard:
    """Everything that a venue tells."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.trades: list[dict[str, Any]] = []
        self.changed: set[tuple[Side, int]] = set()

    def on_user_event(self, account: Account, event: dict[str, Any]) -> None:
        self.events.append(event)

    def on_trade(self, symbol: Symbol, trade: dict[str, Any]) -> None:
        self.trades.append(trade)

    def on_levels(self, symbol: Symbol, changed: Iterable[tuple[Side, int]]) -> None:
        self.changed |= set(changed)


def limit(side: str, price: str, quantity: str, tif: str = "GTC", **more: str) -> dict[str, str]:
    return {
        "symbol": "BTCUSDT",
        "side": side,
        "type": "LIMIT",
        "timeInForce": tif,
        "price": price,
        "quantity": quantity,
        **more,
    }


def market(side: str, quantity: str, **more: str) -> dict[str, str]:
    return {"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": quantity, **more}


def levels(made: Venue, *changes: tuple[Side, int, int]) -> None:
    """Others change levels: side, ticks from the market's zero, lots."""
    made.on_market("BTCUSDT", MarketEvent(1.0, tuple(LevelChange(*change) for change in changes)))


def trade(made: Venue, taker: Side, ticks: int, lots: int) -> None:
    """Others trade."""
    made.on_market("BTCUSDT", MarketEvent(1.0, (), (MarketTrade(taker, ticks, lots),)))


def ladder(made: Venue) -> None:
    """Others bid and offer five levels: 10 lots at one tick from zero, 11 at two, and so on."""
    levels(made, *[(side, -side * (1 + i), 10 + i) for side in Side for i in range(5)])


# -- any script ------------------------------------------------------------------------------------------------

who = st.sampled_from(["me", "you"])


def orders(*kinds: str) -> st.SearchStrategy[tuple[Any, ...]]:
    """Of a time in force or of a type."""
    sides = st.sampled_from(["BUY", "SELL"])
    return st.tuples(st.just("order"), who, sides, st.integers(-6, 6), st.integers(5, 40), st.sampled_from(kinds))


cancels = st.tuples(st.just("cancel"), who, st.integers(0, 5))
market_moves = st.one_of(
    st.tuples(st.just("level"), st.sampled_from(list(Side)), st.integers(-2, 6), st.integers(0, 20)),
    st.tuples(st.just("trade"), st.sampled_from(list(Side)), st.integers(-3, 6), st.integers(1, 30)),
)


def act(made: Venue, action: tuple[Any, ...], **more: str) -> None:
    """Do one thing of a script; what the venue refuses is passed over."""
    kind, *rest = action
    with contextlib.suppress(VenueError):
        if kind == "order":
            made.place(made.accounts[rest[0]], _request(made, *rest[1:]) | more)
        elif kind == "cancel":
            open_orders = made.open_orders(made.accounts[rest[0]], {})
            if rest[1] < len(open_orders):
                made.cancel(made.accounts[rest[0]], named(open_orders[rest[1]].id))
        elif kind == "level":
            levels(made, (rest[0], -rest[0] * rest[1], rest[2]))
        elif kind == "trade":
            trade(made, rest[0], rest[0] * rest[1], rest[2])


def named(order_id: int) -> dict[str, str]:
    return {"symbol": "BTCUSDT", "orderId": str(order_id)}


def _request(made: Venue, side: str, ticks: int, lots: int, kind: str) -> dict[str, str]:
    symbol = made.books["BTCUSDT"].symbol
    request = limit(side, str(symbol.price(BASE + ticks)), str(symbol.quantity(lots)))
    return request | ({"timeInForce": kind} if kind in _TIFS else {"type": kind})


def assert_uncrossed(made: Venue) -> None:
    """What is left of each order is in the book, if it does not wait, and none crosses what is offered."""
    book = made.books["BTCUSDT"]
    for account in made.accounts.values():
        for order in made.open_orders(account, {}):
            assert order.left == book.symbol.quantity(order.resting.left) > 0
            if not order.waits:
                assert 0 < order.resting.shown <= order.resting.left
                assert not book.matching.would_take(order.side, book.symbol.ticks(order.price))
