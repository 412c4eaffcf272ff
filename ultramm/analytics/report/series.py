"""Series over time that stay small however long the run is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Rule = Literal["last", "min", "max", "sum"]
Floats = NDArray[np.float64]


class BoundedSeries:
    """Rows on a clock whose step doubles, merging neighbours, whenever there are too many rows.

    A row stands at the end of its step, ``(end - step, end]``, and steps without a sample have no row. So a series
    holds between `limit` and ``2 * limit`` rows once it is long, whatever the length of the run.

    Parameters
    ----------
    rules : mapping of str to str
        For each column, what becomes of several samples in one step: "last", "min", "max" or "sum". NaN counts for
        "last" only.
    step_ns : int
        First step, nanoseconds.
    limit : int
        Rows that are kept at least, once there were as many.
    """

    def __init__(self, rules: Mapping[str, Rule], step_ns: int, limit: int) -> None:
        self.step_ns = step_ns
        self._rules = dict(rules)
        self._capacity = 2 * limit
        self._size = 0
        self._ends = np.zeros(self._capacity, dtype=np.int64)
        self._values = np.zeros((self._capacity, len(self._rules)))

    def __len__(self) -> int:
        return self._size

    def put(self, ts_ns: int, *values: float) -> None:
        """Add a sample of every column, in the order of the rules; times must not decrease."""
        end = -(-ts_ns // self.step_ns)
        if self._size and self._ends[self._size - 1] == end:
            self._merge_into_last(values)
            return
        if self._size == self._capacity:
            self._halve()
            self.put(ts_ns, *values)
            return
        self._ends[self._size] = end
        self._values[self._size] = values
        self._size += 1

    def times_ns(self) -> NDArray[np.int64]:
        """The end of each row's step, nanoseconds."""
        return self._ends[: self._size] * self.step_ns

    def column(self, name: str) -> Floats:
        return self._values[: self._size, list(self._rules).index(name)].copy()

    def at(self, times_ns: NDArray[np.int64], name: str, before: float) -> Floats:
        """The column as a step function at `times_ns`; `before` is its value ahead of the first row."""
        rows = np.searchsorted(self.times_ns(), times_ns, side="right")
        return np.concatenate(([before], self.column(name)))[rows]

    def _merge_into_last(self, values: tuple[float, ...]) -> None:
        row = self._values[self._size - 1]
        for column, (rule, value) in enumerate(zip(self._rules.values(), values, strict=True)):
            row[column] = _MERGE[rule](row[column], value)

    def _halve(self) -> None:
        # Steps may be so sparse that neighbours do not meet at once.
        while self._size == self._capacity:
            self.step_ns *= 2
            ends = (self._ends[: self._size] + 1) // 2
            starts = np.flatnonzero(np.diff(ends, prepend=ends[0] - 1))
            merged = [
                _reduce(rule, self._values[: self._size, column], starts)
                for column, rule in enumerate(self._rules.values())
            ]
            self._size = len(starts)
            self._ends[: self._size] = ends[starts]
            self._values[: self._size] = np.column_stack(merged)


def _last(_: float, value: float) -> float:
    return value


def _sum(total: float, value: float) -> float:
    return total + value


_MERGE: dict[Rule, Any] = {"last": _last, "sum": _sum, "min": np.fmin, "max": np.fmax}


def _reduce(rule: Rule, values: Floats, starts: NDArray[np.int64]) -> Floats:
    if rule == "last":
        lasts: Floats = values[np.append(starts[1:], len(values)) - 1]
        return lasts
    function: Any = {"min": np.fmin, "max": np.fmax, "sum": np.add}[rule]
    reduced: Floats = function.reduceat(values, starts)
    return reduced


def thinned(count: int, limit: int) -> NDArray[np.int64]:
    """Positions of at most `limit` of `count` things, evenly spread, the first and the last among them."""
    if count <= limit:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, limit).round().astype(np.int64))


def stacked(parts: list[Floats]) -> list[tuple[Floats, Floats]]:
    """Lower and upper edge of each part: positive values are stacked upwards from zero, negative ones downwards."""
    up = np.zeros_like(parts[0])
    down = np.zeros_like(parts[0])
    edges = []
    for part in parts:
        base = np.where(part >= 0, up, down)
        edges.append((np.minimum(base, base + part), np.maximum(base, base + part)))
        up = up + np.maximum(part, 0.0)
        down = down + np.minimum(part, 0.0)
    return edges
