"""Between the kernel's objects and our plain ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nautilus_trader.model.enums import AggressorSide, OrderSide
from nautilus_trader.model.objects import FIXED_SCALAR

from ultramm.market import Book, Instrument, Level, Side, Trade

# Reads a book at the time of an event; None while what it reads is as it was.
BookReader = Callable[[int], Book | None]

# Prices and sizes are whole numbers of these parts inside the kernel.
_PARTS = int(FIXED_SCALAR)


def to_instrument(instrument: Any) -> Instrument:
    """Our view of a Nautilus instrument."""
    inverse = bool(instrument.is_inverse)
    base = instrument.get_base_currency()
    settlement = instrument.get_cost_currency() if not inverse else instrument.get_settlement_currency()
    return Instrument(
        id=instrument.id.value,
        tick_size=float(instrument.price_increment),
        lot_size=float(instrument.size_increment),
        price_precision=instrument.price_precision,
        size_precision=instrument.size_precision,
        quote_currency=instrument.quote_currency.code,
        settlement_currency=settlement.code,
        base_currency=base.code if base is not None else "",
        min_size=float(instrument.min_quantity or 0),
        min_notional=float(instrument.min_notional or 0),
        multiplier=float(instrument.multiplier),
        inverse=inverse,
        maker_fee=float(instrument.maker_fee),
        taker_fee=float(instrument.taker_fee),
        hours=(instrument.info or {}).get("hours", ""),
        expiry_ns=getattr(instrument, "expiration_ns", 0),
    )


def to_float(value: Any) -> float:
    """The float nearest to a Nautilus price, quantity or money; its own ``as_double`` can be off by a rounding."""
    exact: float = value.raw / _PARTS
    return exact


def to_book(book: Any, ts_ns: int, levels: int) -> Book:
    """The first `levels` of each side; the kernel builds every level for it, so not for each event."""
    bids = tuple(Level(to_float(level.price), level.size()) for level in book.bids()[:levels])
    asks = tuple(Level(to_float(level.price), level.size()) for level in book.asks()[:levels])
    return Book(ts_ns, bids, asks)


def touch_reader(book: Any) -> BookReader:
    """A function that reads the touch of a Nautilus book at each event, in constant time whatever the book's depth."""
    last: Any = None

    # At every event, and most leave the touch as it was: whole numbers are compared, and nothing is made.
    def read(ts_ns: int) -> Book | None:
        nonlocal last
        bid, ask = book.best_bid_price(), book.best_ask_price()
        bid = None if bid is None else (bid.raw, book.best_bid_size().raw)
        ask = None if ask is None else (ask.raw, book.best_ask_size().raw)
        touch = bid, ask
        if touch == last:
            return None
        last = touch
        return Book(ts_ns, _side(bid), _side(ask))

    return read


def _side(best: tuple[int, int] | None) -> tuple[Level, ...]:
    return () if best is None else (Level(best[0] / _PARTS, best[1] / _PARTS),)


def to_trade(tick: Any) -> Trade:
    """A public trade; one whose aggressor the venue did not tell counts as a buy."""
    side = Side.SELL if tick.aggressor_side == AggressorSide.SELLER else Side.BUY
    return Trade(tick.ts_init, to_float(tick.price), to_float(tick.size), side, tick.ts_event)


def to_side(order_side: Any) -> Side:
    return Side.BUY if order_side == OrderSide.BUY else Side.SELL


def to_order_side(side: Side) -> Any:
    return OrderSide.BUY if side is Side.BUY else OrderSide.SELL
