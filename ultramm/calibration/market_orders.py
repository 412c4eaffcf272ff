"""Public trades as the market orders that made them, and how far each reached."""

from __future__ import annotations

import math

import msgspec

from ultramm.market import Side, Trade


class MarketOrder(msgspec.Struct, frozen=True, gc=False):
    """A market order: a run of trades of one side at one moment of the venue.

    Parameters
    ----------
    ts_ns : int
        When we learned of its first trade.
    side : Side
        The taker's.
    mid : float
        Before it, price.
    price : float
        The furthest it traded at.
    size : float
        In all.
    """

    ts_ns: int
    side: Side
    mid: float
    price: float
    size: float

    @property
    def reach(self) -> float:
        """How far beyond the mid it traded, price; negative where the mid was stale."""
        return self.side * (self.price - self.mid)


class MarketOrders:
    """Merges trades into market orders.

    A venue reports a market order as one trade for each order it met: they share its side and its time at the venue.
    The order is complete when another begins, or the market has moved on for `patience_s`.
    """

    __slots__ = ("_mid", "_open", "_patience_ns", "_venue_ns")

    def __init__(self, patience_s: float = 0.05) -> None:
        self._patience_ns = round(patience_s * 1e9)
        self._mid = math.nan
        self._open: MarketOrder | None = None
        self._venue_ns = 0

    def on_mid(self, ts_ns: int, mid: float) -> MarketOrder | None:
        """From `ts_ns` on the mid is `mid`; gives the order that is complete by then, if any."""
        if not math.isnan(mid):
            self._mid = mid
        return self._complete() if self._open is not None and ts_ns - self._open.ts_ns > self._patience_ns else None

    def on_trade(self, trade: Trade) -> MarketOrder | None:
        """Somebody traded; gives the order before, if this is another."""
        current = self._open
        if current is not None and current.side is trade.side and self._venue_ns == (trade.venue_ns or trade.ts_ns):
            furthest = max if trade.side is Side.BUY else min
            self._open = MarketOrder(
                current.ts_ns,
                current.side,
                current.mid,
                furthest(current.price, trade.price),
                current.size + trade.size,
            )
            return None
        complete = self._complete()
        if not math.isnan(self._mid):
            self._open = MarketOrder(trade.ts_ns, trade.side, self._mid, trade.price, trade.size)
            self._venue_ns = trade.venue_ns or trade.ts_ns
        return complete

    def _complete(self) -> MarketOrder | None:
        complete, self._open = self._open, None
        return complete
