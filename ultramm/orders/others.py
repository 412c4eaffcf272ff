"""The book without our own orders, where a venue shows them in it."""

from __future__ import annotations

from collections.abc import Iterable

from ultramm.market import Book, Instrument, Level, Side
from ultramm.orders.live import LiveOrder, OrderState


def others(book: Book, live: Iterable[LiveOrder], instrument: Instrument) -> Book:
    """What others have in the book.

    Orders that the venue has confirmed are taken off, those whose cancel travels included. An order in flight is not
    in the book for sure: taking it off would hide what others have.
    """
    ours: dict[tuple[Side, int], int] = {}
    for order in live:
        if order.state is not OrderState.SENT:
            key = order.side, order.ticks
            ours[key] = ours.get(key, 0) + order.lots
    if not ours:
        return book
    bids, asks = (
        _without(side, levels, ours, instrument) for side, levels in ((Side.BUY, book.bids), (Side.SELL, book.asks))
    )
    return Book(book.ts_ns, bids, asks)


def _without(
    side: Side, levels: Iterable[Level], ours: dict[tuple[Side, int], int], instrument: Instrument
) -> tuple[Level, ...]:
    left = []
    for level in levels:
        lots = ours.get((side, instrument.ticks(level.price)), 0)
        size = level.size - instrument.size(lots)
        # Less than half a lot is the rounding of binary fractions.
        if not lots or size > 0.5 * instrument.lot_size:
            left.append(level if not lots else Level(level.price, round(size, instrument.size_precision)))
    return tuple(left)
