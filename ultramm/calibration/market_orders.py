"""Public trades as the market orders that made them, and how far each reached."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from ultramm.market import Book, Side, Trade


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

    def interrupted(self) -> None:
        """The market was not seen for a time: an order that had begun is not known whole, nor the mid of now."""
        self._mid = math.nan
        self._open = None

    def _complete(self) -> MarketOrder | None:
        complete, self._open = self._open, None
        return complete


class QuotedOrders:
    """What market orders a market without a tape must have had, as far as its quotes tell.

    Currency pairs and metals are quoted without their trades being shown. A quote of ours would have been taken there
    when the other side's best price came to it: so the furthest that the best ask came below the mid of up to
    `window_s` ago is what a seller reached, and likewise for buyers. Their sizes are not known.

    Parameters
    ----------
    window_s : float
        How long a quote stands before it is placed anew, seconds.
    """

    __slots__ = ("_highest_bid", "_lowest_ask", "_mid", "_start_ns", "_window_ns")

    def __init__(self, window_s: float = 0.1) -> None:
        self._window_ns = round(window_s * 1e9)
        self._start_ns = 0
        self._mid = math.nan
        self._highest_bid, self._lowest_ask = -math.inf, math.inf

    def on_book(self, book: Book) -> Iterator[MarketOrder]:
        """The touch changed; gives the orders of the window that ends by it, if one does."""
        if not book.two_sided:
            return
        # Also what was heard only after the window's end: until then nothing had changed.
        self._highest_bid = max(self._highest_bid, book.bids[0].price)
        self._lowest_ask = min(self._lowest_ask, book.asks[0].price)
        if book.ts_ns < self._start_ns + self._window_ns:
            return
        if self._highest_bid > self._mid:
            yield MarketOrder(self._start_ns, Side.BUY, self._mid, self._highest_bid, 0.0)
        if self._lowest_ask < self._mid:
            yield MarketOrder(self._start_ns, Side.SELL, self._mid, self._lowest_ask, 0.0)
        self._start_ns, self._mid = book.ts_ns, book.mid
        self._highest_bid, self._lowest_ask = book.bids[0].price, book.asks[0].price

    def interrupted(self) -> None:
        """The market was not seen for a time: no quote of ours stood until the next book."""
        self._mid = math.nan
