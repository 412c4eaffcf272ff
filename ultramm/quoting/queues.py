"""What a place in the queue is worth: probabilities of two best queues that live and die on their own.

Orders join a best queue at the rate `arrival`, market orders take one at the rate `market`, and each waiting order is
cancelled at the rate `cancel`. Whichever queue is empty first, the mid moves through it.

References
----------
R. Cont, S. Stoikov, R. Talreja, "A stochastic model for order book dynamics", Operations Research 58 (2010): the
probabilities there by Laplace transforms, here by solving the chain's linear equations.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

Floats = NDArray[np.float64]


class QueueRates(msgspec.Struct, frozen=True):
    """Rates of one best queue, in orders of average size, 1 / second.

    Parameters
    ----------
    arrival : float
        Of orders that join it.
    market : float
        Of orders that take from it.
    cancel : float
        Of each order that waits.
    inside : float
        Of orders that better it from within the spread; 0 where the spread is one tick.
    """

    arrival: float
    market: float
    cancel: float
    inside: float = 0.0

    def leave(self, count: int, *, own: int = 0) -> float:
        """How fast one of `count` orders leaves; `own` of them are never cancelled."""
        return self.market + self.cancel * (count - own)


def up_probabilities(rates: QueueRates, most: int = 60) -> Floats:
    """Probability that the mid moves up next, for each length of the two best queues.

    Parameters
    ----------
    most : int
        Orders in a queue beyond which none joins; the answer for shorter ones hardly knows of it.

    Returns
    -------
    array of shape (most, most)
        ``[bid - 1, ask - 1]``, lengths in orders.
    """
    # The mid also moves when somebody betters the bid (up) or the ask (down).
    return _first_exit(
        [rates.arrival] * most,
        [rates.leave(n) for n in range(1, most + 1)],
        [rates.arrival] * most,
        [rates.leave(n) for n in range(1, most + 1)],
        second_empty_wins=True,
        wins=rates.inside,
        loses=rates.inside,
    )


def execution_probabilities(rates: QueueRates, most: int = 60) -> Floats:
    """Probability that our order at the back of the best queue trades before the other side's best is gone.

    Orders that join behind it do not matter; ours is not cancelled.

    Returns
    -------
    array of shape (most, most)
        ``[own - 1, other - 1]``: length of the own queue with our order in it, and of the other, in orders.
    """
    return _first_exit(
        [0.0] * most,
        [rates.leave(n, own=1) for n in range(1, most + 1)],
        [rates.arrival] * most,
        [rates.leave(n) for n in range(1, most + 1)],
        second_empty_wins=False,
        wins=0.0,
        loses=0.0,
    )


def _first_exit(
    first_joins: list[float],
    first_leaves: list[float],
    second_joins: list[float],
    second_leaves: list[float],
    *,
    second_empty_wins: bool,
    wins: float,
    loses: float,
) -> Floats:
    """Probability to win for each state of two birth and death chains, of which one ends as either is empty."""
    count = len(first_joins)
    at = np.arange(count * count).reshape(count, count)
    entries: list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]] = []
    total = np.full((count, count), wins + loses)
    won = np.full((count, count), wins)
    for axis, joins, leaves in ((0, first_joins, first_leaves), (1, second_joins, second_leaves)):
        state, rate = np.moveaxis(at, axis, 0), np.moveaxis(total, axis, 0)
        gain = np.moveaxis(won, axis, 0)
        for n in range(count):
            rate[n] += leaves[n]
            if n == 0:
                gain[n] += leaves[n] * ((axis == 1) == second_empty_wins)
            else:
                entries.append((state[n], state[n - 1], np.full(count, -leaves[n])))
            if n + 1 < count and joins[n] > 0:
                rate[n] += joins[n]
                entries.append((state[n], state[n + 1], np.full(count, -joins[n])))
    entries.append((at.ravel(), at.ravel(), total.ravel()))
    rows, columns, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    matrix = coo_array((values, (rows, columns)))
    found: Floats = spsolve(matrix.tocsc(), won.ravel())
    return found.reshape(count, count)
