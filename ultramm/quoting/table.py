"""What the engine solves for: depths by inventory, to be looked up."""

from __future__ import annotations

import math

import msgspec

from ultramm.market import Side


class QuoteTable(msgspec.Struct, frozen=True):
    """Depths of bid and ask from fair value for each inventory, price; infinite where that side is not quoted.

    Parameters
    ----------
    least_lots : int
        Inventory of the first entry; each one after is a lot more.
    bids, asks : tuple of float
        Depths, price.
    value_rate : float
        What quoting by the table earns a second in the long run less the penalty, settlement currency; exact for
        ``xi = 0``, NaN for a table with a horizon.
    """

    least_lots: int
    bids: tuple[float, ...]
    asks: tuple[float, ...]
    value_rate: float = math.nan

    @property
    def flat_depth(self) -> float:
        """Half the spread that is quoted without inventory, price."""
        return 0.5 * (self.depth(Side.BUY, 0) + self.depth(Side.SELL, 0))

    def lean(self, lots: float) -> float:
        """How far the middle of both quotes is from fair value at an inventory, price; infinite where a side ends."""
        return 0.5 * (self.depth(Side.SELL, lots) - self.depth(Side.BUY, lots))

    def depth(self, side: Side, lots: float) -> float:
        """Depth of `side` at an inventory, price; between two lots in proportion, beyond the table infinite or its end.

        The adding side ends with the table; the reducing side keeps its last depth.
        """
        depths = self.bids if side is Side.BUY else self.asks
        position = lots - self.least_lots
        last = len(depths) - 1
        if position <= 0:
            return depths[0] if side is Side.BUY else math.inf
        if position >= last:
            return math.inf if side is Side.BUY else depths[last]
        low = int(position)
        share = position - low
        if share == 0:
            return depths[low]
        below, above = depths[low], depths[low + 1]
        # One end may be infinite, where a side ends: the finite one holds up to it.
        if not math.isfinite(above):
            return below
        if not math.isfinite(below):
            return above
        return below + share * (above - below)
