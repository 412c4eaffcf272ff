"""Fill ratios by distance, and how long orders lived."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.analytics.report.lives import LogHistogram, OrderLives
from ultramm.analytics.report.uncertainty import wilson_interval
from ultramm.market import Side

S = 1_000_000_000


def placed(lives: OrderLives, order_id: str, distance_bps: float, side: Side = Side.BUY, at_s: float = 0.0) -> None:
    """An order at a distance from a mid of 10,000, accepted."""
    lives.sent(order_id, side, 10_000.0 - side * distance_bps, 10_000.0)
    lives.accepted(order_id, round(at_s * S))


def test_counts_orders_and_fills_by_their_distance() -> None:
    lives = OrderLives()
    for place in range(10):
        placed(lives, f"near{place}", 1.5)
        placed(lives, f"far{place}", 3.5, Side.SELL)
    for place in range(4):
        lives.filled(f"near{place}", S)
    lives.filled("far0", S)
    ratios = {ratio.from_bps: ratio for ratio in lives.fill_ratios(buckets=2)}
    assert [(r.accepted, r.filled) for r in ratios.values()] == [(10, 4), (10, 1)]
    near = ratios[min(ratios)]
    assert near.from_bps <= 1.5 < near.to_bps
    assert near.share == 0.4
    assert near.interval == wilson_interval(4, 10)


def test_distance_is_positive_on_the_passive_side_of_either_side() -> None:
    lives = OrderLives()
    placed(lives, "bid", 2.0, Side.BUY)
    placed(lives, "ask", 2.0, Side.SELL)
    placed(lives, "inside", -1.0, Side.SELL)
    ratios = lives.fill_ratios()
    assert sum(r.accepted for r in ratios if r.from_bps <= 2.0 < r.to_bps) == 2
    assert sum(r.accepted for r in ratios if r.from_bps <= -1.0 < r.to_bps) == 1


def test_an_order_that_was_never_accepted_counts_nowhere() -> None:
    lives = OrderLives()
    lives.sent("a", Side.BUY, 9_999.0, 10_000.0)
    lives.ended("a", S)
    lives.filled("a", 2 * S)
    lives.accepted("unknown", S)
    assert lives.fill_ratios() == []
    assert lives.until_cancel.count == lives.until_fill.count == 0


def test_an_order_sent_without_a_mid_has_no_distance() -> None:
    lives = OrderLives()
    lives.sent("a", Side.BUY, 9_999.0, math.nan)
    lives.accepted("a", S)
    assert lives.fill_ratios() == []


def test_only_the_first_fill_of_an_order_counts_and_its_cancel_does_not() -> None:
    lives = OrderLives()
    placed(lives, "a", 1.0, at_s=1.0)
    lives.filled("a", 3 * S)
    lives.filled("a", 4 * S)
    lives.ended("a", 5 * S)
    (ratio,) = lives.fill_ratios()
    assert (ratio.accepted, ratio.filled) == (1, 1)
    assert lives.until_fill.count == 1
    assert lives.until_cancel.count == 0
    assert lives.until_fill.quantile(0.5) == pytest.approx(2.0, rel=0.13)


def test_waits_count_from_the_acceptance() -> None:
    lives = OrderLives()
    placed(lives, "a", 1.0, at_s=10.0)
    lives.ended("a", 15 * S)
    assert lives.until_cancel.quantile(0.5) == pytest.approx(5.0, rel=0.13)


def test_far_outliers_fall_into_the_outer_ranges() -> None:
    lives = OrderLives()
    for place in range(1000):
        placed(lives, f"o{place}", 1.0 + (place % 10) / 10)
    placed(lives, "far", 400.0)
    ratios = lives.fill_ratios()
    assert sum(ratio.accepted for ratio in ratios) == 1001
    assert ratios[-1].to_bps < 3
    assert len(ratios) <= 14


@given(st.lists(st.floats(-5, 50), min_size=1, max_size=200), st.integers(1, 20))
def test_every_accepted_order_is_in_one_range(distances: list[float], buckets: int) -> None:
    lives = OrderLives()
    for place, distance in enumerate(distances):
        placed(lives, str(place), distance)
    ratios = lives.fill_ratios(buckets)
    assert sum(ratio.accepted for ratio in ratios) == len(distances)
    assert len(ratios) <= buckets + 2
    assert all(before.to_bps <= after.from_bps for before, after in zip(ratios, ratios[1:], strict=False))


@given(st.lists(st.floats(1e-9, 1e7), min_size=1, max_size=300))
def test_the_shares_of_waits_rise_to_one(waits: list[float]) -> None:
    histogram = LogHistogram()
    for wait in waits:
        histogram.add(wait)
    seconds, shares = histogram.shares()
    assert histogram.count == len(waits)
    assert shares[-1] == 1.0
    assert (shares[1:] >= shares[:-1]).all()
    assert (seconds[1:] > seconds[:-1]).all()


@given(st.lists(st.floats(1e-3, 1e5), min_size=1, max_size=300), st.floats(0.05, 1.0))
def test_a_quantile_is_right_up_to_a_step(waits: list[float], share: float) -> None:
    histogram = LogHistogram()
    for wait in waits:
        histogram.add(wait)
    exact = sorted(waits)[max(0, math.ceil(share * len(waits) - 1e-9) - 1)]
    found = histogram.quantile(share)
    assert found is not None
    assert exact * (1 - 1e-6) <= found <= exact * 1.13


def test_an_empty_histogram_has_no_quantile() -> None:
    assert LogHistogram().quantile(0.5) is None
    assert len(LogHistogram().shares()[0]) == 0
