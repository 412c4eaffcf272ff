"""Stoikov's micro-price: where the mid is expected to settle, given the touch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ultramm.features.price import weighted_mid
from ultramm.market import Book

Floats = NDArray[np.float64]

_ENOUGH_TICKS = 1e-4  # what the next term of the series may still move
_MOST_TERMS = 1_000


def adjustments(still: Floats, moving: Floats, drift: Floats) -> Floats:
    """Expected total move of the mid from each state, in the unit of `drift`.

    ``G1 = (I - Q)^-1 r``, ``B = (I - Q)^-1 T``, ``G* = sum over i of B^i G1``.

    Parameters
    ----------
    still, moving : array, shape (states, states)
        Probability to go from a state (row) to another while the mid stays (Q), and while it moves (T); the rows of
        their sum add up to one.
    drift : array, shape (states,)
        Expected move of the mid at the next update, ``r``; antisymmetric under exchange of bid and ask, or the series
        has no limit.

    References
    ----------
    S. Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18 (2018), eq. 6.
    """
    solved = np.linalg.solve(np.eye(len(drift)) - still, np.column_stack([drift, moving]))
    term, step = solved[:, 0], solved[:, 1:]
    total = term.copy()
    for _ in range(_MOST_TERMS):
        term = step @ term
        total += term
        if np.abs(term).max(initial=0.0) < _ENOUGH_TICKS:
            break
    return total


class MicroPrice:
    """Learns the adjustment of the mid by imbalance and spread, online.

    A state is one of `buckets` of ``bid size / (bid size + ask size)`` and a spread of 1 to `spreads` ticks. Each pair
    of updates counts as it was and mirrored. Until `least_updates` were seen, and at wider spreads, the weighted mid
    stands in.

    Parameters
    ----------
    tick_size : float
        Price.
    half_life_s : float
        What was seen so long ago counts half.
    refit_s : float
        How often the table is computed anew.
    """

    def __init__(
        self,
        tick_size: float,
        *,
        buckets: int = 10,
        spreads: int = 4,
        half_life_s: float = 6 * 3600.0,
        refit_s: float = 600.0,
        least_updates: int = 10_000,
    ) -> None:
        self._tick_size = tick_size
        self._buckets, self._spreads = buckets, spreads
        self._half_life_ns = half_life_s * 1e9
        self._refit_ns = round(refit_s * 1e9)
        self._least_updates = least_updates
        states = buckets * spreads
        self._still: Floats = np.zeros((states, states))
        self._moving: Floats = np.zeros((states, states))
        self._drift: Floats = np.zeros(states)
        self._updates = 0
        self._fitted_ns: int | None = None
        self._table: list[float] | None = None
        self._last: tuple[int, float] | None = None

    def update(self, book: Book) -> None:
        """Count what the touch did since the update before; O(1) but for the refit."""
        state = self._state(book)
        before, self._last = self._last, None if state is None else (state, book.mid)
        if state is None or before is None:
            return
        was, mid = before
        self._updates += 1
        self._count(was, state, round(2 * (book.mid - mid) / self._tick_size) / 2)
        self._refit_when_due(book.ts_ns)

    def interrupted(self) -> None:
        """The market was not seen for a time: the next update follows on none."""
        self._last = None

    def value(self, book: Book) -> float:
        """The micro-price of a book, price; NaN unless it is two-sided."""
        state = self._state(book)
        if self._table is None or state is None:
            return weighted_mid(book)
        return book.mid + self._table[state] * self._tick_size

    def _state(self, book: Book) -> int | None:
        if not book.two_sided:
            return None
        bid, ask = book.bids[0].size, book.asks[0].size
        spread = round(book.spread / self._tick_size)
        if not 1 <= spread <= self._spreads or bid + ask <= 0:
            return None
        bucket = min(math.floor(bid / (bid + ask) * self._buckets), self._buckets - 1)
        return (spread - 1) * self._buckets + bucket

    def _mirrored(self, state: int) -> int:
        spread, bucket = divmod(state, self._buckets)
        return spread * self._buckets + self._buckets - 1 - bucket

    def _count(self, was: int, state: int, move_ticks: float) -> None:
        transitions = self._moving if move_ticks else self._still
        transitions[was, state] += 1.0
        transitions[self._mirrored(was), self._mirrored(state)] += 1.0
        self._drift[was] += move_ticks
        self._drift[self._mirrored(was)] -= move_ticks

    def _refit_when_due(self, now_ns: int) -> None:
        if self._fitted_ns is None:
            self._fitted_ns = now_ns
        if self._updates < self._least_updates:
            return
        passed_ns = now_ns - self._fitted_ns
        if self._table is not None and passed_ns < self._refit_ns:
            return
        # A sixth of a half-life at most between two fits: decaying there is as good as at each update.
        self._fitted_ns = now_ns
        self._table = self._fit()
        keep = 0.5 ** (passed_ns / self._half_life_ns)
        self._still *= keep
        self._moving *= keep
        self._drift *= keep

    def _fit(self) -> list[float]:
        """The table, of the states that were seen; one that never was has the mid."""
        visits = self._still.sum(axis=1) + self._moving.sum(axis=1)
        seen = np.flatnonzero(visits > 0.0)
        table = np.zeros(len(visits))
        if len(seen):
            # Half a visit more, after which nothing moves: what was seen once is not believed, and each row of still
            # and moving together stays below one, so that there is a solution.
            weight = visits[seen] + 0.5
            pick = np.ix_(seen, seen)
            still, moving = self._still[pick] / weight[:, None], self._moving[pick] / weight[:, None]
            table[seen] = adjustments(still, moving, self._drift[seen] / weight)
        fitted: list[float] = table.tolist()
        return fitted
