"""What a model, or a way to quote, must show before it may trade: that it earns more than what it replaces, on seeds or
days that it has not seen, and not by luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ultramm.analytics.contest import Played, mean_over_runs
from ultramm.learning.significance import deflated_sharpe
from ultramm.learning.validate import Interval

Array = npt.NDArray[np.float64]
_STEP_S = 60.0
_DRAWS = 2_000
_LEAST_STEPS = 30
_LEAST_DEFLATED, _MOST_OVERFITTED, _DRAWDOWN = 0.95, 0.2, 0.9


class Harder(msgspec.Struct, frozen=True, kw_only=True):
    """The same with something made harder: P&L less that of what it is held against, of a run."""

    how: str
    difference: float
    error: float | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen.

    Parameters
    ----------
    against : str
        What it is held against.
    runs : int
    seconds : float
        Of a run.
    currency : str
    difference, error, t : float
        P&L of a run less that of the other, its standard error, and their ratio; None where one run is too short.
    utility : Interval or None
        Difference of `utility` of an hour, by a stationary bootstrap; None where too little was seen to draw.
    deflated : float or None
        Probability that the difference is worth something, the best of `trials`.
    trials : int
        That are written down.
    overfitting : float or None
        Probability that what was chosen is not the better half.
    harder : tuple of Harder
    drawdown, drawdown_against : float
        That nine of ten runs stay within.
    """

    against: str
    runs: int
    seconds: float
    currency: str
    difference: float
    error: float | None
    t: float
    utility: Interval | None
    deflated: float | None
    trials: int
    overfitting: float | None
    harder: tuple[Harder, ...]
    drawdown: float
    drawdown_against: float

    @property
    def lacking(self) -> list[str]:
        """In words what of the evidence that is asked for is not there; nothing where it may trade."""
        found = []
        if self.utility is None:
            found.append("too little was seen to draw an interval of its utility")
        elif not self.utility.low > 0.0:
            found.append(f"its utility may be lower: {self.utility.low:+.4g} at the lower end")
        if self.deflated is None or not self.deflated > _LEAST_DEFLATED:
            known = "is not known" if self.deflated is None else f"is {self.deflated:.3f}"
            found.append(f"its deflated Sharpe ratio {known}, and {_LEAST_DEFLATED:g} is asked for")
        if self.overfitting is not None and not self.overfitting < _MOST_OVERFITTED:
            found.append(f"it is overfitted with a probability of {self.overfitting:.2f}: {_MOST_OVERFITTED:g} at most")
        found += [
            f"with {each.how} it earns less: {each.difference:+.4g}" for each in self.harder if each.difference <= 0
        ]
        if self.drawdown > self.drawdown_against:
            found.append(f"its drawdown is larger: {self.drawdown:.4g}, {self.drawdown_against:.4g} of the other")
        return found


def evidence(
    against: str,
    pairs: Sequence[tuple[Played, Played]],
    harder: Mapping[str, Sequence[tuple[Played, Played]]],
    trials: int,
    overfitting: float | None,
    seed: int = 0,
) -> Evidence:
    """From runs of it and of what it is held against, paired by seed or day.

    Parameters
    ----------
    harder : dict of str to sequence of pairs
        The same runs with something made harder, which is named.
    """
    minutes = [(by_minute(ours), by_minute(theirs)) for ours, theirs in pairs]
    step_s = pairs[0][0].seconds / len(minutes[0][0])
    steps = np.concatenate([ours - theirs for ours, theirs in minutes])
    difference, error = _less(pairs)
    first = pairs[0][0]
    return Evidence(
        against=against,
        runs=len(pairs),
        seconds=first.seconds,
        currency=first.currency,
        difference=difference,
        error=error,
        t=difference / error if error else 0.0,
        utility=_utilities(minutes, step_s, seed),
        deflated=_deflated(steps, trials),
        trials=trials,
        overfitting=overfitting,
        harder=tuple(
            Harder(how=how, difference=found[0], error=found[1]) for how, of in harder.items() for found in [_less(of)]
        ),
        drawdown=_drawdown([ours for ours, _ in pairs]),
        drawdown_against=_drawdown([theirs for _, theirs in pairs]),
    )


def utility(earned: Array, step_s: float = _STEP_S) -> float:
    """What an hour is worth: its P&L less half of its standard deviation, from P&L by steps: settlement currency."""
    steps = 3_600.0 / step_s
    return float(steps * earned.mean() - 0.5 * earned.std() * math.sqrt(steps))


def by_minute(run: Played) -> Array:
    """P&L of each minute, or of each step where these are longer; of a shorter run all of it."""
    steps = np.asarray(run.steps)
    together = min(len(steps), max(1, round(_STEP_S * len(steps) / run.seconds)))
    whole = len(steps) // together * together
    return np.asarray(steps[:whole].reshape(-1, together).sum(axis=1))


def _utilities(minutes: Sequence[tuple[Array, Array]], step_s: float, seed: int) -> Interval | None:
    from arch.bootstrap import StationaryBootstrap, optimal_block_length

    both = np.concatenate([np.column_stack(pair) for pair in minutes])
    if len(both) < _LEAST_STEPS or not np.ptp(both[:, 0] - both[:, 1]) > 0.0:
        return None
    block = max(1, math.ceil(optimal_block_length(both[:, 0] - both[:, 1])["stationary"].iloc[0]))
    drawn = StationaryBootstrap(block, both, seed=np.random.default_rng(seed))
    found = drawn.apply(lambda of: np.array([utility(of[:, 0], step_s) - utility(of[:, 1], step_s)]), _DRAWS)
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(utility(both[:, 0], step_s) - utility(both[:, 1], step_s), float(low), float(high))


def _deflated(steps: Array, trials: int) -> float | None:
    """Of the difference by minutes; trials of nothing are taken to differ as chance makes ratios of so many minutes."""
    deviation = float(steps.std())
    if len(steps) < _LEAST_STEPS or not deviation > 0.0:
        return None
    scaled = (steps - steps.mean()) / deviation
    skew, kurtosis = float(np.mean(scaled**3)), float(np.mean(scaled**4))
    ratio = float(steps.mean()) / deviation
    return deflated_sharpe(ratio, len(steps), max(1, trials), 1.0 / len(steps), skew=skew, kurtosis=kurtosis)


def _less(pairs: Sequence[tuple[Played, Played]]) -> tuple[float, float | None]:
    """P&L of a run less that of the other, and its error."""
    steps = [np.subtract(ours.steps, theirs.steps).tolist() for ours, theirs in pairs]
    return mean_over_runs([ours.pnl - theirs.pnl for ours, theirs in pairs], steps)


def _drawdown(runs: Sequence[Played]) -> float:
    falls = []
    for run in runs:
        wealth = np.concatenate([[0.0], np.cumsum(run.steps)])
        falls.append(float((np.maximum.accumulate(wealth) - wealth).max()))
    return float(np.quantile(falls, _DRAWDOWN))
