"""Several levels a side, on the grid, never crossing the market or themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ultramm.market import Book, Instrument, Quote, Side

# Rounding to the grid must not turn 99.99999999 ticks, an artefact of binary fractions, into 99.
_GRID_SLACK = 1e-9


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
    tick behind the one before. Levels smaller than the instrument's smallest order are left out.

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
    limit = _post_only_limit(instrument, side, book)
    quotes: list[Quote] = []
    for level, size in enumerate(sizes):
        price = reservation_price - side * (depth + level * step)
        ticks = _behind(_away(price / instrument.tick_size, side), limit, side)
        if quotes:
            ticks = _behind(ticks, quotes[-1].ticks - side, side)
        lots = math.floor(size / instrument.lot_size + _GRID_SLACK)
        if ticks > 0 and _large_enough(instrument, ticks, lots):
            quotes.append(Quote(side, ticks, lots, level))
    return tuple(quotes)


def cap_lots(quotes: Sequence[Quote], lots: int) -> tuple[Quote, ...]:
    """The same quotes from the touch outwards, as far as `lots` lots go."""
    kept: list[Quote] = []
    for quote in quotes:
        take = min(quote.lots, lots)
        if take <= 0:
            break
        lots -= take
        kept.append(quote if take == quote.lots else Quote(quote.side, quote.ticks, take, quote.level))
    return tuple(kept)


def _away(ticks: float, side: Side) -> int:
    return math.floor(ticks + _GRID_SLACK) if side is Side.BUY else math.ceil(ticks - _GRID_SLACK)


def _behind(ticks: int, limit: int | None, side: Side) -> int:
    if limit is None:
        return ticks
    return min(ticks, limit) if side is Side.BUY else max(ticks, limit)


def _post_only_limit(instrument: Instrument, side: Side, book: Book) -> int | None:
    opposite = book.asks if side is Side.BUY else book.bids
    return instrument.ticks(opposite[0].price) - side if opposite else None


def _large_enough(instrument: Instrument, ticks: int, lots: int) -> bool:
    size = instrument.size(lots)
    if lots <= 0 or size < instrument.min_size - _GRID_SLACK:
        return False
    return instrument.notional(instrument.price(ticks), size) >= instrument.min_notional
