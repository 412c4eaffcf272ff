"""Spread decomposition, Kyle's lambda, resilience."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.features.liquidity import KyleLambda, Resilience, SpreadDecomposition
from ultramm.market import Side

S = 1_000_000_000


def test_effective_spread_is_what_is_kept_and_what_is_taken() -> None:
    spread = SpreadDecomposition(horizon_s=5.0)
    spread.on_mid(0, 100.0)
    spread.on_trade(S, Side.BUY, 100.5)
    spread.on_mid(2 * S, 100.2)
    spread.on_mid(7 * S, 130.0)

    assert spread.effective == pytest.approx(1.0)
    assert spread.realised == pytest.approx(0.6)
    assert spread.impact == pytest.approx(0.4)


def test_parts_add_up_whatever_happens() -> None:
    rng = np.random.default_rng(1)
    spread = SpreadDecomposition(horizon_s=2.0, tau_s=10.0)
    mid = 100.0
    for i in range(500):
        mid += rng.normal(0, 0.1)
        spread.on_mid(i * S // 3, mid)
        side = Side.BUY if rng.random() < 0.5 else Side.SELL
        spread.on_trade(i * S // 3, side, mid + side * rng.uniform(0, 0.3))

    assert spread.effective == pytest.approx(spread.realised + spread.impact, rel=1e-9)
    assert spread.effective > 0


def test_a_trade_before_any_mid_is_not_judged() -> None:
    spread = SpreadDecomposition()
    spread.on_trade(0, Side.BUY, 100.0)
    spread.on_mid(S, 100.0)
    spread.on_mid(9 * S, 100.0)
    assert math.isnan(spread.effective)


def test_kyle_lambda_is_the_slope_of_moves_on_volume() -> None:
    rng = np.random.default_rng(2)
    kyle = KyleLambda(interval_s=1.0, tau_s=1e9)
    mid, volumes, moves = 100.0, [], []
    kyle.on_mid(0, mid)
    for i in range(2000):
        volume = float(rng.normal(0, 3))
        side = Side.BUY if volume > 0 else Side.SELL
        kyle.on_trade(i * S + S // 4, side, abs(volume))
        move = 0.02 * volume + float(rng.normal(0, 0.05))
        mid += move
        kyle.on_mid(i * S + S // 2, mid)
        volumes.append(volume)
        moves.append(move)

    assert kyle.value == pytest.approx(0.02, abs=0.002)


def test_kyle_lambda_without_volume_is_unknown() -> None:
    kyle = KyleLambda()
    for i in range(5):
        kyle.on_mid(i * S, 100.0 + i)
    assert math.isnan(kyle.value)


def test_resilience_is_the_time_to_have_the_depth_back() -> None:
    resilience = Resilience(recovered=0.8)
    assert math.isnan(resilience.value_s)
    resilience.on_trade(0)
    resilience.on_depth(0, 10.0)
    resilience.on_trade(S)
    resilience.on_depth(S + 1, 4.0)
    resilience.on_trade(2 * S)  # part of the same
    resilience.on_depth(3 * S, 7.9)
    assert math.isnan(resilience.value_s)
    resilience.on_depth(4 * S, 8.0)
    assert resilience.value_s == pytest.approx(3.0)


def test_a_depth_that_stays_away_counts_as_the_patience() -> None:
    resilience = Resilience(patience_s=10.0)
    resilience.on_depth(0, 10.0)
    resilience.on_trade(S)
    resilience.on_depth(2 * S, 1.0)
    resilience.on_depth(60 * S, 1.0)
    assert resilience.value_s == 10.0
