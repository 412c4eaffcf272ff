"""A place in the queue against standing where one should."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.quoting.requote import worth_keeping

offsets = st.floats(-0.99, 0.99)
sizes = st.floats(0.0, 100.0)
means = st.floats(0.01, 100.0)


def earned(depth: float, kappa: float, reservation: float) -> float:
    return math.exp(-kappa * depth) * (depth - reservation)


@given(x=offsets, ahead=sizes, there=sizes, mean=means, kappa=st.floats(0.01, 10.0), reservation=st.floats(-5.0, 5.0))
def test_it_compares_what_both_would_earn(
    x: float, ahead: float, there: float, mean: float, kappa: float, reservation: float
) -> None:
    """Avellaneda and Stoikov's fill intensity: the optimum is ``reservation + 1 / kappa``, whatever the inventory."""
    best = reservation + 1.0 / kappa
    kept = math.log(earned(best + x / kappa, kappa, reservation)) - ahead / mean
    moved = math.log(earned(best, kappa, reservation)) - there / mean
    if abs(kept - moved) > 1e-9:
        assert worth_keeping(x, ahead, there, mean) == (kept > moved)


@given(x=offsets.filter(lambda x: abs(x) > 1e-3), ahead=sizes, mean=means)
def test_with_equal_queues_any_better_place_is_taken(x: float, ahead: float, mean: float) -> None:
    assert not worth_keeping(x, ahead, ahead, mean)


@given(x=offsets, ahead=sizes, there=sizes, mean=means, less=st.floats(0.0, 1.0))
def test_a_shorter_queue_of_ours_never_lets_go_what_was_kept(
    x: float, ahead: float, there: float, mean: float, less: float
) -> None:
    if worth_keeping(x, ahead, there, mean):
        assert worth_keeping(x, less * ahead, there, mean)
        assert worth_keeping(less * x, ahead, there, mean)


@pytest.mark.parametrize("x", [-5.0, -1.0, 1.0, 3.0, math.nan])
def test_a_whole_depth_away_is_never_kept(x: float) -> None:
    assert not worth_keeping(x, 0.0, 1e9, 1.0)


@pytest.mark.parametrize("unknown", [{"ahead": math.nan}, {"touch_volume": math.nan}, {"touch_volume": 0.0}])
def test_what_is_not_known_keeps_nothing(unknown: dict[str, float]) -> None:
    assert not worth_keeping(**{"offset": 0.0, "ahead": 0.0, "ahead_there": 5.0, "touch_volume": 1.0, **unknown})
