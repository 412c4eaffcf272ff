"""Queue probabilities against the tables of Cont, Stoikov and Talreja (2010), and against a simulation."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ultramm.quoting.queues import QueueRates, execution_probabilities, up_probabilities

# Sky Perfect Communications, section 4: lambda(1), mu, theta(1); then one tick further out.
TIGHT = QueueRates(arrival=1.85, market=0.94, cancel=0.71)
TWO_TICKS = QueueRates(arrival=1.51, market=0.94, cancel=0.81, inside=1.85)


def test_probability_of_an_up_move_at_a_spread_of_one_tick() -> None:
    """Table 3 of the paper, by bid (rows) and ask; its first row is .500 .336 .259 .216 .188."""
    found = up_probabilities(TIGHT)

    known = [
        [0.500, 0.335, 0.259, 0.216, 0.188],
        [0.665, 0.500, 0.407, 0.348, 0.307],
        [0.741, 0.593, 0.500, 0.437, 0.391],
        [0.784, 0.652, 0.563, 0.500, 0.452],
        [0.812, 0.693, 0.609, 0.548, 0.500],
    ]
    assert found[:5, :5] == pytest.approx(np.array(known), abs=1e-3)
    assert found[0, :5] == pytest.approx([0.500, 0.336, 0.259, 0.216, 0.188], abs=1e-3)


def test_probability_of_an_up_move_at_a_spread_of_two_ticks() -> None:
    assert up_probabilities(TWO_TICKS)[0, :5] == pytest.approx([0.500, 0.404, 0.378, 0.370, 0.367], abs=1e-3)


def test_probability_that_an_order_at_the_back_trades_first() -> None:
    """The paper's table 4, solved exactly: own queue with our order in it (rows) against the other side."""
    known = [
        [0.503, 0.698, 0.794, 0.848, 0.882],
        [0.359, 0.551, 0.664, 0.737, 0.787],
        [0.291, 0.465, 0.578, 0.656, 0.713],
    ]
    assert execution_probabilities(TIGHT)[:3, :5] == pytest.approx(np.array(known), abs=1e-3)


def test_up_and_down_are_one() -> None:
    found = up_probabilities(TWO_TICKS)
    assert found + found.T == pytest.approx(np.ones_like(found), abs=1e-9)


def test_the_answer_does_not_know_where_the_queues_are_cut_off() -> None:
    assert up_probabilities(TIGHT, 30)[:5, :5] == pytest.approx(up_probabilities(TIGHT, 60)[:5, :5], abs=1e-9)


def test_a_better_place_is_worth_more() -> None:
    found = execution_probabilities(TIGHT)[:20, :20]
    assert (np.diff(found, axis=0) < 0).all()
    assert (np.diff(found, axis=1) > 0).all()


def test_an_order_trades_as_often_as_in_a_simulation() -> None:
    rng, runs = random.Random(5), 4000
    traded = sum(_trades_first(rng, own=3, other=4) for _ in range(runs))
    known = execution_probabilities(TIGHT)[2, 3]
    assert abs(traded / runs - known) < 4 * (known * (1 - known) / runs) ** 0.5


def _trades_first(rng: random.Random, own: int, other: int) -> bool:
    while own and other:
        ahead = TIGHT.leave(own, own=1)
        join, leave = TIGHT.arrival, TIGHT.leave(other)
        draw = rng.random() * (ahead + join + leave)
        if draw < ahead:
            own -= 1
        else:
            other += 1 if draw < ahead + join else -1
    return own == 0
