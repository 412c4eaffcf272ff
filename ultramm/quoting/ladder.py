"""Several levels a side, on the grid, never crossing the market or themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from ultramm.market import Book, Instrument, Quote, Side
from ultramm.quoting.table import QuoteTable

# Rounding to the grid must not turn 99.99999999 ticks, an artefact of binary fractions, into 99. A quotient of two
# floats is off by some 1e-16 of itself: with many ticks that is more than a fixed slack.
_GRID_SLACK, _RELATIVE_SLACK = 1e-9, 1e-15
_BEYOND_ALL_TICKS = 1 << 62


class Sizes(Protocol):
    """Of a strategy's parameters: what one order and the whole position may be."""

    @property
    def order_size(self) -> float: ...

    @property
    def max_position(self) -> float: ...


def ladder(
    instrument: Instrument,
    side: Side,
    reservation_price: float,
    depths: Sequence[float],
    lots: Sequence[int],
    book: Book,
) -> tuple[Quote, ...]:
    """Quotes of one side at `depths` from the reservation price.

    Prices are rounded away from the reservation price (bids down, asks up), then moved behind the opposite best
    so that a post-only order is not refused. Each level is at least one
    tick behind the one before, and the first at least half a tick from the reservation price, so that the two sides
    never meet. Levels smaller than the instrument's smallest order are left out.

    Parameters
    ----------
    depths : sequence of float
        Distance of each level, price, from the touch outwards.
    lots : sequence of int
        Lots of each level.
    book : Book
        What is on the market now; an empty opposite side clamps nothing.

    Returns
    -------
    tuple of Quote
        Best first. Empty when `reservation_price` is not a number.
    """
    if not math.isfinite(reservation_price):
        return ()
    floor, tick_size = math.floor, instrument.tick_size
    sure_ticks, sure_lots = _surely_large_enough(instrument, reservation_price)
    # Prices times the side's sign: rounding away and moving behind are downwards for both. This loop is hot.
    sign = int(side)
    centre, least = sign * reservation_price, 0.5 * tick_size
    slack = _GRID_SLACK + _RELATIVE_SLACK * abs(reservation_price) / tick_size
    limit = sign * post_only_limit(instrument, side, book)
    quotes: list[Quote] = []
    for level, of_level in enumerate(lots):
        depth = depths[level]
        signed = floor((centre - (depth if depth > least else least)) / tick_size + slack)
        if signed > limit:  # noqa: PLR1730 - calling min takes a third of the loop's time
            signed = limit
        ticks = sign * signed
        if (ticks > sure_ticks and of_level > sure_lots) or large_enough(instrument, ticks, of_level):
            quotes.append(Quote(side, ticks, of_level, level))
            limit = signed - 1
    return tuple(quotes)


def cap_lots(quotes: Sequence[Quote], lots: int, instrument: Instrument | None = None) -> tuple[Quote, ...]:
    """The same quotes from the touch outwards, as far as `lots` lots go.

    With an `instrument`, a remainder smaller than its smallest order is left out.
    """
    if sum([quote.lots for quote in quotes]) <= lots:
        return tuple(quotes)  # nearly always
    kept: list[Quote] = []
    for quote in quotes:
        if quote.lots <= lots:
            kept.append(quote)
            lots -= quote.lots
            continue
        rest = Quote(quote.side, quote.ticks, lots, quote.level, quote.taking)
        if lots > 0 and (instrument is None or large_enough(instrument, rest.ticks, rest.lots)):
            kept.append(rest)
        break
    return tuple(kept)


def resting_ticks(instrument: Instrument, side: Side, price: float, book: Book) -> int:
    """A price on the grid, away from the market and behind the opposite best: what rests there takes nothing."""
    sign = int(side)
    signed = math.floor(sign * price / instrument.tick_size + _GRID_SLACK)
    return sign * min(signed, sign * post_only_limit(instrument, side, book))


def post_only_limit(instrument: Instrument, side: Side, book: Book) -> int:
    """The furthest price that does not take, ticks; beyond all prices where nothing is on the opposite side."""
    opposite = book.asks if side is Side.BUY else book.bids
    return instrument.ticks(opposite[0].price) - side if opposite else side * _BEYOND_ALL_TICKS


def _surely_large_enough(instrument: Instrument, price: float) -> tuple[float, float]:
    """Ticks and lots above which every order is large enough: those that are so at half the price, with room."""
    half = 0.5 * price
    notional = instrument.notional(half, instrument.lot_size)
    if notional <= 0.0:
        return math.inf, math.inf
    lots = max(instrument.min_size / instrument.lot_size, instrument.min_notional / notional)
    return max(0.0, half / instrument.tick_size), 1.01 * lots


def large_enough(instrument: Instrument, ticks: int, lots: int) -> bool:
    """Whether an order has the instrument's smallest size and notional."""
    return ticks > 0 and lots >= instrument.smallest_lots(instrument.price(ticks))


def quotes_within(
    instrument: Instrument,
    side: Side,
    reservation_price: float,
    depths: Sequence[float],
    lots: int,
    book: Book,
    *,
    inventory: float,
    sizes: Sizes,
    room: int | None = None,
) -> tuple[tuple[Quote, ...], str]:
    """The ladder of one side as far as the largest position leaves room, and in words why it is empty.

    Parameters
    ----------
    lots : int
        Of each level.
    sizes : Sizes
        What may be held and what is sent.
    room : int, optional
        Lots to quote at most, where that is less than the largest position allows.
    """
    left = max(0, instrument.whole_lots(sizes.max_position - side * inventory))
    of_side = ladder(instrument, side, reservation_price, depths, [lots] * len(depths), book)
    capped = cap_lots(of_side, left if room is None else room, instrument)
    return capped, "" if capped else _why_nothing(instrument, side, book.mid, inventory, sizes)


def _why_nothing(instrument: Instrument, side: Side, price: float, inventory: float, sizes: Sizes) -> str:
    order_size, max_position = sizes.order_size, sizes.max_position
    if instrument.whole_lots(order_size) < instrument.smallest_lots(price):
        return f"order_size {order_size:g} is below the smallest order of {instrument.id}"
    if instrument.whole_lots(max_position - side * inventory) < instrument.whole_lots(order_size):
        return f"position {inventory:g} has no room for another order below {max_position:g}"
    return f"what is left of position {inventory:g} is below the smallest order of {instrument.id}"


def table_depths(table: QuoteTable, side: Side, lots: float, levels: int) -> list[float]:
    """Depths of several levels: each as if those before it had been filled, which is the optimal ladder; price.

    Parameters
    ----------
    lots : float
        Inventory, in the table's lots.
    levels : int
        As many as the table has room for.
    """
    depths = [table.depth(side, lots + side * level) for level in range(levels)]
    return [depth for depth in depths if math.isfinite(depth)]
