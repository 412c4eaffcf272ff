"""Fitting forecasts of the mid: a line as the champion, trees as the challenger, each against less."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from ultramm.features.alpha import LEADER, OWN
from ultramm.inference.exported import Exported
from ultramm.learning.dataset import Dataset
from ultramm.learning.export import exported
from ultramm.learning.splits import Purging, uniqueness
from ultramm.learning.validate import Array, Fit, Gate, Interval, Predict, Times, explained, forecasts, gate

PENALTIES = (1.0, 10.0, 100.0, 1_000.0)
_HELD_OUT = 0.25
_LEAST_ROWS = 200
_ONE_THREAD = 200_000
_LOOKBACK_S = 10.0


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of model, and what it sees.

    Parameters
    ----------
    name : str
    features : tuple of str
    trees : bool
        Gradient-boosted trees, else a ridge.
    """

    name: str
    features: tuple[str, ...]
    trees: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate was worth on what it had not seen.

    Parameters
    ----------
    candidate : str
    horizon_s : float
    explained : Interval
        Share of the moves' squares.
    gate : Gate or None
        None without trades.
    rows : int
        With an outcome and a forecast.
    """

    candidate: str
    horizon_s: float
    explained: Interval
    gate: Gate | None
    rows: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to fit and to test.

    Parameters
    ----------
    latency_s : float
        From a forecast to an order at the venue.
    folds : int
        Blocks that are tested on, each after what came before it.
    seed : int
    """

    latency_s: float = 0.05
    folds: int = 4
    seed: int = 0

    def purging(self, horizon_s: float) -> Purging:
        """Outcomes end a horizon after the latency; features look some seconds back."""
        reach_ns = round((horizon_s + self.latency_s) * 1e9)
        return Purging(horizon_ns=reach_ns, embargo_ns=round(2e9), lookback_ns=round(_LOOKBACK_S * 1e9))


def candidates(leads: bool) -> tuple[Candidate, ...]:
    """From the least to the most that could be known."""
    every = OWN + LEADER if leads else OWN
    own = Candidate(name="ridge, own market", features=OWN)
    more = (Candidate(name="ridge, with leader", features=every),) if leads else ()
    return (
        Candidate(name="queue imbalance", features=OWN[:1]),
        own,
        *more,
        Candidate(name="trees", features=every, trees=True),
    )


def compare(dataset: Dataset, horizons_s: tuple[float, ...], plan: Plan) -> Iterator[tuple[Result, Array]]:
    """Each candidate at each horizon, walked forward, with its forecasts.

    Raises
    ------
    ValueError
        There are too few rows.
    """
    if len(dataset.row_ns) < _LEAST_ROWS:
        raise ValueError(f"{len(dataset.row_ns)} rows are too few: {_LEAST_ROWS} at least")
    for horizon_s in horizons_s:
        y = dataset.moves(horizon_s, plan.latency_s)
        for candidate in candidates(dataset.about.leader is not None):
            x = dataset.columns(candidate.features)
            found = forecasts(dataset, x, y, plan.folds, plan.purging(horizon_s), fitter(candidate, horizon_s, plan))
            yield (
                Result(
                    candidate=candidate.name,
                    horizon_s=horizon_s,
                    explained=explained(dataset.row_ns, y, found, plan.seed),
                    gate=gate(dataset, found, plan.latency_s, plan.seed),
                    rows=int((np.isfinite(y) & np.isfinite(found)).sum()),
                ),
                found,
            )


def fitter(candidate: Candidate, horizon_s: float, plan: Plan) -> Fit:
    """What fits it."""

    def fit(x: Array, y: Array, times_ns: Times) -> Predict:
        model = fitted(candidate, x, y, times_ns, horizon_s, plan)
        return lambda rows: np.asarray(model.predict(rows))

    return fit


def fitted(candidate: Candidate, x: Array, y: Array, times_ns: Times, horizon_s: float, plan: Plan) -> Any:
    """A model of scikit-learn.

    For a line, rows whose outcomes overlap count less. Trees take all rows alike: bins by weights take scikit-learn as
    long as all else together, and on a steady clock rows overlap alike.
    """
    if candidate.trees:
        model = HistGradientBoostingRegressor(
            max_leaf_nodes=8,
            learning_rate=0.05,
            max_iter=80,
            min_samples_leaf=100,
            l2_regularization=10.0,
            early_stopping=False,
            random_state=plan.seed,
        )
        # Threads that wait for each other cost more than they bring, unless there is much to do.
        with threadpool_limits(1 if len(y) < _ONE_THREAD else None):
            return model.fit(x, y)
    weights = uniqueness(times_ns, plan.purging(horizon_s).horizon_ns)
    return Ridge(_penalty(x, y, weights), fit_intercept=False).fit(x, y, sample_weight=weights)


def _penalty(x: Array, y: Array, weights: Array) -> float:
    """The one that is best on the last quarter after the rest."""
    cut = int(len(y) * (1.0 - _HELD_OUT))
    errors = []
    for penalty in PENALTIES:
        model = Ridge(penalty, fit_intercept=False).fit(x[:cut], y[:cut], sample_weight=weights[:cut])
        errors.append(float(np.sum(weights[cut:] * (y[cut:] - model.predict(x[cut:])) ** 2)))
    return PENALTIES[int(np.argmin(errors))]


def final(dataset: Dataset, candidate: Candidate, horizon_s: float, plan: Plan) -> tuple[Exported, Any]:
    """The model of all rows with an outcome, exported, and as scikit-learn has it."""
    y = dataset.moves(horizon_s, plan.latency_s)
    known = np.isfinite(y)
    x = dataset.columns(candidate.features)
    model = fitted(candidate, x[known], y[known], dataset.row_ns[known], horizon_s, plan)
    return exported(model), model
