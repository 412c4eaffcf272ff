"""A forecast of the mid by regression on what the book and the trades show, learned while it trades."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ultramm.features.maturing import Maturing

Floats = NDArray[np.float64]

_MOST_SCALES = 5.0
_SCALE_SHARE = 0.002  # of each observation in the mean square that a feature is scaled by


class DecayingRidge:
    """Ridge regression with exponential forgetting, from its two sums ``S = sum w x x'`` and ``b = sum w x y``.

    The sums forget, the penalty does not: a direction that is not excited fades to zero instead of winding up, as it
    does in recursive least squares.

    Parameters
    ----------
    count : int
        Features.
    penalty : float
        Added to the diagonal of S.

    References
    ----------
    S. Haykin, *Adaptive Filter Theory*, 5th ed. (2014), ch. 10, for the recursion that this replaces.
    """

    __slots__ = ("_b", "_s", "coefficients", "penalty")

    def __init__(self, count: int, penalty: float) -> None:
        self._s = np.zeros((count, count))
        self._b = np.zeros(count)
        self.penalty = penalty
        self.coefficients: list[float] = [0.0] * count

    def update(self, x: Floats, y: float, keep: float = 1.0) -> None:
        """Forget down to `keep`, then take a row. O(count^2)."""
        if keep != 1.0:
            self._s *= keep
            self._b *= keep
        self._s += x[:, None] * x
        self._b += y * x

    def solve(self) -> None:
        """Bring `coefficients` up to date; O(count^3), off the event path."""
        size = len(self._b)
        self.coefficients = np.linalg.solve(self._s + self.penalty * np.eye(size), self._b).tolist()


class Trust:
    """What forecasts have been worth on outcomes that they had not seen: the share of one to believe.

    The slope of outcomes on forecasts less one error of it, between 0 and 1. What stops working shrinks itself away.

    Parameters
    ----------
    overlap : float
        Outcomes that count as one, because their horizons overlap.
    """

    __slots__ = ("_weight", "_xx", "_xy", "_yy", "overlap")

    def __init__(self, overlap: float = 1.0) -> None:
        self.overlap = max(1.0, overlap)
        self._weight = self._xx = self._xy = self._yy = 0.0

    def update(self, forecast: float, outcome: float, keep: float = 1.0) -> None:
        """Forget down to `keep`, then take an outcome."""
        self._weight = keep * self._weight + 1.0
        self._xx = keep * self._xx + forecast * forecast
        self._xy = keep * self._xy + forecast * outcome
        self._yy = keep * self._yy + outcome * outcome

    @property
    def value(self) -> float:
        """0 .. 1; 0 while nothing is known."""
        if self._xx <= 0:
            return 0.0
        slope = self._xy / self._xx
        variance = max(0.0, self._yy - slope * self._xy) / self._weight
        return max(0.0, min(1.0, slope - math.sqrt(variance * self.overlap / self._xx)))


class MidForecast:
    """Expected move of the mid over a horizon, from features on any scale.

    Features are standardised by their own decayed mean square and clipped at five; the penalty pulls every coefficient
    to zero until the data insist, and `trust` is the share of the forecast to believe.

    Parameters
    ----------
    names : sequence of str
        One for each feature.
    horizon_s, every_s : float
        How far ahead, and how often to learn, seconds.
    tau_s : float
        Forgetting, seconds.
    penalty : float
        In observations.
    least : int
        Outcomes before anything is forecast.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        horizon_s: float = 1.0,
        every_s: float = 0.1,
        tau_s: float = 3_600.0,
        penalty: float = 100.0,
        least: int = 300,
    ) -> None:
        self.names = tuple(names)
        self.horizon_s = horizon_s
        self._every_ns = round(every_s * 1e9)
        self._next_ns = 0
        self._tau_ns = tau_s * 1e9
        self._ridge = DecayingRidge(len(self.names), penalty)
        self._pending = Maturing[tuple[Floats, float, float]](horizon_s)
        self._scales: list[float] = []
        self._coefficients: list[float] = [0.0] * len(self.names)
        self._last_ns = -1
        self._trust = Trust(horizon_s / every_s)
        self._least = least
        self.outcomes = 0

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`; takes the outcomes that are known by now."""
        for (x, before, forecast), after in self._pending.on_mid(ts_ns, mid):
            keep = 1.0 if self._last_ns < 0 else math.exp(-max(0, ts_ns - self._last_ns) / self._tau_ns)
            self._last_ns = ts_ns
            move = after - before
            self._ridge.update(x, move, keep)
            self.outcomes += 1
            if forecast:
                self._trust.update(forecast, move, keep)

    def interrupted(self) -> None:
        """The market was not seen for a time: outcomes of it are not known."""
        self._pending.interrupted()

    def parts(self, ts_ns: int, mid: float, features: Sequence[float]) -> list[float]:
        """What each feature adds to the forecast, price, before `trust`; now and then remembered for learning.

        Parameters
        ----------
        features : sequence of float
            As they stand at `ts_ns`; one that is not finite counts as zero.
        """
        # A handful of numbers: lists are faster than arrays, and this is done at every decision.
        raw = [value if math.isfinite(value) else 0.0 for value in features]
        if not self._scales:
            self._scales = [abs(value) for value in raw]
        x = []
        for value, scale in zip(raw, self._scales, strict=True):
            scaled = value / scale if scale > 0 else _MOST_SCALES if value > 0 else -_MOST_SCALES if value < 0 else 0.0
            x.append(_MOST_SCALES if scaled > _MOST_SCALES else -_MOST_SCALES if scaled < -_MOST_SCALES else scaled)
        found = [c * value for c, value in zip(self._coefficients, x, strict=True)]
        if ts_ns >= self._next_ns and not math.isnan(mid):
            self._next_ns = ts_ns + self._every_ns
            self._scales = [
                math.sqrt(scale * scale + _SCALE_SHARE * (value * value - scale * scale))
                for value, scale in zip(raw, self._scales, strict=True)
            ]
            self._pending.add(ts_ns, (np.array(x), mid, math.fsum(found)))
        return found

    def refit(self) -> None:
        """Bring the coefficients up to date; off the event path."""
        if self.outcomes >= self._least:
            self._ridge.solve()
            self._coefficients = self._ridge.coefficients

    @property
    def trust(self) -> float:
        """Share of the forecast to believe, 0 .. 1."""
        return self._trust.value
