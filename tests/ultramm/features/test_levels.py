"""Volatility over three spans, and what came of it."""

from __future__ import annotations

import math
import random

import pytest

from ultramm.features.levels import VolatilityLevels

S = 1_000_000_000


def play(levels: VolatilityLevels, seconds: int, sigma_bps: float, begin_s: int, mid: float = 100.0) -> float:
    """Sampled within each second."""
    rng = random.Random(begin_s)
    for second in range(begin_s, begin_s + seconds):
        mid *= math.exp(1e-4 * rng.gauss(0.0, sigma_bps))
        levels.update(second * S + S // 2, mid)
    return mid


def test_levels_are_logarithms_in_basis_points() -> None:
    levels = VolatilityLevels()
    assert not levels.known
    play(levels, 1_800, 2.0, 1)
    assert levels.known
    for level, tolerance in zip(levels.row(), (0.4, 0.2, 0.1), strict=True):
        assert level == pytest.approx(math.log(2.0), abs=tolerance)
    assert levels.quoted >= 0.5 * levels.usual


def test_what_came_is_of_the_time_since_a_mark() -> None:
    levels = VolatilityLevels()
    mid = play(levels, 1_800, 2.0, 1)
    mark = levels.mark
    assert math.isnan(levels.since(mark))
    play(levels, 600, 6.0, 1_801, mid)
    assert levels.since(mark) == pytest.approx(math.log(6.0), abs=0.1)


def test_a_still_market_is_taken_for_a_tenth_of_the_usual() -> None:
    levels = VolatilityLevels()
    mid = play(levels, 1_800, 2.0, 1)
    mark = levels.mark
    for second in range(1_801, 1_900):
        levels.update(second * S, mid)
    assert levels.since(mark) == pytest.approx(math.log(0.1 * levels.usual))


def test_a_sample_is_scaled_by_what_was_before_it() -> None:
    levels = VolatilityLevels()
    mid = play(levels, 1_800, 2.0, 1)
    usual = levels.usual
    levels.update(1_801 * S, mid * math.exp(1e-4 * 20.0))
    levels.update(1_802 * S + 1, mid * math.exp(1e-4 * 20.0))
    assert levels.scaled == pytest.approx(20.0 / usual, rel=0.2)


def test_an_interruption_is_no_move() -> None:
    levels = VolatilityLevels()
    play(levels, 300, 2.0, 1)
    before = levels.mark
    levels.interrupted()
    levels.update(1_000 * S, 200.0)
    levels.update(1_001 * S, 200.0)
    assert levels.mark[1] == before[1]
