"""Orders that are left where they are when the opposite order of their level was filled."""

from __future__ import annotations

from collections.abc import Sequence

from ultramm.market import Fill, Instrument, Quote, Side

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
        """One of our orders traded."""
        filled = self._nearest(fill)
        if filled is None:
            return
        key = filled.side, filled.ticks
        if key in self._lots:
            self._lots[key] -= self._instrument.lots(fill.size)
            if self._lots[key] <= 0:
                del self._lots[key]
            return
        for partner in self._quoted:
            if partner.side is filled.side.opposite and partner.level == filled.level:
                key = partner.side, partner.ticks
                self._lots[key] = max(partner.lots, self._lots.get(key, 0))

    def quotes(self, fair: float) -> dict[Side, tuple[Quote, ...]]:
        """What hangs now, best first on each side."""
        for side, ticks in list(self._lots):
            if abs(self._instrument.price(ticks) - fair) > self._cancel * fair:
                del self._lots[side, ticks]
        return {Side.BUY: self._side(Side.BUY), Side.SELL: self._side(Side.SELL)}

    def _side(self, side: Side) -> tuple[Quote, ...]:
        found = [Quote(side, ticks, lots, HANGING) for (of, ticks), lots in self._lots.items() if of is side]
        found.sort(key=lambda quote: -side * quote.ticks)
        for quote in found[_MOST:]:
            del self._lots[side, quote.ticks]
        return tuple(found[:_MOST])

    def _nearest(self, fill: Fill) -> Quote | None:
        """The quote that was filled: an order within the tolerance keeps a price beside it."""
        ticks = self._instrument.ticks(fill.price)
        return min(
            (quote for quote in self._quoted if quote.side is fill.side),
            key=lambda quote: abs(quote.ticks - ticks),
            default=None,
        )
