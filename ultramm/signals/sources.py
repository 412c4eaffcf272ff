"""Where views come from: each is fed with the market, and says what it thinks."""

from __future__ import annotations

import math
from typing import Any, Protocol

import msgspec

from ultramm.bounds import Positive
from ultramm.features.average import EwAverage
from ultramm.features.flow import TradeFlowImbalance
from ultramm.features.trend import EmaSlope
from ultramm.features.volatility import EwVolatility
from ultramm.market import Book, Trade
from ultramm.signals.signal import Signal, of_score

_FULL_Z = 2.0
_FULL_IMBALANCE = 0.5


class Source(Protocol):
    """What a signal plugin provides: it is built as ``source(params)``, and kept with the strategy that follows it."""

    def __init__(self, params: Any) -> None: ...

    def on_book(self, book: Book) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...

    def interrupted(self) -> None:
        """The market was not seen for a time."""

    def signal(self, now_ns: int) -> Signal:
        """The view of now; `ultramm.signals.signal.NO_SIGNAL` where there is none."""


class TrendParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of `Trend`.

    Parameters
    ----------
    fast_s, slow_s : float
        Time constants, seconds; the view holds for the slow one.
    """

    fast_s: Positive = 60.0
    slow_s: Positive = 300.0


class Trend:
    """What went on goes on: the distance of a fast from a slow average, against that of a walk.

    Parameters
    ----------
    params : TrendParams
    """

    def __init__(self, params: TrendParams) -> None:
        self._slope = EmaSlope(params.fast_s, params.slow_s)
        self._volatility = EwVolatility(params.slow_s, 1.0, 30)
        self._horizon_s = params.slow_s

    def on_book(self, book: Book) -> None:
        self._slope.update(book.ts_ns, book.mid)
        self._volatility.update(book.ts_ns, book.mid)

    def on_trade(self, trade: Trade) -> None:
        """Prices tell."""

    def interrupted(self) -> None:
        self._volatility.interrupted()

    def signal(self, now_ns: int) -> Signal:
        return of_score(self._slope.z(self._volatility.value), _FULL_Z, self._horizon_s)


class ReversionParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of `Reversion`.

    Parameters
    ----------
    tau_s : float
        Time constant of the average, seconds; the view holds for as long.
    """

    tau_s: Positive = 60.0


class Reversion:
    """What went away comes back: the distance of the mid from its average, against that of a walk.

    Parameters
    ----------
    params : ReversionParams
    """

    def __init__(self, params: ReversionParams) -> None:
        self._tau_s = params.tau_s
        self._mean, self._volatility = EwAverage(self._tau_s), EwVolatility(self._tau_s, 1.0, 30)
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


class FlowParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of `Flow`.

    Parameters
    ----------
    tau_s : float
        Time constant, seconds; the view holds for as long.
    """

    tau_s: Positive = 10.0


class Flow:
    """Who trades pushes: the imbalance of what was bought and sold.

    Parameters
    ----------
    params : FlowParams
    """

    def __init__(self, params: FlowParams) -> None:
        self._flow, self._tau_s = TradeFlowImbalance(params.tau_s), params.tau_s

    def on_book(self, book: Book) -> None:
        """Trades tell."""

    def on_trade(self, trade: Trade) -> None:
        self._flow.update(trade)

    def interrupted(self) -> None:
        """What was traded was traded."""

    def signal(self, now_ns: int) -> Signal:
        return of_score(self._flow.value, _FULL_IMBALANCE, self._tau_s)
