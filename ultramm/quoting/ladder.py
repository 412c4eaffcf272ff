"""Several levels a side, on the grid, never crossing the market or themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ultramm.market import Book, Instrument, Quote, Side

# Rounding to the grid must not turn 99.99999999 ticks, an artefact of binary fractions, into 99. A quotient of two
# floats is off by some 1e-16 of itself: with many ticks that is more than a fixed slack.
_GRID_SLACK, _RELATIVE_SLACK = 1e-9, 1e-15
# Rounding to decimals is slow, and only orders next to the smallest one need it.
_CLEARLY = 1.01


def level_sizes(order_size: float, levels: int, growth: float) -> tuple[float, ...]:
    """Sizes of the levels from the touch outwards: ``order_size * growth ** level``."""
    return tuple(order_size * growth**level for level in range(levels))


def ladder(
    instrument: Instrument,
    side: Side,
    reservation_price: float,
    depth: float,
    step: float,
    sizes: Sequence[float],
    book: Book,
) -> tuple[Quote, ...]:
    """Quotes of one side at ``depth, depth + step, ...`` from the reservation price.

    Prices are rounded away from the reservation price (bids down, asks up), then moved behind the opposite best
    so that a post-only order is not refused; sizes are rounded down to whole lots. Each level is at least one
    tick behind the one before, and the first at least half a tick from the reservation price, so that the two sides
    never meet. Levels smaller than the instrument's smallest order are left out.

    Parameters
    ----------
    depth, step : float
        Distance of the first level, and between levels; price.
    sizes : sequence of float
        Size of each level.
    book : Book
        What is on the market now; an empty opposite side clamps nothing.

    Returns
    -------
    tuple of Quote
        Best first. Empty when `reservation_price` is not a number.
    """
    if not math.isfinite(reservation_price):
        return ()
    tick_size, lot_size = instrument.tick_size, instrument.lot_size
    sign = int(side)  # several times as fast to calculate with
    depth = max(depth, 0.5 * tick_size)
    limit = _post_only_limit(instrument, side, book)
    quotes: list[Quote] = []
    for level, size in enumerate(sizes):
        ticks = _away((reservation_price - sign * (depth + level * step)) / tick_size, side)
        if limit is not None:
            ticks = min(ticks, limit) if side is Side.BUY else max(ticks, limit)
        lots = math.floor(size / lot_size + _GRID_SLACK)
        if ticks > 0 and _large_enough(instrument, ticks, lots):
            quotes.append(Quote(side, ticks, lots, level))
            limit = ticks - sign
    return tuple(quotes)


def cap_lots(quotes: Sequence[Quote], lots: int, instrument: Instrument | None = None) -> tuple[Quote, ...]:
    """The same quotes from the touch outwards, as far as `lots` lots go.

    With an `instrument`, a remainder smaller than its smallest order is left out.
    """
    kept: list[Quote] = []
    for quote in quotes:
        if quote.lots <= lots:
            kept.append(quote)
            lots -= quote.lots
            continue
        rest = Quote(quote.side, quote.ticks, lots, quote.level)
        if lots > 0 and (instrument is None or _large_enough(instrument, rest.ticks, rest.lots)):
            kept.append(rest)
        break
    return tuple(kept)


def _away(ticks: float, side: Side) -> int:
    slack = _GRID_SLACK + _RELATIVE_SLACK * abs(ticks)
    return math.floor(ticks + slack) if side is Side.BUY else math.ceil(ticks - slack)


def _post_only_limit(instrument: Instrument, side: Side, book: Book) -> int | None:
    opposite = book.asks if side is Side.BUY else book.bids
    return instrument.ticks(opposite[0].price) - side if opposite else None


def _large_enough(instrument: Instrument, ticks: int, lots: int) -> bool:
    if lots <= 0:
        return False
    size, price = lots * instrument.lot_size, ticks * instrument.tick_size
    if size > _CLEARLY * instrument.min_size and instrument.notional(price, size) > _CLEARLY * instrument.min_notional:
        return True
    size = instrument.size(lots)
    if size < instrument.min_size - _GRID_SLACK:
        return False
    return instrument.notional(instrument.price(ticks), size) >= instrument.min_notional
