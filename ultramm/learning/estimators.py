"""What can learn: the estimators that come with ultramm, and what one that a plugin brings must be."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor
from sklearn.linear_model import Ridge as RidgeRegressor
from threadpoolctl import threadpool_limits

from ultramm.inference.exported import Exported
from ultramm.learning.export import exported

Array = npt.NDArray[np.float64]
PENALTIES = (1.0, 10.0, 100.0, 1_000.0)
_HELD_OUT = 0.25
_ONE_THREAD = 200_000


class Fitted(Protocol):
    """What was learned: as its library foretells, and as numbers that stand beside orders."""

    def predict(self, x: Array) -> Array:
        """Forecasts of shape (n,) for rows of shape (n, k)."""

    def exported(self) -> Exported:
        """The same as numbers; a release checks that they are equal to 1e-9."""


class Estimator(Protocol):
    """What learns; a plugin's ``estimator`` leads to one, built as ``estimator()``."""

    def fit(self, x: Array, y: Array, weights: Array, *, intercept: bool, seed: int) -> Fitted:
        """Learn from rows in order of time.

        Parameters
        ----------
        x : array of shape (n, k)
            Features, in deviations.
        y : array of shape (n,)
            Outcomes: of loss "squares" any numbers, of loss "arrivals" counts as shares of what is usual.
        weights : array of shape (n,)
        intercept : bool
            Whether forecasts may have a mean of their own.
        seed : int
            Of all that is drawn.
        """


class FittedBySklearn:
    """A fitted model of scikit-learn that `ultramm.learning.export` knows."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, x: Array) -> Array:
        return np.asarray(self.model.predict(x), dtype=float)

    def exported(self) -> Exported:
        return exported(self.model)


class Ridge:
    """A line, whose penalty is the one that is best on the last quarter after the rest."""

    def fit(self, x: Array, y: Array, weights: Array, *, intercept: bool, seed: int) -> Fitted:
        cut = int(len(y) * (1.0 - _HELD_OUT))
        errors = []
        for penalty in PENALTIES:
            model = RidgeRegressor(penalty, fit_intercept=intercept).fit(x[:cut], y[:cut], sample_weight=weights[:cut])
            errors.append(float(np.sum(weights[cut:] * (y[cut:] - model.predict(x[cut:])) ** 2)))
        best = PENALTIES[int(np.argmin(errors))]
        return FittedBySklearn(RidgeRegressor(best, fit_intercept=intercept).fit(x, y, sample_weight=weights))


class Trees:
    """Gradient-boosted trees.

    They take all rows alike: bins by weights take scikit-learn as long as all else together, and on a steady clock rows
    overlap alike.
    """

    def fit(self, x: Array, y: Array, weights: Array, *, intercept: bool, seed: int) -> Fitted:
        model = HistGradientBoostingRegressor(
            max_leaf_nodes=8,
            learning_rate=0.05,
            max_iter=80,
            min_samples_leaf=100,
            l2_regularization=10.0,
            early_stopping=False,
            random_state=seed,
        )
        # Threads that wait for each other cost more than they bring, unless there is much to do.
        with threadpool_limits(1 if len(y) < _ONE_THREAD else None):
            return FittedBySklearn(model.fit(x, y))


class Poisson:
    """Logarithm of a rate as a line: for counts."""

    def fit(self, x: Array, y: Array, weights: Array, *, intercept: bool, seed: int) -> Fitted:
        model = PoissonRegressor(alpha=1.0 / len(y), fit_intercept=intercept, max_iter=1_000)
        return FittedBySklearn(model.fit(x, y, sample_weight=weights))
