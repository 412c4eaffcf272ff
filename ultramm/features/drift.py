"""Whether what is seen is still what was learned from: of a mean that changes, of one feature, and of all together."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

_BUCKETS = 5
_CLOCK = 32
_LEAST = 5


class AdaptiveWindow:
    """The mean of a stream since it last changed: a window that drops its older part where the two parts differ.

    Parameters
    ----------
    delta : float
        Chance of a false alarm, about.

    Attributes
    ----------
    count : int
        Samples in the window.

    References
    ----------
    A. Bifet and R. Gavalda, "Learning from time-changing data with adaptive windowing", *SIAM Conference on Data
    Mining* (2007): ADWIN2, section 4, with the variance's bound. Memory and time are O(log n).
    """

    def __init__(self, delta: float = 0.002) -> None:
        self._delta = delta
        # Of each power of two: sums and variances (times their counts) of buckets, oldest first.
        self._rows: list[list[tuple[float, float]]] = [[]]
        self.count = 0
        self._total = self._variance = 0.0
        self._taken = 0

    @property
    def mean(self) -> float:
        """Of the window; NaN of nothing."""
        return self._total / self.count if self.count else math.nan

    def update(self, value: float) -> bool:
        """Take a sample; gives whether the mean was found to have changed."""
        if self.count:
            self._variance += self.count / (self.count + 1.0) * (value - self.mean) ** 2
        self.count += 1
        self._total += value
        self._rows[0].append((value, 0.0))
        self._merge()
        self._taken += 1
        return self._taken % _CLOCK == 0 and self._cut()

    def _merge(self) -> None:
        for power, row in enumerate(self._rows):
            if len(row) <= _BUCKETS:
                return
            if power + 1 == len(self._rows):
                self._rows.append([])
            (first, first_variance), (second, second_variance) = row[:2]
            del row[:2]
            size = 2.0**power
            between = 0.5 * size * ((first - second) / size) ** 2
            self._rows[power + 1].append((first + second, first_variance + second_variance + between))

    def _cut(self) -> bool:
        """Drop the oldest bucket as long as some older part differs from the rest."""
        changed = False
        while self.count > 2 * _LEAST and self._differs():
            self._drop()
            changed = True
        return changed

    def _differs(self) -> bool:
        old_count, old_total = 0, 0.0
        variance = self._variance / self.count
        doubt = math.log(2.0 * math.log(self.count) / self._delta)
        for power in reversed(range(len(self._rows))):
            for total, _ in self._rows[power]:
                old_count += 1 << power
                old_total += total
                new_count = self.count - old_count
                if new_count < _LEAST:
                    return False
                if old_count < _LEAST:
                    continue
                inverse = 1.0 / (old_count - _LEAST + 1) + 1.0 / (new_count - _LEAST + 1)
                bound = math.sqrt(2.0 * inverse * variance * doubt) + 2.0 / 3.0 * doubt * inverse
                if abs(old_total / old_count - (self._total - old_total) / new_count) > bound:
                    return True
        return False

    def _drop(self) -> None:
        while not self._rows[-1]:
            self._rows.pop()
        total, variance = self._rows[-1].pop(0)
        size = 1 << (len(self._rows) - 1)
        rest = self.count - size
        self._total -= total
        between = size * rest / self.count * (total / size - self._total / rest) ** 2
        self._variance = max(0.0, self._variance - variance - between)
        self.count = rest


def stability_index(expected: Sequence[float], counts: Sequence[float]) -> float:
    """Population stability index: ``sum (p - q) ln(p / q)`` over bins.

    Parameters
    ----------
    expected : sequence of float
        Share of each bin when it was learned from.
    counts : sequence of float
        What fell into each now; half of one is added to each, so that an empty bin is not infinitely strange.

    Examples
    --------
    >>> round(stability_index([0.5, 0.5], [750, 250]), 3)
    0.274
    """
    total = sum(counts) + 0.5 * len(counts)
    found = 0.0
    for share, count in zip(expected, counts, strict=True):
        now = (count + 0.5) / total
        found += (now - share) * math.log(now / share)
    return found


def bin_of(edges: Sequence[float], value: float) -> int:
    """The bin that a value falls in: 0 up to the first edge."""
    return bisect_right(edges, value)


def squared_distance(centred: Sequence[float], factor: Sequence[Sequence[float]]) -> float:
    """Mahalanobis' distance, squared.

    Parameters
    ----------
    centred : sequence of float
        Less the mean.
    factor : lower triangle, row by row
        ``L`` with ``L L' = inverse of the covariance``; its columns' products with `centred` are summed in squares.
    """
    return sum(math.sumprod(row, centred[: len(row)]) ** 2 for row in factor)
