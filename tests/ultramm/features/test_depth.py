import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.depth import DepthImbalance, DepthStatistics, SpreadStatistics
from ultramm.market import Book, Level

S = 1_000_000_000


def book(ts_s, bids, asks) -> Book:
    return Book(round(ts_s * S), tuple(Level(*b) for b in bids), tuple(Level(*a) for a in asks))


def touch(ts_s, bid, ask) -> Book:
    return book(ts_s, [(bid, 1.0)], [(ask, 1.0)])


def depth_of(bids, asks, within_bps=10.0) -> DepthStatistics:
    """Statistics of a book that stood for a second."""
    depth = DepthStatistics(within_bps)
    depth.update(book(0, bids, asks))
    depth.update(book(1, bids, asks))
    return depth


def test_the_mean_spread_weighs_time_not_events():
    spread = SpreadStatistics(tau_s=1e9)
    spread.update(touch(0, 99.0, 101.0))  # stands for 9 s
    for moment in (9.0, 9.25, 9.5, 9.75):
        spread.update(touch(moment, 95.0, 105.0))  # stand for 1 s together
    spread.update(touch(10, 99.0, 101.0))
    assert spread.value == pytest.approx(0.9 * 2.0 + 0.1 * 10.0)
    assert spread.value_bps == pytest.approx(0.9 * 200.0 + 0.1 * 1000.0)
    assert spread.last == 2.0


def test_spread_is_unknown_before_any_time_passed():
    spread = SpreadStatistics()
    assert math.isnan(spread.value)
    spread.update(touch(0, 99.0, 101.0))
    assert spread.last == 2.0
    assert math.isnan(spread.value)
    assert math.isnan(spread.value_bps)


def test_a_one_sided_book_counts_nowhere_in_the_mean_spread():
    spread = SpreadStatistics(tau_s=1e9)
    spread.update(touch(0, 99.0, 101.0))
    spread.update(book(1, [(99.0, 1.0)], []))
    assert math.isnan(spread.last)
    spread.update(touch(100, 98.0, 102.0))
    spread.update(touch(101, 98.0, 102.0))
    assert spread.value == pytest.approx(3.0)


@given(st.sampled_from([0.25, 8.0]))
def test_the_spread_in_basis_points_does_not_know_the_unit_of_price(scale):
    plain, scaled = SpreadStatistics(), SpreadStatistics()
    for moment, bid, ask in ((0, 99.0, 101.0), (1, 98.0, 103.0), (3, 99.5, 100.0)):
        plain.update(touch(moment, bid, ask))
        scaled.update(touch(moment, scale * bid, scale * ask))
    assert scaled.value_bps == pytest.approx(plain.value_bps)
    assert scaled.value == pytest.approx(scale * plain.value)


def test_depth_counts_levels_within_reach_of_the_mid():
    depth = depth_of(
        bids=[(99.95, 1.0), (99.91, 2.0), (99.80, 50.0)],
        asks=[(100.05, 4.0), (100.20, 50.0)],
    )
    assert depth.bid_size == pytest.approx(3.0)
    assert depth.ask_size == pytest.approx(4.0)
    assert depth.imbalance == pytest.approx((3.0 - 4.0) / 7.0)


@pytest.mark.parametrize("mid", [1.0, 3.0, 30.0, 100.0, 250.0, 1000.0, 30_000.0])
def test_a_level_exactly_at_the_distance_is_within_it(mid):
    reach = mid / 1000  # 10 basis points
    depth = depth_of([(round(mid - reach, 6), 2.0)], [(round(mid + reach, 6), 5.0)])
    assert (depth.bid_size, depth.ask_size) == (2.0, 5.0)


def test_depth_averages_over_time():
    depth = DepthStatistics(within_bps=10.0, tau_s=1e9)
    depth.update(book(0, [(99.99, 1.0)], [(100.01, 1.0)]))
    depth.update(book(3, [(99.99, 9.0)], [(100.01, 1.0)]))
    depth.update(book(4, [(99.99, 1.0)], [(100.01, 1.0)]))
    assert depth.bid_size == pytest.approx((3 * 1.0 + 1 * 9.0) / 4)
    assert depth.ask_size == pytest.approx(1.0)


def test_depth_and_imbalance_are_unknown_before_any_time_passed():
    depth = DepthStatistics()
    assert all(math.isnan(x) for x in (depth.bid_size, depth.ask_size, depth.imbalance))
    depth.update(touch(0, 99.99, 100.01))
    assert all(math.isnan(x) for x in (depth.bid_size, depth.ask_size, depth.imbalance))


def test_imbalance_is_unknown_when_nothing_is_within_reach():
    assert math.isnan(depth_of([(90.0, 1.0)], [(110.0, 1.0)]).imbalance)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.floats(0.1, 100.0)), min_size=1, max_size=5, unique_by=lambda x: x[0]),
    st.lists(st.tuples(st.integers(1, 30), st.floats(0.1, 100.0)), min_size=1, max_size=5, unique_by=lambda x: x[0]),
)
def test_the_mirrored_book_has_the_mirrored_depth(below, above):
    # The outer levels fix the mid: the same distance on both sides of 1024.
    inner = [(1, 1.0)]
    below, above = sorted({**dict(below), **dict(inner)}.items()), sorted({**dict(above), **dict(inner)}.items())
    depth = depth_of([(1024.0 - d / 8, s) for d, s in below], [(1024.0 + d / 8, s) for d, s in above], 20.0)
    flipped = depth_of([(1024.0 - d / 8, s) for d, s in above], [(1024.0 + d / 8, s) for d, s in below], 20.0)
    assert flipped.bid_size == depth.ask_size
    assert flipped.ask_size == depth.bid_size
    assert flipped.imbalance == -depth.imbalance


def test_age_and_distance_weigh_the_depth() -> None:
    imbalance = DepthImbalance(scale=2.0, age_scale_s=1.0)
    near = (Level(99.0, 10.0),), (Level(101.0, 10.0), Level(105.0, 40.0))
    imbalance.update(Book(0, *near))
    assert math.isnan(imbalance.value)  # everything is new

    imbalance.update(Book(10**9, *near))
    far = 40.0 * math.exp(-2.5)
    near_weight = 10.0 * math.exp(-0.5)
    assert imbalance.value == pytest.approx(-far / (2 * near_weight + far))


def test_size_that_just_came_hardly_counts() -> None:
    """A large order that is shown for a moment moves a plain imbalance to 0.9, and this one by a fiftieth of that."""
    imbalance = DepthImbalance(scale=2.0, age_scale_s=1.0)
    for ts_s in range(60):
        imbalance.update(Book(ts_s * 10**9, (Level(99.0, 10.0),), (Level(101.0, 10.0),)))
    before = imbalance.value
    imbalance.update(Book(59 * 10**9 + 10**6, (Level(99.0, 190.0),), (Level(101.0, 10.0),)))

    assert before == 0.0
    assert imbalance.value < 0.02 < 0.9


def test_without_age_it_is_the_plain_depth_imbalance() -> None:
    imbalance = DepthImbalance(scale=1e9, age_scale_s=0.0)
    imbalance.update(Book(0, (Level(99.0, 30.0),), (Level(101.0, 10.0),)))
    assert imbalance.value == pytest.approx(0.5)
    imbalance.update(Book(1, (Level(99.0, 30.0),), ()))
    assert math.isnan(imbalance.value)
