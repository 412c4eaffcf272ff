"""Volatility: of the mid sampled on a clock, without jumps, and through noise."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import pairwise

from ultramm.features.average import RollingSum


class EwVolatility:
    """Exponentially weighted volatility of mid changes over a fixed sampling interval.

    The mid is sampled each `interval_s` (the value that stood at that moment), not at each tick: tick-level
    variance is biased by the bounce of the book. ``variance <- decay * variance + (1 - decay) * change^2 /
    interval`` with ``decay = exp(-interval / tau)``; RiskMetrics' recursion with ``decay = lambda``. It begins with
    the mean of the first samples: the very first would else weigh most for a whole `tau_s`.

    Parameters
    ----------
    tau_s : float
        Time constant, seconds.
    interval_s : float
        Sampling interval, seconds.
    warm_samples : int
        Changes to see before `value` is given, NaN until then; it begins with their mean, or that of one `tau_s`.

    References
    ----------
    J. P. Morgan/Reuters, *RiskMetrics Technical Document*, 4th ed., 1996, section 5.2.
    """

    __slots__ = (
        "_decay",
        "_interval_ns",
        "_last_mid",
        "_next_ns",
        "_seed",
        "_standing",
        "_warm",
        "change",
        "samples",
        "variance",
    )

    def __init__(self, tau_s: float = 30.0, interval_s: float = 1.0, warm_samples: int = 10) -> None:
        self._decay = math.exp(-interval_s / tau_s)
        self._interval_ns = round(interval_s * 1e9)
        self._warm = warm_samples
        self._seed = max(1, min(warm_samples, round(tau_s / interval_s)))
        self._next_ns = 0
        self._last_mid = math.nan
        self._standing = math.nan
        self.samples = 0
        self.variance = math.nan
        self.change = 0.0

    def update(self, ts_ns: int, mid: float) -> int:
        """From `ts_ns` on the mid is `mid`; NaN (a one-sided book) is ignored. Gives how many samples fell due."""
        if math.isnan(mid):
            return 0
        if math.isnan(self._standing):
            self._standing = self._last_mid = mid
            self._next_ns = ts_ns + self._interval_ns
            return 0
        due = 0
        if ts_ns > self._next_ns:
            due = (ts_ns - self._next_ns - 1) // self._interval_ns + 1
            self._next_ns += due * self._interval_ns
            self.change = self._standing - self._last_mid
            self._last_mid = self._standing
            self.take(self.change, due)
        self._standing = mid
        return due

    def interrupted(self) -> None:
        """The market was not seen for a time: sampling begins anew with the next mid, and what was learnt stays."""
        self._standing = math.nan

    def take(self, change: float, samples: int = 1) -> None:
        """Take samples that fell due together: all but the first of a silence saw no change."""
        self._add(change * change / (self._interval_ns * 1e-9), 1)
        if samples > 1:
            self._add(0.0, samples - 1)

    def _add(self, squared: float, samples: int) -> None:
        """So many equal samples."""
        first = min(samples, max(0, self._seed - self.samples))
        if first:
            before = self.variance * self.samples if self.samples else 0.0
            self.variance = (before + squared * first) / (self.samples + first)
        keep = self._decay ** (samples - first)
        self.variance = keep * self.variance + (1.0 - keep) * squared
        self.samples += samples

    @property
    def value(self) -> float:
        """Volatility, price / sqrt(second); NaN until warm."""
        return math.sqrt(self.variance) if self.samples >= self._warm else math.nan


class QuotingVolatility:
    """The volatility to quote by: the largest of a fast estimate and of half of two slower ones.

    ``max(fast, medium / 2, slow / 2 * season)``: it rises with the market at once, and does not believe a lull.

    Parameters
    ----------
    taus_s : tuple of float
        Time constants of fast, medium and slow, seconds.
    interval_s : float
        Sampling interval, seconds.
    """

    __slots__ = ("fast", "medium", "slow")

    def __init__(
        self,
        taus_s: tuple[float, float, float] = (30.0, 300.0, 3600.0),
        interval_s: float = 1.0,
        warm_samples: int = 60,
    ) -> None:
        self.fast, self.medium, self.slow = (EwVolatility(tau_s, interval_s, warm_samples) for tau_s in taus_s)

    def update(self, ts_ns: int, mid: float) -> int:
        """From `ts_ns` on the mid is `mid`. Gives how many samples fell due; `fast.change` was the first."""
        due = self.fast.update(ts_ns, mid)
        if due:
            self.medium.take(self.fast.change, due)
            self.slow.take(self.fast.change, due)
        return due

    def interrupted(self) -> None:
        """As `EwVolatility.interrupted`."""
        self.fast.interrupted()

    def value(self, season: float = 1.0) -> float:
        """Volatility, price / sqrt(second); NaN until warm.

        Parameters
        ----------
        season : float
            Usual volatility at this time of day relative to the day's.
        """
        return max(self.fast.value, 0.5 * self.medium.value, 0.5 * self.slow.value * season)


class JumpVariation:
    """Realised and bipower variation of returns over the last `window` samples of the clock, amortised O(1).

    Bipower variation ``(pi / 2) (n / (n - 1)) sum |r_i| |r_{i-1}|`` leaves out what moved in a single step: what is
    missing in it are jumps.

    Parameters
    ----------
    window : int
        Samples.

    References
    ----------
    O. Barndorff-Nielsen, N. Shephard, "Power and bipower variation with stochastic volatility and jumps", J. Financial
    Econometrics 2 (2004); the ratio test: X. Huang, G. Tauchen, J. Financial Econometrics 3 (2005).
    """

    def __init__(self, window: int) -> None:
        self._squares = RollingSum(window)
        self._products = RollingSum(window - 1)
        self._triples = RollingSum(window - 2)
        self._last = [math.nan, math.nan]

    def update(self, change: float) -> None:
        """Take the next return, of logs or in price."""
        size = abs(change)
        before, earlier = self._last
        self._squares.update(size * size)
        if not math.isnan(before):
            self._products.update(size * before)
            if not math.isnan(earlier):
                self._triples.update((size * before * earlier) ** (4.0 / 3.0))
        self._last = [size, before]

    @property
    def realised(self) -> float:
        """Sum of squares."""
        return self._squares.value

    @property
    def bipower(self) -> float:
        """What of it is not jumps; NaN for fewer than two returns."""
        count = len(self._squares)
        return 0.5 * math.pi * count / (count - 1) * self._products.value if count > 1 else math.nan

    @property
    def jump_share(self) -> float:
        """Share of the variance that came in jumps, 0 .. 1; NaN while nothing moved."""
        return max(0.0, 1.0 - self.bipower / self.realised) if self.realised > 0 else math.nan

    @property
    def jump_z(self) -> float:
        """Standard normal without jumps; above 3.09 there was one at a level of about 1 in 1,000."""
        count, bipower = len(self._squares), self.bipower
        if count < 3 or not bipower > 0:
            return math.nan
        moment = 2.0 ** (2.0 / 3.0) * math.gamma(7.0 / 6.0) / math.gamma(0.5)
        tripower = count * moment**-3 * count / (count - 2) * self._triples.value
        spread = (0.25 * math.pi**2 + math.pi - 5.0) * max(1.0, tripower / bipower**2) / count
        return (1.0 - bipower / self.realised) / math.sqrt(spread)


class TwoScaleVariation:
    """Variation of an efficient price seen through noise, over the last `window` observations, amortised O(1).

    ``(RV_K - (m / n) RV_1) / (1 - m / n)``, ``RV_K`` the mean over the K interleaved grids, ``m = (n - K + 1) / K``.
    For prices of trades and thin books: what bounces between bid and ask counts in every step, what moves the price
    only once.

    Parameters
    ----------
    window : int
        Changes of the price, n.
    scale : int
        Steps of the slow grids, K.

    References
    ----------
    L. Zhang, P. Mykland, Y. Aït-Sahalia, "A tale of two time scales", JASA 100 (2005).
    """

    def __init__(self, window: int, scale: int = 30) -> None:
        self._prices: deque[float] = deque(maxlen=scale + 1)
        self._fast = RollingSum(window)
        self._slow = RollingSum(window - scale + 1)
        self._neighbours = RollingSum(window - 1)
        self._change = math.nan
        self._scale = scale

    def update(self, price: float) -> None:
        """Take the next price, as it is or its log."""
        prices = self._prices
        if prices:
            change = price - prices[-1]
            self._fast.update(change * change)
            if not math.isnan(self._change):
                self._neighbours.update(change * self._change)
            self._change = change
        prices.append(price)
        if len(prices) == prices.maxlen:
            self._slow.update((price - prices[0]) ** 2)

    @property
    def value(self) -> float:
        """Variation over the window, without noise; NaN until one slow step was seen, never negative."""
        if not len(self._slow):
            return math.nan
        count, scale = len(self._fast), self._scale
        share = (count - scale + 1) / scale / count
        return max(0.0, (self._slow.value / scale - share * self._fast.value) / (1.0 - share))

    @property
    def noise(self) -> float:
        """Variance of the noise of one price, after Roll: minus the covariance of neighbouring changes.

        References
        ----------
        R. Roll, "A simple implicit measure of the effective bid-ask spread", J. Finance 39 (1984).
        """
        return -self._neighbours.mean


def preaveraged_variation(prices: Sequence[float], theta: float = 0.5) -> float:
    """Variation of an efficient price seen through noise, from averages over ``theta sqrt(n)`` observations.

    Parameters
    ----------
    prices : sequence of float, n + 1 values
        As they are or their logs.

    References
    ----------
    J. Jacod, Y. Li, P. Mykland, M. Podolskij, M. Vetter, "Microstructure noise in the continuous case: the
    pre-averaging approach", Stochastic Processes and their Applications 119 (2009), eq. 3.6.
    """
    count = len(prices) - 1
    length = max(2, math.ceil(theta * math.sqrt(count)))
    changes = [after - before for before, after in pairwise(prices)]
    weights = [min(j / length, 1.0 - j / length) for j in range(1, length)]
    psi_1 = length * math.fsum(
        (min(j / length, 1.0 - j / length) - min((j - 1) / length, 1.0 - (j - 1) / length)) ** 2
        for j in range(1, length + 1)
    )
    psi_2 = math.fsum(weight * weight for weight in weights) / length
    averaged = [
        math.fsum(weight * changes[start + j] for j, weight in enumerate(weights))
        for start in range(count - length + 2)
    ]
    squares = math.fsum(value * value for value in averaged)
    noise = math.fsum(change * change for change in changes)
    whole = count / (count - length + 2)
    return whole * squares / (length * psi_2) - psi_1 / (2.0 * length * length * psi_2) * noise
