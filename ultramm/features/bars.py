"""Volatility from the open, high, low and close of bars."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import NamedTuple

from ultramm.features.average import RollingSum

# What is left of the variance when a bar has few price steps: its extremes are missed. By steps a bar, of Parkinson's
# estimator and of Garman and Klass'; simulated random walks.
_STEPS = (10, 30, 60, 100, 390, 1000)
_PARKINSON_SEEN = (0.67, 0.78, 0.84, 0.87, 0.93, 0.96)
_GARMAN_KLASS_SEEN = (0.54, 0.70, 0.78, 0.83, 0.91, 0.94)


class Bar(NamedTuple):
    """Open, high, low and close, price."""

    open: float
    high: float
    low: float
    close: float


def parkinson(bar: Bar) -> float:
    """Variance of one bar's log return, from its range: ``ln(H/L)^2 / (4 ln 2)``.

    References
    ----------
    M. Parkinson, "The extreme value method for estimating the variance of the rate of return", J. Business 53 (1980).
    """
    return math.log(bar.high / bar.low) ** 2 / (4.0 * math.log(2.0))


def garman_klass(bar: Bar) -> float:
    """Variance of one bar: ``ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2``.

    References
    ----------
    M. Garman, M. Klass, "On the estimation of security price volatilities from historical data", J. Business 53 (1980).
    """
    return 0.5 * math.log(bar.high / bar.low) ** 2 - (2.0 * math.log(2.0) - 1.0) * math.log(bar.close / bar.open) ** 2


def rogers_satchell(bar: Bar) -> float:
    """Variance of one bar, whatever its drift: ``h (h - c) + l (l - c)`` of logs relative to the open.

    References
    ----------
    L. Rogers, S. Satchell, "Estimating variance from high, low and closing prices", Ann. Appl. Prob. 1 (1991).
    """
    high, low, close = (math.log(price / bar.open) for price in (bar.high, bar.low, bar.close))
    return high * (high - close) + low * (low - close)


class BarVolatility:
    """Means of the bar estimators over the last `bars` bars, amortised O(1) a bar.

    Yang and Zhang's counts the jump from a bar's close to the next one's open as well: its first bar is the second.

    Parameters
    ----------
    bars : int
        Bars in the means; at least two.

    References
    ----------
    D. Yang, Q. Zhang, "Drift-independent volatility estimation based on high, low, open, and close prices",
    J. Business 73 (2000).
    """

    def __init__(self, bars: int) -> None:
        self._range, self._garman_klass, self._rogers_satchell = (RollingSum(bars) for _ in range(3))
        self._of_jumps = _Variance(bars)
        self._of_bars = _Variance(bars)
        self._drift_free = RollingSum(bars)
        self._close = math.nan

    def update(self, bar: Bar) -> None:
        """Take a bar that has ended."""
        drift_free = rogers_satchell(bar)
        self._range.update(parkinson(bar))
        self._garman_klass.update(garman_klass(bar))
        self._rogers_satchell.update(drift_free)
        if self._close > 0:
            self._of_jumps.update(math.log(bar.open / self._close))
            self._of_bars.update(math.log(bar.close / bar.open))
            self._drift_free.update(drift_free)
        self._close = bar.close

    @property
    def parkinson(self) -> float:
        """Mean variance of a bar; NaN before the first."""
        return self._range.mean

    @property
    def garman_klass(self) -> float:
        """Mean variance of a bar."""
        return self._garman_klass.mean

    @property
    def rogers_satchell(self) -> float:
        """Mean variance of a bar."""
        return self._rogers_satchell.mean

    @property
    def yang_zhang(self) -> float:
        """Variance of a bar and of the jump before it; NaN before the third bar."""
        count = len(self._drift_free)
        if count < 2:
            return math.nan
        k = 0.34 / (1.34 + (count + 1) / (count - 1))
        return self._of_jumps.value + k * self._of_bars.value + (1.0 - k) * self._drift_free.mean


class _Variance:
    """Sample variance over a window, with one degree of freedom less."""

    def __init__(self, count: int) -> None:
        self._sum, self._squares = RollingSum(count), RollingSum(count)

    def update(self, x: float) -> None:
        self._sum.update(x)
        self._squares.update(x * x)

    @property
    def value(self) -> float:
        count, total = len(self._sum), self._sum.value
        return max(0.0, self._squares.value - total * total / count) / (count - 1) if count > 1 else math.nan


def seen_share(steps: float, *, of: str = "parkinson") -> float:
    """Share of a bar's variance that its extremes show when the price made so many steps in it: divide by it.

    Parameters
    ----------
    steps : float
        Price changes a bar.
    of : {"parkinson", "garman-klass"}
        The estimator.

    References
    ----------
    M. Garman, M. Klass (1980), table 1: discreteness; the table is from simulated random walks.
    """
    shares = _PARKINSON_SEEN if of == "parkinson" else _GARMAN_KLASS_SEEN
    at = bisect_left(_STEPS, steps)
    if at == 0:
        return shares[0]
    if at == len(_STEPS):
        return shares[-1]
    part = math.log(steps / _STEPS[at - 1]) / math.log(_STEPS[at] / _STEPS[at - 1])
    return shares[at - 1] + part * (shares[at] - shares[at - 1])


class Bars:
    """Makes bars of a price by the clock.

    A bar ends with the first price after its time; one without a price repeats the close before it, and is not given.

    Parameters
    ----------
    length_s : float
        Seconds.
    """

    __slots__ = ("_close", "_end_ns", "_high", "_length_ns", "_low", "_open")

    def __init__(self, length_s: float) -> None:
        self._length_ns = round(length_s * 1e9)
        self._end_ns = 0
        self._open = self._high = self._low = self._close = math.nan

    def update(self, ts_ns: int, price: float) -> Bar | None:
        """From `ts_ns` on the price is `price`; gives the bar that ended before, if one did."""
        if math.isnan(price):
            return None
        ended = None
        if ts_ns >= self._end_ns:
            if not math.isnan(self._open):
                ended = Bar(self._open, self._high, self._low, self._close)
            self._end_ns = ts_ns - ts_ns % self._length_ns + self._length_ns
            self._open = self._high = self._low = price
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        self._close = price
        return ended
