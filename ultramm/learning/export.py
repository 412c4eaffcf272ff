"""Fitted models of scikit-learn as the numbers that they are."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from ultramm.inference.exported import Exported, Layer, Linear, Network, Node, Trees


def exported(model: Any) -> Exported:
    """A fitted ridge, with or without a standard scaler before it, Poisson regression, gradient-boosted trees or
    network, of one output.

    Raises
    ------
    TypeError
        It is none of these.
    """
    if isinstance(model, Pipeline):
        scaler, last = model[0], model[-1]
        if len(model) == 2 and isinstance(scaler, StandardScaler) and isinstance(last, Ridge):
            return _linear(last, np.asarray(scaler.mean_), np.asarray(scaler.scale_))
    if isinstance(model, Ridge):
        count = model.n_features_in_
        return _linear(model, np.zeros(count), np.ones(count))
    if isinstance(model, PoissonRegressor):
        return Linear(coefficients=tuple(model.coef_.tolist()), intercept=float(model.intercept_), link="log")
    if isinstance(model, HistGradientBoostingRegressor):
        return _trees(model)
    if isinstance(model, MLPRegressor) and model.activation in _ACTIVATIONS:
        return _network(model)
    raise TypeError(
        f"{type(model).__name__} cannot be exported; export its numbers as one of ultramm.inference.exported"
    )


_ACTIVATIONS: dict[str, Literal["identity", "tanh", "relu"]] = {
    "identity": "identity",
    "tanh": "tanh",
    "relu": "relu",
}


def _network(model: MLPRegressor) -> Network:
    last = len(model.coefs_) - 1
    return Network(
        layers=tuple(
            Layer(
                weights=tuple(map(tuple, weights.T.tolist())),
                biases=tuple(biases.tolist()),
                activation="identity" if place == last else _ACTIVATIONS[model.activation],
            )
            for place, (weights, biases) in enumerate(zip(model.coefs_, model.intercepts_, strict=True))
        )
    )


def _linear(model: Ridge, centres: Any, scales: Any) -> Linear:
    coefficients = np.asarray(model.coef_, dtype=float).ravel() / scales
    intercept = float(np.ravel(model.intercept_)[0]) - float(coefficients @ centres)
    return Linear(coefficients=tuple(coefficients.tolist()), intercept=intercept)


def _trees(model: HistGradientBoostingRegressor) -> Trees:
    # Private to scikit-learn: its version is pinned, and every export is compared with `predict`.
    predictors = [each[0] for each in model._predictors]
    return Trees(
        features=int(model.n_features_in_),
        baseline=float(np.ravel(model._baseline_prediction)[0]),
        trees=tuple(tuple(map(_node, predictor.nodes)) for predictor in predictors),
    )


def _node(node: Any) -> Node:
    if node["is_leaf"]:
        return Node(value=float(node["value"]))
    if node["is_categorical"]:
        raise TypeError("trees with categories cannot be exported")
    return Node(
        feature=int(node["feature_idx"]),
        threshold=float(node["num_threshold"]),
        left=int(node["left"]),
        right=int(node["right"]),
    )
