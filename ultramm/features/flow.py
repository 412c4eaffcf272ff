"""Pressure of orders and of trades."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ultramm.market import Book, Trade


class DecayingSum:
    """Exponentially decaying sum of what arrives at irregular times.

    Parameters
    ----------
    tau_s : float
        Time constant, seconds.
    """

    __slots__ = ("_last_ns", "_tau_ns", "_value")

    def __init__(self, tau_s: float) -> None:
        self._tau_ns = tau_s * 1e9
        self._last_ns = 0
        self._value = 0.0

    def add(self, ts_ns: int, x: float) -> None:
        self._value = self.at(ts_ns) + x
        self._last_ns = max(ts_ns, self._last_ns)

    def at(self, ts_ns: int) -> float:
        """The sum as it has decayed until `ts_ns`, in the unit of `x`."""
        elapsed_ns = ts_ns - self._last_ns
        return self._value * math.exp(-elapsed_ns / self._tau_ns) if elapsed_ns > 0 else self._value


def order_flow(before: Book, book: Book) -> float:
    """What a change of the touch adds to the pressure to buy, size; 0 unless both books are two-sided.

    ``1{b >= b'} B - 1{b <= b'} B' - 1{a <= a'} A + 1{a >= a'} A'`` with primes for the book before.

    References
    ----------
    R. Cont, A. Kukanov, S. Stoikov, "The price impact of order book events", J. Financial Econometrics 12 (2014),
    eq. 4.
    """
    if not (before.bids and before.asks and book.bids and book.asks):
        return 0.0
    bid, ask, old_bid, old_ask = book.bids[0], book.asks[0], before.bids[0], before.asks[0]
    flow = 0.0
    if bid.price >= old_bid.price:
        flow += bid.size
    if bid.price <= old_bid.price:
        flow -= old_bid.size
    if ask.price <= old_ask.price:
        flow -= ask.size
    if ask.price >= old_ask.price:
        flow += old_ask.size
    return flow


class OrderFlowImbalance:
    """Order flow imbalance, decaying over several times at once.

    Parameters
    ----------
    taus_s : sequence of float
        Time constants, seconds.
    """

    __slots__ = ("_before", "_sums")

    def __init__(self, taus_s: Sequence[float]) -> None:
        self._sums = [DecayingSum(tau_s) for tau_s in taus_s]
        self._before: Book | None = None

    def update(self, book: Book) -> None:
        before, self._before = self._before, book
        if before is None:
            return
        flow = order_flow(before, book)
        if flow:
            for total in self._sums:
                total.add(book.ts_ns, flow)

    def interrupted(self) -> None:
        """The market was not seen for a time: what the next book differs by is no flow."""
        self._before = None

    def values(self, ts_ns: int) -> list[float]:
        """One for each time constant, size; positive when buyers press."""
        return [total.at(ts_ns) for total in self._sums]


class TradeFlowImbalance:
    """Signed share of the trades' volume: ``EW(side sqrt(size)) / EW(sqrt(size))``; the root tames block trades.

    Parameters
    ----------
    tau_s : float
        Time constant, seconds.
    """

    __slots__ = ("_all", "_signed")

    def __init__(self, tau_s: float) -> None:
        self._signed, self._all = DecayingSum(tau_s), DecayingSum(tau_s)

    def update(self, trade: Trade) -> None:
        root = math.sqrt(trade.size)
        self._signed.add(trade.ts_ns, trade.side * root)
        self._all.add(trade.ts_ns, root)

    @property
    def value(self) -> float:
        """In -1 (all sold) .. 1 (all bought); 0 before the first trade. It does not fade: its weight does."""
        total = self._all._value
        return self._signed._value / total if total > 0 else 0.0

    def pressure(self, ts_ns: int) -> float:
        """The signed sum alone, which does fade in silence: square root of size."""
        return self._signed.at(ts_ns)
