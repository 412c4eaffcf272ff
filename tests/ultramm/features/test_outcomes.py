"""Outcomes are given when they are known, by hand, and never before."""

from __future__ import annotations

import math

import pytest

from ultramm.features.arrivals import Arrivals
from ultramm.features.outcomes import ArrivalOutcomes, FillOutcomes, VolatilityOutcomes
from ultramm.market import Side, Trade

S = 1_000_000_000


def trade(at_s: float, side: Side = Side.BUY, price: float = 100.0) -> Trade:
    return Trade(round(at_s * S), price, 1.0, side)


def test_trades_count_for_the_side_whose_orders_they_fill() -> None:
    arrivals = Arrivals()
    assert math.isnan(arrivals.rate(Side.BUY, 0))
    for step in range(100):
        arrivals.on_trade(trade(1.0 + step, Side.SELL))
    assert (arrivals.count(Side.BUY), arrivals.count(Side.SELL)) == (100, 0)
    assert arrivals.rate(Side.BUY, 101 * S) == pytest.approx(1.0, abs=0.02)
    assert math.isnan(arrivals.rate(Side.SELL, 101 * S))


def test_arrivals_are_a_share_of_the_usual_and_known_after_five_seconds() -> None:
    outcomes = ArrivalOutcomes[str]()
    for step in range(200):
        outcomes.on_trade(trade(1.0 + step, Side.SELL))
    now_ns = 201 * S
    assert outcomes.add(now_ns, Side.BUY, "more")
    assert not outcomes.add(now_ns, Side.SELL, "nobody knows what is usual")
    for _ in range(10):
        outcomes.on_trade(trade(202.0, Side.SELL))
    assert list(outcomes.matured(now_ns + 5 * S - 1)) == []
    ((item, share, usual),) = outcomes.matured(now_ns + 5 * S)
    assert (item, usual) == ("more", pytest.approx(5.0, rel=0.05))
    assert share == pytest.approx(10.0 / usual)


def test_a_fill_is_held_against_the_mid_a_horizon_later_from_the_decision_that_could_have_moved_it() -> None:
    outcomes = FillOutcomes[str](("queue_imbalance", "spread_ratio"), 1.0, 0.2)
    for step, mid in ((0, 100.0), (1, 101.0), (2, 102.0)):
        outcomes.on_row(S + step * S // 10, [float(step), 7.0], mid)
    # At 1.25 s only what was decided by 1.05 s could be at the venue.
    told = outcomes.on_trade(trade(1.25, Side.BUY))
    assert told == (Side.SELL, [-0.0, 7.0], 100.0)
    told = outcomes.on_trade(trade(1.35, Side.SELL))
    assert told == (Side.BUY, [1.0, 7.0], 101.0)
    outcomes.add(round(1.35 * S), Side.BUY, 101.0, "bought")
    assert list(outcomes.matured(2 * S, 100.0)) == []
    assert list(outcomes.matured(round(2.3 * S), 99.0)) == []
    assert list(outcomes.matured(3 * S, 50.0)) == [("bought", pytest.approx(1e4 * math.log(101.0 / 99.0)))]


def test_before_any_decision_a_trade_is_no_fill_and_after_an_interruption_neither() -> None:
    outcomes = FillOutcomes[str](("queue_imbalance",), 1.0, 0.0)
    assert outcomes.on_trade(trade(1.0)) is None
    outcomes.on_row(S, [1.0], 100.0)
    assert outcomes.on_trade(trade(1.0)) is not None
    outcomes.interrupted()
    assert outcomes.on_trade(trade(1.1)) is None


def test_the_next_minute_is_known_after_it() -> None:
    outcomes = VolatilityOutcomes[str]()
    mid = 100.0
    for second in range(1, 200):
        mid *= math.exp(1e-4 * (1.0 if second % 2 else -1.0))
        outcomes.on_mid(second * S + S // 2, mid)
    assert outcomes.row() is not None
    quoted = math.log(outcomes.levels.quoted)
    outcomes.add(200 * S, "restless")
    known = []
    for second in range(200, 270):
        known += [(second, came) for _, came in outcomes.matured(second * S)]
        mid *= math.exp(1e-4 * (3.0 if second % 2 else -3.0))
        outcomes.on_mid(second * S + S // 2, mid)
    assert known == [(260, pytest.approx(math.log(3.0) - quoted, abs=0.05))]


def test_rows_of_volatility_are_over_what_is_quoted_by() -> None:
    outcomes = VolatilityOutcomes[str]()
    assert outcomes.row() is None
    for second in range(1, 2_000):
        outcomes.on_mid(second * S + S // 2, 100.0 * math.exp(1e-4 * (2.0 * (second % 2))))
    row = outcomes.row()
    assert row is not None
    assert row == pytest.approx([0.0, 0.0, 0.0, 0.0], abs=0.05)
