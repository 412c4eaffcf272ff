"""The book without our own orders, where a venue shows them in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ultramm.market import Book, Instrument, Level, Side
from ultramm.orders.live import LiveOrder, OrderState

_BUY, _SENT = Side.BUY, OrderState.SENT


def others(book: Book, live: Iterable[LiveOrder], instrument: Instrument) -> Book:
    """What others have in the book; the book itself where that is all of it.

    Orders that the venue has confirmed are taken off, those whose cancel travels included. An order in flight is not
    in the book for sure: taking it off would hide what others have.
    """
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    for order in live:
        if order.state is not _SENT:
            lots = bids if order.side is _BUY else asks
            lots[order.ticks] = lots.get(order.ticks, 0) + order.lots
    left = _without(book.bids, bids, instrument), _without(book.asks, asks, instrument)
    if left[0] is book.bids and left[1] is book.asks:
        return book
    return Book(book.ts_ns, *left)


def _without(levels: tuple[Level, ...], ours: Mapping[int, int], instrument: Instrument) -> tuple[Level, ...]:
    """The levels of one side without so many lots of ours at their ticks."""
    # Nearly always none of ours stands where a strategy looks: this is on the way of every order.
    if not ours:
        return levels
    ticks = [instrument.ticks(level.price) for level in levels]
    if ours.keys().isdisjoint(ticks):
        return levels
    left = []
    for level, at in zip(levels, ticks, strict=True):
        lots = ours.get(at, 0)
        size = level.size - instrument.size(lots)
        # Less than half a lot is the rounding of binary fractions.
        if not lots or size > 0.5 * instrument.lot_size:
            left.append(level if not lots else Level(level.price, round(size, instrument.size_precision)))
    return tuple(left)
