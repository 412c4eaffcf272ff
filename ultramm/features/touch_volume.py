"""How much trades at a best price before it is best no more."""

from __future__ import annotations

import math

from ultramm.features.flow import DecayingSum
from ultramm.market import Book, Side, Trade


class TouchVolume:
    """Mean size that trades at a best price while it is the best, of those prices at which anything trades.

    A queue is used up as far as this, more or less: whoever has many times of it ahead is hardly ever reached.

    Parameters
    ----------
    tau_s : float
        Time constant of the mean, seconds.
    """

    __slots__ = ("_best", "_count", "_last_ns", "_size", "_traded")

    def __init__(self, tau_s: float = 600.0) -> None:
        self._size, self._count = DecayingSum(tau_s), DecayingSum(tau_s)
        self._last_ns = 0
        # Of bids and asks: the best price, and what has traded there since it came.
        self._best = [math.nan, math.nan]
        self._traded = [0.0, 0.0]

    def on_book(self, book: Book) -> None:
        """The touch changed; a side that is empty, as it is where we alone stand on it, is taken to be as before."""
        bids, asks, best = book.bids, book.asks, self._best
        bid = bids[0].price if bids else best[0]
        ask = asks[0].price if asks else best[1]
        if bid != best[0]:
            best[0] = bid
            self._end(book.ts_ns, 0)
        if ask != best[1]:
            best[1] = ask
            self._end(book.ts_ns, 1)

    def _end(self, ts_ns: int, row: int) -> None:
        """A best price has gone."""
        if self._traded[row] > 0.0:
            self._size.add(ts_ns, self._traded[row])
            self._count.add(ts_ns, 1.0)
            self._last_ns = ts_ns
            self._traded[row] = 0.0

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        row = 0 if trade.side is Side.SELL else 1
        if trade.price == self._best[row]:
            self._traded[row] += trade.size

    @property
    def value(self) -> float:
        """Mean over prices of both sides, size; NaN before one at which something traded has gone."""
        count = self._count.at(self._last_ns)
        return self._size.at(self._last_ns) / count if count > 0.0 else math.nan
