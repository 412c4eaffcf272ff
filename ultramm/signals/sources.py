"""Where views come from: each is fed with the market, and says what it thinks."""

from __future__ import annotations

import math
from typing import Protocol

from ultramm.features.average import EwAverage
from ultramm.features.flow import TradeFlowImbalance
from ultramm.features.trend import EmaSlope
from ultramm.features.volatility import EwVolatility
from ultramm.market import Book, Trade
from ultramm.signals.signal import Signal, of_score

_FULL_Z = 2.0
_FULL_IMBALANCE = 0.5


class Source(Protocol):
    """Something that has a view."""

    def on_book(self, book: Book) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...

    def interrupted(self) -> None: ...

    def signal(self, now_ns: int) -> Signal: ...


class Trend:
    """What went on goes on: the distance of a fast from a slow average, against that of a walk.

    Parameters
    ----------
    fast_s, slow_s : float
        Time constants, seconds; the view holds for the slow one.
    """

    def __init__(self, fast_s: float = 60.0, slow_s: float = 300.0) -> None:
        self._slope, self._volatility = EmaSlope(fast_s, slow_s), EwVolatility(slow_s, 1.0, 30)
        self._horizon_s = slow_s

    def on_book(self, book: Book) -> None:
        self._slope.update(book.ts_ns, book.mid)
        self._volatility.update(book.ts_ns, book.mid)

    def on_trade(self, trade: Trade) -> None:
        """Prices tell."""

    def interrupted(self) -> None:
        self._volatility.interrupted()

    def signal(self, now_ns: int) -> Signal:
        return of_score(self._slope.z(self._volatility.value), _FULL_Z, self._horizon_s)


class Reversion:
    """What went away comes back: the distance of the mid from its average, against that of a walk.

    Parameters
    ----------
    tau_s : float
        Time constant of the average, seconds; the view holds for as long.
    """

    def __init__(self, tau_s: float = 60.0) -> None:
        self._mean, self._volatility = EwAverage(tau_s), EwVolatility(tau_s, 1.0, 30)
        self._tau_s = tau_s
        self._mid = math.nan

    def on_book(self, book: Book) -> None:
        if book.two_sided:
            self._mid = book.mid
            self._mean.update(book.ts_ns, self._mid)
            self._volatility.update(book.ts_ns, self._mid)

    def on_trade(self, trade: Trade) -> None:
        """Prices tell."""

    def interrupted(self) -> None:
        self._volatility.interrupted()

    def signal(self, now_ns: int) -> Signal:
        # A walk's distance from its own average has that deviation.
        deviation = self._volatility.value * math.sqrt(0.5 * self._tau_s)
        z = (self._mean.value - self._mid) / deviation if deviation > 0.0 else math.nan
        return of_score(z, _FULL_Z, self._tau_s)


class Flow:
    """Who trades pushes: the imbalance of what was bought and sold.

    Parameters
    ----------
    tau_s : float
        Time constant, seconds; the view holds for as long.
    """

    def __init__(self, tau_s: float = 10.0) -> None:
        self._flow, self._tau_s = TradeFlowImbalance(tau_s), tau_s

    def on_book(self, book: Book) -> None:
        """Trades tell."""

    def on_trade(self, trade: Trade) -> None:
        self._flow.update(trade)

    def interrupted(self) -> None:
        """What was traded was traded."""

    def signal(self, now_ns: int) -> Signal:
        return of_score(self._flow.value, _FULL_IMBALANCE, self._tau_s)


SOURCES: dict[str, type[Trend] | type[Reversion] | type[Flow]] = {"trend": Trend, "reversion": Reversion, "flow": Flow}
