"""How often trades come against each side, and how often they usually do."""

from __future__ import annotations

import math

from ultramm.features.flow import DecayingSum
from ultramm.market import Side, Trade

_MEMORY_S = 600.0
_LEAST = 20.0


class Arrivals:
    """Counts trades by the side whose orders they fill. O(1) a trade."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(Side, 0)
        self._sums = {side: DecayingSum(_MEMORY_S) for side in Side}
        self._first_ns = 0

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._first_ns = self._first_ns or trade.ts_ns
        against = trade.side.opposite
        self._counts[against] += 1
        self._sums[against].add(trade.ts_ns, 1.0)

    def rate(self, side: Side, ts_ns: int) -> float:
        """Trades a second, over ten minutes; NaN while hardly one was seen."""
        found = self._sums[side].at(ts_ns)
        elapsed_s = (ts_ns - self._first_ns) * 1e-9
        if found < _LEAST or elapsed_s <= 0.0:
            return math.nan
        return found / (_MEMORY_S * -math.expm1(-elapsed_s / _MEMORY_S))

    def count(self, side: Side) -> int:
        """Trades that filled orders of `side`, in all."""
        return self._counts[side]
