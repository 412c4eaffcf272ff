"""Trend and mean reversion of a price sampled on a clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from ultramm.features.average import EwAverage, RollingSum


class EmaSlope:
    """Distance of a fast from a slow average, in units of what a random walk of the same volatility would show.

    ``(EMA_fast - EMA_slow) / (sigma (tau_slow - tau_fast) / sqrt(2 (tau_slow + tau_fast)))``: standard normal for a
    driftless random walk, in stationarity.

    Parameters
    ----------
    fast_s, slow_s : float
        Time constants, seconds.
    """

    __slots__ = ("_fast", "_scale", "_slow", "_ts_ns")

    def __init__(self, fast_s: float = 10.0, slow_s: float = 60.0) -> None:
        self._fast, self._slow = EwAverage(fast_s), EwAverage(slow_s)
        self._scale = (slow_s - fast_s) / math.sqrt(2.0 * (slow_s + fast_s))
        self._ts_ns = 0

    def update(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`; NaN is ignored."""
        if not math.isnan(mid):
            self._fast.update(ts_ns, mid)
            self._slow.update(ts_ns, mid)

    def z(self, sigma: float) -> float:
        """The slope's z value; NaN without prices or volatility (price / sqrt(second))."""
        return (self._fast.value - self._slow.value) / (sigma * self._scale) if sigma > 0 else math.nan


class Variogram:
    """Variances of a price's changes over several lags, over the last `window` samples: Hurst exponent, variance ratio.

    Amortised O(lags) a sample.

    Parameters
    ----------
    window : int
        Samples.
    lags : sequence of int
        In samples, ascending.

    Notes
    -----
    The rescaled range (R/S) is biased upwards in such windows: 0.62 on average for a random walk. The variogram's slope
    is not.

    References
    ----------
    B. Mandelbrot, J. Van Ness, "Fractional Brownian motions", SIAM Review 10 (1968). A. Lo, C. MacKinlay, "Stock
    market prices do not follow random walks", Review of Financial Studies 1 (1988).
    """

    def __init__(self, window: int, lags: Sequence[int] = (1, 2, 4, 8, 16, 32)) -> None:
        self._lags = tuple(lags)
        self._prices: deque[float] = deque(maxlen=self._lags[-1] + 1)
        self._squares = [RollingSum(window) for _ in self._lags]
        self._changes = RollingSum(window)
        self._distances = RollingSum(window)

    def update(self, price: float) -> None:
        """Take the next sample of the clock."""
        prices = self._prices
        if prices:
            self._changes.update(price - prices[-1])
            self._distances.update(abs(price - prices[-1]))
        prices.append(price)
        count = len(prices)
        for lag, squares in zip(self._lags, self._squares, strict=True):
            if count > lag:
                change = price - prices[-1 - lag]
                squares.update(change * change)

    @property
    def ready(self) -> bool:
        """Whether the window is full at every lag."""
        return self._squares[-1].full

    @property
    def hurst(self) -> float:
        """Half the slope of ln variance on ln lag: 0.5 for a random walk, below for mean reversion; NaN until ready."""
        if not self.ready or any(squares.value <= 0 for squares in self._squares):
            return math.nan
        xs = [math.log(lag) for lag in self._lags]
        ys = [math.log(squares.mean) for squares in self._squares]
        x_mean, y_mean = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
        above = math.fsum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
        return 0.5 * above / math.fsum((x - x_mean) ** 2 for x in xs)

    def variance_ratio(self, lag: int) -> tuple[float, float]:
        """``Var(lag steps) / (lag Var(1 step))`` and its z value for a random walk of equal variance; NaN until ready.

        Parameters
        ----------
        lag : int
            One of the lags.
        """
        first, other = self._squares[0], self._squares[self._lags.index(lag)]
        if not self.ready or first.value <= 0:
            return math.nan, math.nan
        ratio = other.mean / (lag * first.mean)
        count = len(first)
        error = math.sqrt(2.0 * (2 * lag - 1) * (lag - 1) / (3.0 * lag * count))
        return ratio, (ratio - 1.0) / error if error > 0 else 0.0

    @property
    def efficiency(self) -> float:
        """Net change over the way travelled, 0 .. 1; NaN while nothing moved."""
        return abs(self._changes.value) / self._distances.value if self._distances.value > 0 else math.nan


def slope_t(prices: Sequence[float]) -> float:
    """t value of the slope of prices on time, by least squares; NaN for fewer than three or a perfect line.

    A random walk's is far from standard normal: good for ranking, not for testing.
    """
    count = len(prices)
    if count < 3:
        return math.nan
    middle = 0.5 * (count - 1)
    mean = math.fsum(prices) / count
    xx = math.fsum((i - middle) ** 2 for i in range(count))
    slope = math.fsum((i - middle) * (price - mean) for i, price in enumerate(prices)) / xx
    rest = math.fsum((price - mean - slope * (i - middle)) ** 2 for i, price in enumerate(prices))
    return slope / math.sqrt(rest / (count - 2) / xx) if rest > 0 else math.nan
