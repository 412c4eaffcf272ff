"""A small network: what it learns becomes numbers, which are all that ever stands beside an order."""

import numpy as np
from sklearn.neural_network import MLPRegressor

from ultramm.learning.estimators import Array, Fitted, FittedBySklearn


class SmallNetwork:
    """Two hidden layers; any library will do whose numbers fit one of `ultramm.inference.exported`."""

    def fit(self, x: Array, y: Array, weights: Array, *, intercept: bool, seed: int) -> Fitted:
        """Learn from rows in order of time; see `ultramm.learning.estimators.Estimator`."""
        scale = float(np.std(y)) or 1.0
        model = MLPRegressor(hidden_layer_sizes=(8, 4), activation="tanh", alpha=1.0, max_iter=50, random_state=seed)
        model.fit(x, y / scale)
        # Back to the unit of what is foretold: the last layer is linear.
        model.coefs_[-1] *= scale
        model.intercepts_[-1] *= scale
        return FittedBySklearn(model)
