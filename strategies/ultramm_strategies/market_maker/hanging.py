"""Orders that are left where they are when the opposite order of their level was filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ultramm.market import Book, Fill, Instrument, Quote, Side
from ultramm.quoting.ladder import large_enough

HANGING = -1  # their level: behind a quote of the ladder there is one of the other side, behind these there is none
_MOST = 50  # a side


class HangingOrders:
    """Remembers which quotes hang, from their partner's fill until their own or until fair value has left them.

    Parameters
    ----------
    cancel_bps : float
        Distance from fair value at which one is given up, basis points.
    """

    def __init__(self, instrument: Instrument, cancel_bps: float) -> None:
        self._instrument = instrument
        self._cancel = cancel_bps * 1e-4
        self._lots: dict[tuple[Side, int], int] = {}
        self._quoted: Sequence[Quote] = ()

    def quoted(self, quotes: Sequence[Quote]) -> None:
        """What was decided: a fill is of one of these, or of one that hangs."""
        self._quoted = quotes

    def on_fill(self, fill: Fill) -> None:
        """One of our orders traded; one that took is of nobody's level: it closes a position, or did what it should."""
        filled = self._nearest(fill) if fill.maker else None
        if filled is None:
            return
        key = filled.side, filled.ticks
        if key in self._lots:
            self._lots[key] -= self._instrument.lots(fill.size)
            if self._lots[key] <= 0:
                del self._lots[key]
            return
        for partner in self._quoted:
            if partner.side is filled.side.opposite and partner.level == filled.level and not partner.taking:
                key = partner.side, partner.ticks
                self._lots[key] = max(partner.lots, self._lots.get(key, 0))

    def beside(
        self, ladders: Mapping[Side, tuple[Quote, ...]], fair: float, book: Book
    ) -> dict[Side, tuple[Quote, ...]]:
        """The ladders with what hangs on their sides, best first; at a price that both have, the larger.

        What hangs at or through the market's or our own other side is forgotten: it would trade, or stand in the way.
        """
        for side, ticks in list(self._lots):
            if abs(self._instrument.price(ticks) - fair) > self._cancel * fair:
                del self._lots[side, ticks]
        found = dict(ladders)
        for side in (Side.BUY, Side.SELL):
            hanging = self._side(side, _limits(self._instrument, side, found.get(side.opposite, ()), book))
            if hanging and side in found:
                found[side] = _together(side, (*found[side], *hanging))
        return found

    def _side(self, side: Side, limits: Sequence[int]) -> list[Quote]:
        found = []
        for (of, ticks), lots in list(self._lots.items()):
            if of is not side:
                continue
            meets = any(side * (ticks - limit) >= 0 for limit in limits)
            if meets or not large_enough(self._instrument, ticks, lots):
                del self._lots[of, ticks]
            else:
                found.append(Quote(side, ticks, lots, HANGING))
        found.sort(key=lambda quote: -side * quote.ticks)
        for quote in found[_MOST:]:
            del self._lots[side, quote.ticks]
        return found[:_MOST]

    def _nearest(self, fill: Fill) -> Quote | None:
        """The quote that was filled: an order within the tolerance keeps a price beside it."""
        ticks = self._instrument.ticks(fill.price)
        hanging = [Quote(side, at, lots, HANGING) for (side, at), lots in self._lots.items()]
        return min(
            (quote for quote in (*hanging, *self._quoted) if quote.side is fill.side),
            key=lambda quote: abs(quote.ticks - ticks),
            default=None,
        )


def _limits(instrument: Instrument, side: Side, opposite: Sequence[Quote], book: Book) -> list[int]:
    """Prices of the other side, ours and the market's, that an order of `side` must stay behind."""
    levels = book.asks if side is Side.BUY else book.bids
    return [quote.ticks for quote in opposite] + [instrument.ticks(level.price) for level in levels[:1]]


def _together(side: Side, quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    at: dict[int, Quote] = {}
    for quote in quotes:
        if quote.ticks not in at or quote.lots > at[quote.ticks].lots:
            at[quote.ticks] = quote
    return tuple(sorted(at.values(), key=lambda quote: -side * quote.ticks))
