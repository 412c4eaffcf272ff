"""A pair as it is traded: formed on a window, held against its own tests, given up when it breaks."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ultramm.statarb.breaks import BreakLimits, BreakWatch
from ultramm.statarb.hedge_ratio import KalmanRatio, fit_noise
from ultramm.statarb.ornstein_uhlenbeck import OrnsteinUhlenbeck, RollingProcess, fit
from ultramm.statarb.unit_root import unit_root_p

Array = npt.NDArray[np.float64]
_NOISE_BARS = 300  # the likelihood is looked at some hundred times: of more bars it would take too long beside orders
_EVEN = 1e-12
_MOST_KEPT = 0.999


class Formation(msgspec.Struct, frozen=True, kw_only=True):
    """On what a pair is formed, and when it holds.

    Parameters
    ----------
    bar_s : float
        Time between two observations, seconds.
    bars : int
        Of the window.
    max_p : float
        Of a unit root of what is left.
    half_lives : float
        How many of them the window has at least.
    limits : BreakLimits
        How far it may change.
    """

    bar_s: float
    bars: int = 600
    max_p: float = 0.05
    half_lives: float = 20.0
    limits: BreakLimits = BreakLimits()


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """What was formed: ``log y = beta sum(weights log x) + residual``.

    Parameters
    ----------
    beta : float
        As it was at the window's end; held until the next formation.
    process : OrnsteinUhlenbeck
        Of the residual, log price.
    p : float
        Of a unit root of it.
    weights : tuple of float
        Of each x; of a single one, 1.
    """

    beta: float
    process: OrnsteinUhlenbeck
    p: float
    weights: tuple[float, ...] = (1.0,)

    @property
    def betas(self) -> tuple[float, ...]:
        """By each x."""
        return tuple([self.beta * weight for weight in self.weights])

    def residual(self, y: float, xs: Sequence[float]) -> float:
        """Of these prices."""
        return math.log(y) - self.beta * composite(self.weights, xs)

    def z_score(self, y: float, xs: Sequence[float]) -> float:
        """How far prices are from where they belong, in standard deviations."""
        return self.process.z_score(self.residual(y, xs))

    def price(self, xs: Sequence[float], residual: float) -> float:
        """The price of y at which so much is left."""
        return math.exp(self.beta * composite(self.weights, xs) + residual)


def composite(weights: Sequence[float], xs: Sequence[float]) -> float:
    """Log price of a basket."""
    if len(weights) == 1:
        return weights[0] * math.log(xs[0])
    return math.fsum([weight * math.log(x) for weight, x in zip(weights, xs, strict=True)])


class SeenProcess:
    """How fast residuals came back to the means that were foretold, in what followed the windows they were formed on.

    Parameters
    ----------
    step_s : float
        Between two of them, seconds.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._last = math.nan
        self._squares = self._products = 0.0

    def begin(self) -> None:
        """The next residual is another one."""
        self._last = math.nan

    def update(self, distance: float) -> None:
        """The next residual, less its mean."""
        if not math.isnan(self._last):
            self._squares += self._last * self._last
            self._products += self._last * distance
        self._last = distance

    @property
    def half_life_s(self) -> float:
        """Seconds; NaN before anything was seen, infinite where nothing comes back."""
        if not self._squares > 0.0:
            return math.nan
        kept = self._products / self._squares
        if kept >= 1.0:
            return math.inf
        return self._step_s * math.log(0.5) / math.log(kept) if kept > 0.0 else 0.0


class PairModel:
    """Samples prices on a clock, one and those that it belongs to, and keeps what is known of their relation.

    Of several, their weights are those of least squares on the window; the basket is then followed as a single one is.

    Parameters
    ----------
    formation : Formation
    count : int
        Prices beside the first.

    Attributes
    ----------
    relation : Relation or None
        None while there is none, or it broke.
    reason : str
        In words why there is none; empty while there is one.
    broke : int
        How often one broke.
    seen : SeenProcess
        How fast residuals came back after they had been formed.
    """

    def __init__(self, formation: Formation, count: int = 1) -> None:
        self.formation = formation
        self.count = count
        self.relation: Relation | None = None
        self.broke = 0
        self.seen = SeenProcess(formation.bar_s)
        self.reason = self._no_bars()
        self._step_ns = round(formation.bar_s * 1e9)
        self._next_ns = 0
        self._standing: tuple[float, ...] = ()
        self._history: deque[tuple[float, ...]] = deque(maxlen=formation.bars)
        self._weights = (1.0,) * count
        self._ratio: KalmanRatio | None = None
        self._watch: BreakWatch | None = None
        # Of the filter: where logs count from, the last of them, and how much of a residual is left after a bar.
        self._origin = self._last = np.zeros(2)
        self._keep = 0.0

    def _no_bars(self, bars: int = 0) -> str:
        return f"has seen {bars} of {self.formation.bars} bars"

    @property
    def beta_now(self) -> float:
        """The ratio with the last bar in it; NaN before the first formation."""
        return math.nan if self._ratio is None else self._ratio.beta

    @property
    def ready(self) -> bool:
        """Whether there are bars enough to form a pair."""
        return len(self._history) == self.formation.bars

    def update(self, ts_ns: int, y: float, *xs: float) -> int:
        """From `ts_ns` on the prices are these; gives how many bars ended before."""
        ended = 0
        if y > 0.0 and min(xs) > 0.0:
            ended = self._end_bars(ts_ns) if self._next_ns else 0
            self._next_ns = self._next_ns or ts_ns + self._step_ns
            self._standing = y, *xs
        return ended

    def interrupted(self) -> None:
        """The market was not seen for a time: that time has no bars."""
        self._next_ns = 0
        self.seen.begin()

    def _end_bars(self, ts_ns: int) -> int:
        if ts_ns <= self._next_ns:
            return 0
        ended = (ts_ns - self._next_ns - 1) // self._step_ns + 1
        self._next_ns += ended * self._step_ns
        # Of a silence, which stood still, no more than the window.
        for _ in range(min(ended, self.formation.bars)):
            self._bar(*self._standing)
        return ended

    def _bar(self, y: float, *xs: float) -> None:
        logs = math.log(y), *[math.log(x) for x in xs]
        self._history.append(logs)
        if self._ratio is not None:
            now = np.array([logs[0], composite(self._weights, xs)])
            fresh = now - self._origin - self._keep * (self._last - self._origin)
            self._last = now
            self._ratio.update(float(fresh[1]), float(fresh[0]))
        if self.relation is None or self._watch is None:
            if not self.ready:
                self.reason = self._no_bars(len(self._history))
            return
        residual = self.relation.residual(y, xs)
        self.seen.update(residual - self.relation.process.mean)
        broken = self._watch.update(residual, self.beta_now)
        if broken:
            self.relation, self.reason = None, broken
            self.broke += 1

    def form(self, *, held: bool = False) -> None:
        """Form the pair anew on the window, if it has as many bars; takes tens of milliseconds.

        Where something is `held` the ratio stays, and a relation that would not be formed now is kept until it breaks.
        """
        if not self.ready or (held and self.relation is None):
            return
        logs, before = np.array(self._history), self.relation if held else None
        if float(np.std(logs, axis=0).min()) < _EVEN:
            self.relation, self.reason = None, "one of the prices never moves"
            return
        self._weights = weights = _weights(logs) if before is None else before.weights
        logs = np.column_stack([logs[:, 0], logs[:, 1:] @ np.array(weights)])
        self._follow(logs)
        beta = self.beta_now if before is None else before.beta
        residuals = logs[:, 0] - beta * logs[:, 1]
        p = _p_of(residuals, 1 + self.count)
        relation = Relation(beta=beta, process=fit(residuals, self.formation.bar_s), p=p, weights=weights)
        objection = self._objection(relation)
        if objection and held:
            return
        self.reason, self.relation = objection, None if objection else relation
        self.seen.begin()
        if not objection:
            formation = self.formation
            self._watch = BreakWatch(
                relation.process, beta, formation.bars, formation.bar_s, formation.limits, residuals.tolist()
            )

    def _follow(self, logs: Array) -> None:
        """Begin to follow the ratio anew, with all bars of the window.

        The filter's noise is to have no memory, and the residual has: each bar comes less what the one before foretells
        (Cochrane and Orcutt, *JASA* 44 (1949)). Else the level would follow the residual, and the ratio a chance.
        """
        rebased = logs - logs[0]
        y, x = rebased[:, 0], rebased[:, 1]
        slope, level = np.polyfit(x, y, 1)
        residual = y - slope * x - level
        self._keep = min(_MOST_KEPT, max(0.0, float(residual[:-1] @ residual[1:]) / float(residual @ residual)))
        self._origin, self._last = logs[0], logs[-1]
        fresh = rebased[1:] - self._keep * rebased[:-1]
        y, x = fresh[:, 0], fresh[:, 1]
        noise = fit_noise(x[-_NOISE_BARS:], y[-_NOISE_BARS:])
        self._ratio = KalmanRatio(noise, float(slope), 0.0, 0.1, float(np.var(y)))
        for each_x, each_y in zip(x.tolist(), y.tolist(), strict=True):
            self._ratio.update(each_x, each_y)

    def _objection(self, relation: Relation) -> str:
        formation, process = self.formation, relation.process
        if relation.beta <= 0.0:
            return f"the ratio {relation.beta:.3g} is not positive"
        if not relation.p <= formation.max_p:
            return f"it may not come back: p of a unit root is {relation.p:.2f}, {formation.max_p:g} is allowed"
        longest_s = formation.bars * formation.bar_s / formation.half_lives
        if not process.reverts or process.half_life_s > longest_s:
            return f"its half-life is {process.half_life_s:.4g} s, {longest_s:.4g} is allowed"
        return ""


def _weights(logs: Array) -> tuple[float, ...]:
    """Of each price beside the first, by least squares; of a single one, 1."""
    if logs.shape[1] == 2:
        return (1.0,)
    rebased = logs - logs[0]
    found = np.linalg.lstsq(np.column_stack([rebased[:, 1:], np.ones(len(logs))]), rebased[:, 0], rcond=None)[0]
    return tuple(found[:-1].tolist())


def _p_of(residuals: Array, series: int) -> float:
    rolling = RollingProcess(len(residuals), 1.0)
    for each in residuals.tolist():
        rolling.update(each)
    return unit_root_p(rolling.unit_root_t, series)
