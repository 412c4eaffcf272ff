"""Fitted models of scikit-learn as the numbers that they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from ultramm.inference.exported import Exported, Linear, Node, Trees


def exported(model: Any) -> Exported:
    """A fitted ridge, with or without a standard scaler before it, or gradient-boosted trees, of one output.

    Raises
    ------
    TypeError
        It is neither.
    """
    if isinstance(model, Pipeline):
        scaler, last = model[0], model[-1]
        if len(model) == 2 and isinstance(scaler, StandardScaler) and isinstance(last, Ridge):
            return _linear(last, np.asarray(scaler.mean_), np.asarray(scaler.scale_))
    if isinstance(model, Ridge):
        count = model.n_features_in_
        return _linear(model, np.zeros(count), np.ones(count))
    if isinstance(model, HistGradientBoostingRegressor):
        return _trees(model)
    raise TypeError(f"{type(model).__name__} cannot be exported; use a ridge or gradient-boosted trees")


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
