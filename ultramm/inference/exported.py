"""Models as numbers: read from plain data, checked, and made a function that is fast enough to stand beside orders.

Nothing here executes what a file says: a tree becomes the source of one Python expression, of finite numbers and whole
indices alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec

Predict = Callable[[Sequence[float]], float]
_MOST_NODES = 1_000
_MOST_TREES = 2_000
_DEEPEST = 40
Index = Annotated[int, msgspec.Meta(ge=0, lt=10_000)]


class Linear(msgspec.Struct, frozen=True, kw_only=True, tag="linear", forbid_unknown_fields=True):
    """``intercept + sum(coefficient (x - centre) / scale)``, folded into coefficients on x itself.

    Parameters
    ----------
    coefficients : tuple of float
    intercept : float
    """

    coefficients: tuple[float, ...]
    intercept: float

    @property
    def features(self) -> int:
        return len(self.coefficients)

    def check(self) -> None:
        """Raises ValueError where something is not finite."""
        if not all(map(math.isfinite, (*self.coefficients, self.intercept))):
            raise ValueError("a coefficient is not finite")

    def compile(self) -> Predict:
        coefficients, intercept, sumprod = self.coefficients, self.intercept, math.sumprod
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


Exported = Linear | Trees
