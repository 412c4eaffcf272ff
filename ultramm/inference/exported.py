"""Models as numbers: read from plain data, checked, and made a function that is fast enough to stand beside orders.

Nothing here executes what a file says: a tree becomes the source of one Python expression, of finite numbers and whole
indices alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

Predict = Callable[[Sequence[float]], float]
_MOST_NODES = 1_000
_MOST_TREES = 2_000
_DEEPEST = 40
_MOST_WEIGHTS = 100_000
_LARGEST_LOG = 700.0
Index = Annotated[int, msgspec.Meta(ge=0, lt=10_000)]


class Linear(msgspec.Struct, frozen=True, kw_only=True, tag="linear", forbid_unknown_fields=True):
    """``intercept + sum(coefficient (x - centre) / scale)``, folded into coefficients on x itself.

    Parameters
    ----------
    coefficients : tuple of float
    intercept : float
    link : {"identity", "log"}
        Of what the sum is: of the forecast, or of its logarithm.
    """

    coefficients: tuple[float, ...]
    intercept: float
    link: Literal["identity", "log"] = "identity"

    @property
    def features(self) -> int:
        return len(self.coefficients)

    def check(self) -> None:
        """Raises ValueError where something is not finite."""
        if not all(map(math.isfinite, (*self.coefficients, self.intercept))):
            raise ValueError("a coefficient is not finite")

    def compile(self) -> Predict:
        coefficients, intercept, sumprod = self.coefficients, self.intercept, math.sumprod
        if self.link == "log":
            return lambda row: math.exp(min(_LARGEST_LOG, intercept + sumprod(coefficients, row)))
        return lambda row: intercept + sumprod(coefficients, row)


class Node(msgspec.Struct, frozen=True, array_like=True):
    """Of a tree: a leaf where `left` is 0, else ``row[feature] <= threshold`` goes left.

    Parameters
    ----------
    value : float
        Of a leaf.
    left, right : int
        Places of the next nodes, both behind this one.
    """

    feature: Index = 0
    threshold: float = 0.0
    left: Index = 0
    right: Index = 0
    value: float = 0.0


class Trees(msgspec.Struct, frozen=True, kw_only=True, tag="trees", forbid_unknown_fields=True):
    """The sum of trees and a baseline.

    Parameters
    ----------
    features : int
        Of a row.
    baseline : float
    trees : tuple of tuple of Node
        The root of each first.
    """

    features: Index
    baseline: float
    trees: tuple[tuple[Node, ...], ...]

    def check(self) -> None:
        """Raises ValueError where something is not finite, leads nowhere, or is too large."""
        if not math.isfinite(self.baseline):
            raise ValueError("the baseline is not finite")
        if len(self.trees) > _MOST_TREES:
            raise ValueError(f"{len(self.trees)} trees, {_MOST_TREES} are allowed")
        for number, tree in enumerate(self.trees):
            if not 0 < len(tree) <= _MOST_NODES:
                raise ValueError(f"tree {number} has {len(tree)} nodes, {_MOST_NODES} are allowed")
            for place, node in enumerate(tree):
                self._check_node(f"tree {number}, node {place}", node, place, len(tree))
            led = [place for node in tree if node.left for place in (node.left, node.right)]
            if len(set(led)) < len(led):
                raise ValueError(f"tree {number}: two ways lead to one node")

    def _check_node(self, where: str, node: Node, place: int, count: int) -> None:
        if not (math.isfinite(node.threshold) and math.isfinite(node.value)):
            raise ValueError(f"{where}: a number is not finite")
        if node.left and not (place < node.left < count and place < node.right < count):
            raise ValueError(f"{where}: leads to {node.left} and {node.right} of {count}")
        if node.left and node.feature >= self.features:
            raise ValueError(f"{where}: feature {node.feature} of {self.features}")

    def compile(self) -> Predict:
        """A function whose source is one nested expression a tree."""
        lines = ["def predict(x):", f"    total = {float(self.baseline)!r}"]
        lines += [f"    total += {_expression(tree, 0, 0)}" for tree in self.trees]
        space: dict[str, Predict] = {}
        source = "\n".join([*lines, "    return total"])
        exec(compile(source, "<exported trees>", "exec"), {"__builtins__": {}}, space)  # noqa: S102
        return space["predict"]


def _expression(tree: Sequence[Node], place: int, depth: int) -> str:
    node = tree[place]
    if depth > _DEEPEST:
        raise ValueError(f"a tree is deeper than {_DEEPEST}")
    if not node.left:
        return repr(float(node.value))
    left, right = (_expression(tree, each, depth + 1) for each in (node.left, node.right))
    return f"({left} if x[{int(node.feature)}] <= {float(node.threshold)!r} else {right})"


class Layer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a network: ``activation(weights x + biases)``.

    Parameters
    ----------
    weights : tuple of shape (outputs, inputs)
    biases : tuple of shape (outputs,)
    activation : {"identity", "tanh", "relu"}
    """

    weights: tuple[tuple[float, ...], ...]
    biases: tuple[float, ...]
    activation: Literal["identity", "tanh", "relu"]


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
}


class Network(msgspec.Struct, frozen=True, kw_only=True, tag="network", forbid_unknown_fields=True):
    """Dense layers, one behind the other, the last of one output.

    Parameters
    ----------
    layers : tuple of Layer
    """

    layers: tuple[Layer, ...]

    @property
    def features(self) -> int:
        return len(self.layers[0].weights[0])

    def check(self) -> None:
        """Raises ValueError where something is not finite, does not fit together, or is too large."""
        if not self.layers or not all(layer.weights and layer.weights[0] for layer in self.layers):
            raise ValueError("a network needs layers, and each of them weights")
        numbers = [*(each for layer in self.layers for row in layer.weights for each in row)]
        numbers += [each for layer in self.layers for each in layer.biases]
        if len(numbers) > _MOST_WEIGHTS:
            raise ValueError(f"{len(numbers)} weights, {_MOST_WEIGHTS} are allowed")
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a weight is not finite")
        for layer in self.layers:
            if len(layer.biases) != len(layer.weights) or len({len(row) for row in layer.weights}) != 1:
                raise ValueError("a layer's weights and biases do not fit together")
        for before, after in pairwise(self.layers):
            if len(after.weights[0]) != len(before.weights):
                raise ValueError("a layer does not take what the one before it gives")
        if len(self.layers[-1].weights) != 1:
            raise ValueError("the last layer gives more than one number")

    def compile(self) -> Predict:
        layers = [
            (np.array(each.weights), np.array(each.biases), _ACTIVATIONS[each.activation]) for each in self.layers
        ]

        def predict(row: Sequence[float]) -> float:
            values = np.asarray(row)
            for weights, biases, activation in layers:
                values = activation(weights @ values + biases)
            return float(values[0])

        return predict


Exported = Linear | Trees | Network
