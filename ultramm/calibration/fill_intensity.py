"""How often a quote is filled at a depth: ``lambda(delta) = A exp(-kappa delta)``, with its error."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ultramm.market import Side

Floats = NDArray[np.float64]

_NEWTON_STEPS = 25
_REMEMBERED = 4_096
_MOST_GROWTH = 30.0
_GRID_SLACK = 1e-6
_MOST_EXPONENT = 100.0  # a rate that is extrapolated further is none
_PRIOR_FILLS = 20.0


class FillIntensity(msgspec.Struct, frozen=True):
    """Fills a second of a quote at a depth from the mid.

    Parameters
    ----------
    arrival_rate : float
        At the mid itself, by extrapolation, 1 / second.
    kappa : float
        Decay with depth, 1 / price.
    relative_error : float
        Standard error of `kappa`, as a share of it.
    """

    arrival_rate: float
    kappa: float
    relative_error: float

    def rate(self, depth: float) -> float:
        """Fills a second at `depth`, price."""
        return self.arrival_rate * math.exp(-self.kappa * depth)


class ReachIntensity:
    """Fill intensity of both sides from how far market orders reach, by censored maximum likelihood.

    Of the orders that reach beyond `near`, the excess is exponential, and censored at `far`: ``kappa = uncensored /
    sum min(excess, far - near)``. The rate at `near` is their count over the time, so that the line is right where
    quotes stand, even if it is wrong elsewhere: reaches have an atom at the touch and a heavy tail. Everything is
    forgotten with the time constant `tau_s`. O(1).

    Both sides share `kappa`, as the engine wants it.

    Parameters
    ----------
    near, far : float
        Range of depths to fit, price: around where quotes stand.
    tau_s : float
        Time constant, seconds.
    tick_size : float
        Where depths lie on a grid, its step, price: the excess is then geometric. 0 = continuous.
    prior_orders : float
        Weight of `prior_kappa`, in market orders.
    prior_kappa : float
        1 / price; does not count when `prior_orders` is 0.

    References
    ----------
    O. Guéant, *The Financial Mathematics of Market Liquidity* (2016), ch. 10; censored exponential likelihood: J. F.
    Lawless, *Statistical Models and Methods for Lifetime Data*, 2nd ed. (2003), section 4.1.
    """

    def __init__(
        self,
        near: float,
        far: float,
        *,
        tau_s: float = 600.0,
        tick_size: float = 0.0,
        prior_orders: float = 0.0,
        prior_kappa: float = 1.0,
    ) -> None:
        self._tau_ns = tau_s * 1e9
        self._tick_size = tick_size
        self._prior_orders = prior_orders
        self._prior_kappa = prior_kappa
        self._recent: deque[tuple[int, Side, float]] = deque(maxlen=_REMEMBERED)
        self._first_ns = -1
        self._last_ns = -1
        self._forget()
        self.near, self.far = near, far

    def _forget(self) -> None:
        self._reached = {Side.BUY: 0.0, Side.SELL: 0.0}
        self._uncensored = 0.0
        self._excess = 0.0
        self._seconds = 0.0

    def set_range(self, near: float, far: float) -> None:
        """Fit around another range, from the market orders still remembered."""
        recent, first_ns, last_ns = list(self._recent), self._first_ns, self._last_ns
        self._recent.clear()
        self._forget()
        self.near, self.far = near, far
        self._last_ns = first_ns if len(recent) < _REMEMBERED else recent[0][0]
        for ts_ns, side, reach in recent:
            self.on_reach(ts_ns, side, reach)
        if last_ns >= 0:
            self._decay(last_ns)

    def on_time(self, ts_ns: int) -> None:
        """The market is observed from here on, or still is."""
        self._decay(ts_ns)

    def on_reach(self, ts_ns: int, side: Side, reach: float) -> None:
        """A market order of `side` traded as far as `reach` beyond the mid, price."""
        self._decay(ts_ns)
        self._recent.append((ts_ns, side, reach))
        excess = reach - self.near
        # One at the near end is not beyond it, whatever its binary fraction says.
        if excess <= _GRID_SLACK * self.near:
            return
        width = self.far - self.near
        self._reached[side] += 1.0
        self._uncensored += excess < width
        excess = min(excess, width)
        self._excess += math.floor(excess / self._tick_size + 1e-9) * self._tick_size if self._tick_size else excess

    def _decay(self, ts_ns: int) -> None:
        if self._last_ns < 0:
            self._first_ns = self._last_ns = ts_ns
            return
        if ts_ns <= self._last_ns:
            return
        elapsed = (ts_ns - self._last_ns) / self._tau_ns
        keep = math.exp(-elapsed)
        self._seconds = self._seconds * keep - self._tau_ns * 1e-9 * math.expm1(-elapsed)
        for side in self._reached:
            self._reached[side] *= keep
        self._uncensored *= keep
        self._excess *= keep
        self._last_ns = ts_ns

    @property
    def market_orders(self) -> float:
        """Market orders that reached the range, decayed."""
        return sum(self._reached.values())

    def estimate(self, side: Side) -> FillIntensity | None:
        """Of quotes on `side`, which market orders of the other side fill; None before anything was seen."""
        count = self._uncensored + self._prior_orders
        total = self._excess + (self._prior_orders / self._prior_kappa if self._prior_orders else 0.0)
        reached = self._reached[side.opposite]
        if count <= 0 or total <= 0 or self._seconds <= 0 or reached <= 0:
            return None
        step = self._tick_size
        kappa = math.log1p(count * step / total) / step if step else count / total
        if kappa * self.near > _MOST_EXPONENT:
            return None
        arrival_rate = reached / self._seconds * math.exp(kappa * self.near)
        return FillIntensity(arrival_rate, kappa, 1.0 / math.sqrt(count))


class OwnFillIntensity:
    """Fill intensity from our own quotes: exposure and fills by depth, a Poisson regression.

    ``log rate = ln A - kappa depth``, with the time a quote stood at a depth as exposure; Newton's method on sums by
    depth, that are forgotten with `tau_s`. Taking an exposure is O(1).

    Parameters
    ----------
    step : float
        Width of a bin of depths, price.
    tau_s : float
        Time constant, seconds.

    References
    ----------
    P. McCullagh, J. Nelder, *Generalized Linear Models*, 2nd ed. (1989), section 6.2.
    """

    def __init__(self, step: float, *, tau_s: float = 3_600.0) -> None:
        self._step = step
        self._tau_ns = tau_s * 1e9
        # What is new weighs more instead of what is old less: sums are of weights that grow from here on.
        self._origin_ns = -1
        self._last_ns = -1
        self._bins: dict[int, list[float]] = {}

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        """A quote stood `seconds` at `depth` until `ts_ns`, and was filled `fills` times; not beyond the mid."""
        if depth < 0:
            return  # on its way out: the rate has no such depths
        self._last_ns = max(ts_ns, self._last_ns)
        growth = (self._last_ns - self._origin_ns) / self._tau_ns
        if self._origin_ns < 0 or growth > _MOST_GROWTH:
            self._begin_anew(math.exp(-growth) if self._origin_ns >= 0 else 1.0)
            growth = 0.0
        weight = math.exp(growth)
        sums = self._bins.setdefault(round(depth / self._step), [0.0, 0.0, 0.0])
        sums[0] += weight * seconds
        sums[1] += weight * fills
        sums[2] += weight * seconds * depth

    def _begin_anew(self, keep: float) -> None:
        self._origin_ns = self._last_ns
        self._bins = {at: [keep * total for total in sums] for at, sums in self._bins.items() if keep * sums[0] > 1e-9}

    def estimate(self) -> FillIntensity | None:
        """By our own orders alone; None until fills at two depths were seen, see `fit_poisson`."""
        return fit_poisson(*self._sums(self._last_ns))

    def corrected(self, reached: FillIntensity, now_ns: int) -> FillIntensity:
        """What market orders say, as far as our own orders bear it out.

        They are filled less often than a price is reached, because of queues and latency: the rate where they stood is
        moved by fills over those expected, with some fills of a prior that nothing is lost. The decays of both are
        averaged by their precision.
        """
        depths, seconds, fills = self._sums(now_ns)
        if not len(depths):
            return reached
        expected = seconds * reached.arrival_rate * np.exp(-reached.kappa * depths)
        total = float(expected.sum())
        level = (float(fills.sum()) + _PRIOR_FILLS) / (total + _PRIOR_FILLS)
        kappa, precision = reached.kappa, reached.relative_error**-2
        own = fit_poisson(depths, seconds, fills)
        if own is not None:
            share = own.relative_error**-2 / (own.relative_error**-2 + precision)
            kappa += share * (own.kappa - kappa)
            precision += own.relative_error**-2
        centre = float(expected @ depths) / total if total > 0 else 0.0
        return FillIntensity(level * reached.rate(centre) * math.exp(kappa * centre), kappa, precision**-0.5)

    def _sums(self, now_ns: int) -> tuple[Floats, Floats, Floats]:
        """Mean depth, seconds and fills of each bin, as they weigh now."""
        keep = math.exp(-max(0, now_ns - self._origin_ns) / self._tau_ns)
        sums = np.array([sums for sums in self._bins.values() if sums[0] > 0]).reshape(-1, 3)
        return sums[:, 2] / sums[:, 0], keep * sums[:, 0], keep * sums[:, 1]


def fit_poisson(
    depths: Sequence[float] | Floats, seconds: Sequence[float] | Floats, fills: Sequence[float] | Floats
) -> FillIntensity | None:
    """Maximum-likelihood ``rate = A exp(-kappa depth)`` of Poisson counts with exposures.

    Parameters
    ----------
    depths, seconds, fills : sequence of float, equal lengths
        Price, exposure, and counts, which need not be whole.

    Returns
    -------
    FillIntensity or None
        None where the likelihood has no maximum at a positive `kappa`.
    """
    depth, exposure, count = (np.asarray(values, dtype=float) for values in (depths, seconds, fills))
    total = float(count.sum())
    spread = float(np.ptp(depth)) if len(depth) else 0.0
    if total <= 0 or spread <= 0:
        return None
    centre = float(count @ depth) / total
    x = (depth - centre) / spread
    intercept, slope = math.log(total / float(exposure.sum())), 0.0
    for _ in range(_NEWTON_STEPS):
        expected = exposure * np.exp(np.clip(intercept + slope * x, -50.0, 50.0))
        gradient = float((count - expected).sum()), float((count - expected) @ x)
        a, b, c = float(expected.sum()), float(expected @ x), float(expected @ (x * x))
        determinant = a * c - b * b
        if determinant <= 0:
            return None
        step = (c * gradient[0] - b * gradient[1]) / determinant, (a * gradient[1] - b * gradient[0]) / determinant
        intercept += max(-2.0, min(2.0, step[0]))
        slope += max(-2.0, min(2.0, step[1]))
        if abs(step[0]) + abs(step[1]) < 1e-10:
            break
    else:
        return None
    kappa = -slope / spread
    if kappa <= 0:
        return None
    error = math.sqrt(a / determinant) / spread
    return FillIntensity(math.exp(intercept + kappa * centre), kappa, error / kappa)
