"""What is exported gives what scikit-learn gives, to a billionth, and much sooner."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from threadpoolctl import threadpool_limits

from ultramm.inference.exported import Exported, Layer, Linear, Network, Node, Trees
from ultramm.learning.export import exported

BOOSTED = {"max_leaf_nodes": 8, "learning_rate": 0.05, "max_iter": 80, "min_samples_leaf": 20, "l2_regularization": 10}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Beside other tests, threads of scikit-learn would only wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3_000, 20)) * np.logspace(-3, 3, 20)
    return x, x[:, 0] * 500 + np.sin(x[:, 5]) + (x[:, 9] > 0.1) + rng.normal(size=3_000)


@pytest.mark.parametrize(
    "model",
    [
        Ridge(10.0),
        make_pipeline(StandardScaler(), Ridge(10.0)),
        HistGradientBoostingRegressor(**BOOSTED),
        PoissonRegressor(max_iter=20),
        MLPRegressor(hidden_layer_sizes=(8, 4), activation="tanh", max_iter=5, random_state=1),
        MLPRegressor(hidden_layer_sizes=(8,), activation="relu", max_iter=5, random_state=1),
    ],
    ids=["ridge", "scaled ridge", "trees", "poisson", "tanh network", "relu network"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_exported_model_is_the_model(data: Any, model: Any) -> None:
    x, y = data
    if isinstance(model, PoissonRegressor):
        x, y = x / np.logspace(-3, 3, 20), np.exp(0.1 * x[:, 9] / x[:, 9].std())
    model.fit(x, y)
    made = msgspec.json.decode(msgspec.json.encode(exported(model)), type=Exported)
    made.check()
    predict = made.compile()
    rows = np.random.default_rng(2).normal(size=(1_000, 20))
    rows = rows if isinstance(model, PoissonRegressor) else rows * np.logspace(-3, 3, 20)
    found = np.array([predict(row) for row in rows.tolist()])
    assert np.abs(found - model.predict(rows)).max() < 1e-9


def test_a_row_on_a_threshold_goes_where_scikit_learn_sends_it() -> None:
    x = np.array([[0.0], [1.0], [2.0], [3.0]] * 30)
    model = HistGradientBoostingRegressor(min_samples_leaf=1).fit(x, x[:, 0] ** 2)
    made = exported(model)
    predict = made.compile()
    assert isinstance(made, Trees)
    thresholds = [node.threshold for tree in made.trees for node in tree if node.left]
    rows = np.array(sorted({*thresholds, *np.nextafter(thresholds, np.inf).tolist()}))[:, None]
    assert np.abs(np.array([predict(row) for row in rows.tolist()]) - model.predict(rows)).max() < 1e-9


def median_s(call: Callable[[], object], number: int) -> float:
    return statistics.median(timeit.repeat(call, number=number, repeat=7)) / number


def test_trees_are_fifty_times_faster_than_predict_and_a_line_too(data: Any) -> None:
    x, y = data
    for model, times in ((HistGradientBoostingRegressor(**BOOSTED), 50), (Ridge(10.0), 20)):
        model.fit(x, y)
        predict, row = exported(model).compile(), x[:1]
        plain = row[0].tolist()
        ours, theirs = (median_s(lambda: predict(plain), 500), median_s(lambda: model.predict(row), 20))  # noqa: B023
        assert theirs > times * ours


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(3),
        make_pipeline(MinMaxScaler(), Ridge()),
        MLPRegressor(hidden_layer_sizes=(2,), activation="logistic", max_iter=2),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_cannot_be_exported_is_refused(data: Any, model: Any) -> None:
    with pytest.raises(TypeError, match="cannot be exported"):
        exported(model.fit(*data))


def layer(outputs: int, inputs: int, **changes: Any) -> Layer:
    given: dict[str, Any] = {
        "weights": ((0.5,) * inputs,) * outputs,
        "biases": (0.0,) * outputs,
        "activation": "tanh",
    }
    return Layer(**(given | changes))


LEAF = Node(value=1.0)
SPLIT = Node(feature=0, threshold=0.5, left=1, right=2)
TWICE = Node(feature=0, threshold=0.5, left=1, right=1)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Linear(coefficients=(1.0, float("nan")), intercept=0.0), "not finite"),
        (Linear(coefficients=(1.0,), intercept=float("inf")), "not finite"),
        (Trees(features=1, baseline=float("nan"), trees=()), "the baseline is not finite"),
        (Trees(features=1, baseline=0.0, trees=((),)), "tree 0 has 0 nodes"),
        (Trees(features=1, baseline=0.0, trees=((SPLIT, LEAF),)), "tree 0, node 0: leads to 1 and 2 of 2"),
        (Trees(features=1, baseline=0.0, trees=((LEAF, SPLIT, LEAF),)), "tree 0, node 1: leads to 1 and 2 of 3"),
        (
            Trees(features=1, baseline=0.0, trees=((msgspec.structs.replace(SPLIT, feature=7), LEAF, LEAF),)),
            "feature 7 of 1",
        ),
        (
            Trees(features=1, baseline=0.0, trees=((Node(threshold=float("inf"), left=1, right=2), LEAF, LEAF),)),
            "a number is not finite",
        ),
        (Trees(features=1, baseline=0.0, trees=((LEAF,),) * 3_000), "3000 trees"),
        (Trees(features=1, baseline=0.0, trees=((TWICE, LEAF, LEAF),)), "tree 0: two ways lead to one node"),
        (Network(layers=()), "a network needs layers"),
        (Network(layers=(layer(1, 0),)), "and each of them weights"),
        (Network(layers=(layer(2, 3),)), "gives more than one number"),
        (Network(layers=(layer(2, 3), layer(1, 3))), "does not take what the one before it gives"),
        (Network(layers=(layer(1, 2, biases=(0.0, 1.0)),)), "do not fit together"),
        (Network(layers=(layer(1, 2, biases=(float("nan"),)),)), "a weight is not finite"),
        (Network(layers=(layer(400, 400), layer(1, 400))), "160801 weights"),
    ],
)
def test_numbers_that_are_no_model_are_refused(made: Exported, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        made.check()


def test_a_file_says_numbers_and_nothing_else() -> None:
    """What is not a number, or an index, does not even become a model: no text of a file reaches the compiler."""
    wrong = (
        b'{"type": "trees", "features": 1, "baseline": 0.0, "trees": [[["x", 0.5, 1, 2, 0.0]]]}',
        b'{"type": "trees", "features": 1, "baseline": "__import__", "trees": []}',
        b'{"type": "linear", "coefficients": [1.0], "intercept": 0.0, "code": "1"}',
        b'{"type": "pickle"}',
    )
    for text in wrong:
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(text, type=Exported)


def test_a_tree_that_is_too_deep_is_refused() -> None:
    chain: list[Node] = []
    for i in range(60):
        chain += [Node(feature=0, threshold=float(i), left=2 * i + 1, right=2 * i + 2), LEAF]
    made = Trees(features=1, baseline=0.0, trees=((*chain, LEAF),))
    made.check()
    with pytest.raises(ValueError, match="deeper than 40"):
        made.compile()
