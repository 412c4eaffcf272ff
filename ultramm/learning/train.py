"""Fitting forecasts: a line as the champion, what else can learn as its challengers, each against less."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from ultramm.errors import ConfigError
from ultramm.features.alpha import LEADER, OWN
from ultramm.inference.stored import ADVERSE, ARRIVALS, MOVE, VOLATILITY
from ultramm.learning.dataset import Dataset
from ultramm.learning.estimators import Estimator, Fitted
from ultramm.learning.samples import Sample
from ultramm.learning.splits import Purging, uniqueness
from ultramm.learning.validate import Array, Gate, Interval, Loss, Predict, Times, explained, forecasts, gate
from ultramm.plugin import EstimatorPlugin, load, record

LEAST_ROWS = 200
_LOOKBACK_S = 10.0
_HALF_LIFE_NS = 3 * 86_400_000_000_000
LOSSES: dict[str, Loss] = {MOVE: "squares", VOLATILITY: "squares", ADVERSE: "squares", ARRIVALS: "arrivals"}


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What learns, and from what.

    Parameters
    ----------
    name : str
    features : tuple of str
    estimator : str
        The plugin.
    """

    name: str
    features: tuple[str, ...]
    estimator: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate was worth on what it had not seen.

    Parameters
    ----------
    candidate : str
    horizon_s : float
    explained : Interval
        Share of what the mean of what was learned from leaves: of squares, or of deviance.
    gate : Gate or None
        Of moves; None without trades.
    rows : int
        With an outcome and a forecast.
    qlike : Interval or None
        Of volatility: the same share, of QLIKE.
    """

    candidate: str
    horizon_s: float
    explained: Interval
    gate: Gate | None
    rows: int
    qlike: Interval | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to fit and to test.

    Parameters
    ----------
    latency_s : float
        From a forecast to an order at the venue.
    folds : int
        Blocks that are tested on, each after what came before it.
    estimators : tuple of str
        Plugins that are tried; of each part the first that can learn it is the champion.
    shuffled : bool
        Learn from outcomes in random order: what is found then is worth nothing, and must be seen to be.
    seed : int
    """

    latency_s: float = 0.05
    folds: int = 4
    estimators: tuple[str, ...] = ("ridge", "poisson", "trees")
    shuffled: bool = False
    seed: int = 0


def purging(reach_s: float) -> Purging:
    """Outcomes end where they reach; features look some seconds back."""
    return Purging(horizon_ns=round(1e9 * reach_s), embargo_ns=round(2e9), lookback_ns=round(1e9 * _LOOKBACK_S))


def estimator(name: str) -> tuple[EstimatorPlugin, Estimator]:
    """One by the name of its plugin.

    Raises
    ------
    ConfigError
        That plugin does not learn.
    """
    found = record("plugin", name)
    if not isinstance(found, EstimatorPlugin):
        raise ConfigError(f"plugin {name} does not learn; name an estimator, as ultramm plugins list has them")
    return found, load(found.estimator)()


def candidates(part: str, leads: bool, plan: Plan, names: tuple[str, ...] = ()) -> tuple[Candidate, ...]:
    """From the least to the most that could be known.

    Parameters
    ----------
    names : tuple of str
        Features of a part that are not the market's.
    """
    able = [name for name in plan.estimators if estimator(name)[0].loss == LOSSES[part]]
    every = names or (OWN + LEADER if leads else OWN)
    if not able:
        return ()
    first, *others = able
    found = [Candidate(name=name, features=every, estimator=name) for name in others]
    if part == MOVE:
        lines = [Candidate(name="queue imbalance", features=OWN[:1], estimator=first)]
        lines += [Candidate(name=f"{first}, own market", features=OWN, estimator=first)]
        lines += [Candidate(name=f"{first}, with leader", features=every, estimator=first)] if leads else []
        return (*lines, *found)
    return (Candidate(name=first, features=every, estimator=first), *found)


def compare(
    part: str, sample: Sample, horizon_s: float, leads: bool, plan: Plan, dataset: Dataset | None = None
) -> Iterator[tuple[Result, Array]]:
    """Each candidate of a part, walked forward, with its forecasts; the gate's worth where there is a dataset.

    Raises
    ------
    ValueError
        There are too few rows.
    """
    if len(sample.times_ns) < LEAST_ROWS:
        raise ValueError(f"{len(sample.times_ns)} rows are too few: {LEAST_ROWS} at least")
    names = () if part in (MOVE, ADVERSE, ARRIVALS) else sample.names
    base = _walked(part, sample, None, plan)
    for candidate in candidates(part, leads, plan, names):
        found = _walked(part, sample, candidate, plan)
        yield (
            Result(
                candidate=candidate.name,
                horizon_s=horizon_s,
                explained=explained(sample, base, found, LOSSES[part], plan.seed),
                gate=None if dataset is None else gate(dataset, found, plan.latency_s, plan.seed),
                rows=int((np.isfinite(sample.y) & np.isfinite(found)).sum()),
                qlike=explained(sample, base, found, "qlike", plan.seed) if part == VOLATILITY else None,
            ),
            found,
        )


def _walked(part: str, sample: Sample, candidate: Candidate | None, plan: Plan) -> Array:
    """Forecasts of what was not seen; without a candidate the mean of what was, which of moves is nothing."""

    def fit(rows: Times) -> Predict:
        if candidate is None:
            mean = (
                0.0 if part == MOVE else float(np.average(_learned(sample, rows, plan), weights=_weights(sample, rows)))
            )
            return lambda x: np.full(len(x), mean)
        return fitted(part, sample, candidate, plan, rows).predict

    x = sample.rows if candidate is None else sample.columns(candidate.features)
    return forecasts(sample, x, plan.folds, purging(sample.reach_s), fit)


def fitted(part: str, sample: Sample, candidate: Candidate, plan: Plan, rows: Times | None = None) -> Fitted:
    """What a candidate learns from those rows that have an outcome."""
    rows = np.arange(len(sample.y)) if rows is None else rows
    rows = rows[np.isfinite(sample.y[rows])]
    x, y = sample.columns(candidate.features)[rows], _learned(sample, rows, plan)
    learns = estimator(candidate.estimator)[1]
    return learns.fit(x, y, _weights(sample, rows), intercept=part != MOVE, seed=plan.seed)


def _learned(sample: Sample, rows: Times, plan: Plan) -> Array:
    """The outcomes that are learned from."""
    y = sample.y[rows]
    return np.random.default_rng(plan.seed).permutation(y) if plan.shuffled else y


def _weights(sample: Sample, rows: Times) -> Array:
    """Rows whose outcomes overlap count less, and so do old ones, by half every three days."""
    if not len(rows):
        raise ValueError("too few rows before the first that is tested on: give more data, or fewer folds")
    times = sample.times_ns[rows]
    unique = uniqueness(times, purging(sample.reach_s).horizon_ns)
    return np.asarray(sample.weights[rows] * unique * 0.5 ** ((times[-1] - times) / _HALF_LIFE_NS))
