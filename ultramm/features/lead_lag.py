"""Which of two prices moves first, and by how much time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Floats = NDArray[np.float64]


class LeadLag(msgspec.Struct, frozen=True):
    """Cross-covariances by lag.

    Parameters
    ----------
    lags_s : tuple of float
        Positive where the first price leads.
    covariances : tuple of float
        Product of the two units of price.
    """

    lags_s: tuple[float, ...]
    covariances: tuple[float, ...]

    @property
    def best_lag_s(self) -> float:
        """Lag of the largest covariance in size, seconds."""
        return self.lags_s[int(np.argmax(np.abs(self.covariances)))]

    @property
    def ratio(self) -> float:
        """Squares at positive lags over those at negative lags: above 1 the first leads."""
        pairs = list(zip(self.lags_s, self.covariances, strict=True))
        after = sum(covariance**2 for lag, covariance in pairs if lag > 0)
        before = sum(covariance**2 for lag, covariance in pairs if lag < 0)
        return after / before if before > 0 else float("inf")


def lead_lag(
    first_ns: Sequence[int],
    first: Sequence[float],
    second_ns: Sequence[int],
    second: Sequence[float],
    lags_s: Sequence[float],
) -> LeadLag:
    """Covariances of two asynchronous prices' changes at each lag, without a common clock.

    ``C(l) = sum of r_i r_j over all pairs whose intervals overlap after the second is moved back by l``; by prefix
    sums, ``O(n log n)`` a lag.

    Parameters
    ----------
    first_ns, second_ns : sequence of int
        When each was seen by this process, nanoseconds, ascending: venues' own clocks cannot be compared.
    first, second : sequence of float
        Prices.
    lags_s : sequence of float
        Seconds.

    References
    ----------
    T. Hayashi, N. Yoshida, "On covariance estimation of non-synchronously observed diffusion processes", Bernoulli 11
    (2005). M. Hoffmann, M. Rosenbaum, N. Yoshida, Bernoulli 19 (2013); the ratio: N. Huth, F. Abergel, "High frequency
    lead/lag relationships", J. Empirical Finance 26 (2014).
    """
    t1, t2 = np.asarray(first_ns, dtype=np.int64), np.asarray(second_ns, dtype=np.int64)
    p1, p2 = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    covariances = tuple(_covariance(t1, p1, t2 - round(lag_s * 1e9), p2) for lag_s in lags_s)
    return LeadLag(tuple(lags_s), covariances)


def _covariance(t1: Times, p1: Floats, t2: Times, p2: Floats) -> float:
    """Each change of the second times the change of the first over all its intervals that overlap."""
    starts = np.searchsorted(t1, t2[:-1], side="right") - 1
    ends = np.searchsorted(t1, t2[1:], side="left")
    last = len(t1) - 1
    moves = p1[np.clip(ends, 0, last)] - p1[np.clip(starts, 0, last)]
    return float(moves @ np.diff(p2))


class OnlineLeadLag:
    """The same, as the prices come: sums for each lag, amortised O(lags) a change.

    Parameters
    ----------
    lags_s : sequence of float
        Seconds, positive where the first price leads.
    """

    def __init__(self, lags_s: Sequence[float]) -> None:
        self._lags_s = tuple(lags_s)
        self._pairs = [_Overlaps(round(lag_s * 1e9)) for lag_s in lags_s]

    def on_first(self, ts_ns: int, price: float) -> None:
        """The first price changed."""
        for pair in self._pairs:
            pair.on_first(ts_ns, price)

    def on_second(self, ts_ns: int, price: float) -> None:
        """The second price changed."""
        for pair in self._pairs:
            pair.on_second(ts_ns, price)

    def result(self) -> LeadLag:
        """Over everything that is known to overlap by now."""
        return LeadLag(self._lags_s, tuple(pair.covariance for pair in self._pairs))


class _Overlaps:
    """One lag: changes of the second wait until the first has moved past them."""

    def __init__(self, lag_ns: int) -> None:
        self._lag_ns = lag_ns
        self._first: deque[tuple[int, float]] = deque()
        self._waiting: deque[tuple[int, int, float]] = deque()
        self._second: tuple[int, float] | None = None
        self.covariance = 0.0

    def on_first(self, ts_ns: int, price: float) -> None:
        self._first.append((ts_ns, price))
        self._resolve()

    def on_second(self, ts_ns: int, price: float) -> None:
        moved_ns = ts_ns - self._lag_ns
        if self._second is not None:
            start_ns, before = self._second
            self._waiting.append((start_ns, moved_ns, price - before))
        self._second = moved_ns, price
        self._resolve()

    def _resolve(self) -> None:
        first = self._first
        while self._waiting and first and first[-1][0] >= self._waiting[0][1]:
            start_ns, end_ns, change = self._waiting.popleft()
            while len(first) > 1 and first[1][0] <= start_ns:
                first.popleft()
            start = first[0][1]
            # Few, unless the second is far slower than the first: both are walked but once in all.
            end = next(price for ts_ns, price in first if ts_ns >= end_ns)
            self.covariance += (end - start) * change
