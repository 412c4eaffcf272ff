import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.analytics.markout import HORIZONS_S, Markout, Markouts
from ultramm.market import Fill, Side

MS = 1_000_000
S = 1_000 * MS


def fill(ts_ns: int, side: Side = Side.BUY, price: float = 100.0, size: float = 1.0) -> Fill:
    return Fill(ts_ns, "o", side, price, size, 0.0, True)


def one(markouts: Markouts) -> Markout:
    (result,) = markouts.results()
    return result


def test_a_buy_gains_by_a_rise_and_a_sale_by_a_fall():
    for side, mid in ((Side.BUY, 101.0), (Side.SELL, 99.0)):
        markouts = Markouts([1.0])
        markouts.on_fill(fill(0, side))
        markouts.on_mid(S // 2, mid)
        markouts.on_mid(2 * S, 100.0)
        assert one(markouts).mean_bps == pytest.approx(100.0)


def test_it_is_measured_from_the_price_of_the_fill_not_from_the_mid():
    markouts = Markouts([1.0])
    markouts.on_mid(0, 100.0)
    markouts.on_fill(fill(0, price=80.0))
    markouts.on_mid(2 * S, 100.0)
    assert one(markouts).mean_bps == pytest.approx(1e4 * 20 / 80)


@pytest.mark.parametrize(
    ("ts_ns", "belongs"), [(S - 1, True), (S, True), (S + 1, False)], ids=["before", "exactly then", "after"]
)
def test_the_mid_at_the_horizon_is_the_last_at_or_before_it(ts_ns, belongs):
    markouts = Markouts([1.0])
    markouts.on_mid(0, 100.0)
    markouts.on_fill(fill(0))
    markouts.on_mid(ts_ns, 101.0)
    markouts.on_mid(5 * S, 150.0)
    assert one(markouts).mean_bps == pytest.approx(100.0 if belongs else 0.0)


def test_of_several_mids_at_the_horizon_the_last_counts():
    markouts = Markouts([1.0])
    markouts.on_fill(fill(0))
    for mid in (105.0, 103.0, 102.0):
        markouts.on_mid(S, mid)
    markouts.on_mid(2 * S, 150.0)
    assert one(markouts).mean_bps == pytest.approx(200.0)


def test_a_fill_whose_horizon_has_not_come_counts_nowhere():
    markouts = Markouts([1.0, 5.0])
    markouts.on_fill(fill(0))
    markouts.on_mid(S // 2, 101.0)
    assert [result.fills for result in markouts.results()] == [0, 0]
    markouts.on_mid(2 * S, 102.0)
    assert [result.fills for result in markouts.results()] == [1, 0]
    assert markouts.results()[1].mean_bps is None


def test_a_horizon_that_ends_now_may_still_see_a_mid_of_now():
    markouts = Markouts([1.0])
    markouts.on_fill(fill(0))
    markouts.on_mid(S, 101.0)
    assert one(markouts).fills == 0


def test_a_one_sided_moment_leaves_the_last_mid_standing():
    markouts = Markouts([1.0])
    markouts.on_mid(0, 101.0)
    markouts.on_fill(fill(0))
    markouts.on_mid(S // 2, math.nan)
    markouts.on_mid(2 * S, 150.0)
    assert one(markouts).mean_bps == pytest.approx(100.0)


def test_a_fill_in_a_market_without_any_mid_counts_nowhere():
    markouts = Markouts([1.0])
    markouts.on_fill(fill(0))
    markouts.on_mid(2 * S, 101.0)
    assert one(markouts).fills == 0
    assert one(markouts).mean_bps is None


def test_a_fill_that_is_reported_after_its_horizon_is_not_measured_with_a_later_mid():
    """The report of a fill can take longer than the shortest horizon; what stood then is no longer known."""
    markouts = Markouts([0.1])
    markouts.on_mid(0, 100.0)
    markouts.on_mid(5 * S, 200.0)
    markouts.on_fill(fill(0))
    markouts.on_mid(6 * S, 300.0)
    assert one(markouts).mean_bps in (None, pytest.approx(0.0))


def test_fills_weigh_by_their_size():
    markouts = Markouts([1.0])
    markouts.on_fill(fill(0, price=100.0, size=3.0))
    markouts.on_fill(fill(0, price=50.0, size=1.0))
    markouts.on_mid(S, 101.0)
    markouts.on_mid(2 * S, 0.5)
    assert one(markouts).mean_bps == pytest.approx((3 * 100.0 + 1 * 10_200.0) / 4)


def test_the_error_of_equal_fills_is_the_standard_error_of_the_mean():
    prices = [99.0, 100.0, 100.5, 101.0, 103.0]
    markouts = Markouts([1.0])
    for price in prices:
        markouts.on_fill(fill(0, price=price, size=2.0))
    markouts.on_mid(S, 100.0)
    markouts.on_mid(2 * S, 1.0)
    each = [1e4 * (100.0 - price) / price for price in prices]
    assert one(markouts).mean_bps == pytest.approx(statistics.fmean(each))
    assert one(markouts).standard_error_bps == pytest.approx(statistics.stdev(each) / math.sqrt(len(each)))


def test_one_fill_has_no_standard_error():
    markouts = Markouts([1.0])
    markouts.on_fill(fill(0))
    markouts.on_mid(S, 101.0)
    markouts.on_mid(2 * S, 101.0)
    assert one(markouts).standard_error_bps is None


def test_every_horizon_is_reported_in_order_from_the_beginning():
    results = Markouts().results()
    assert [result.horizon_s for result in results] == list(HORIZONS_S)
    assert all((r.fills, r.mean_bps, r.standard_error_bps) == (0, None, None) for r in results)


# -- against the whole history -------------------------------------------------------------------------------

gaps = st.integers(0, 3 * S)
events = st.lists(
    st.one_of(
        st.tuples(gaps, st.floats(50.0, 150.0)),
        st.tuples(gaps, st.just(math.nan)),
        st.tuples(
            gaps, st.builds(fill, st.just(0), st.sampled_from(list(Side)), st.floats(90, 110), st.floats(0.1, 9))
        ),
    ),
    max_size=30,
)


def replayed(sequence):
    """Events with their times, and the results of the online form."""
    markouts, now_ns, history = Markouts(), 0, []
    for gap_ns, event in sequence:
        now_ns += gap_ns
        if isinstance(event, Fill):
            event = fill(now_ns, event.side, event.price, event.size)
            markouts.on_fill(event)
        else:
            markouts.on_mid(now_ns, event)
        history.append((now_ns, event))
    return history, markouts.results()


@given(events)
def test_online_equals_batch_with_the_whole_history_at_hand(sequence):
    history, results = replayed(sequence)
    seen_ns = max((ts_ns for ts_ns, event in history if not isinstance(event, Fill)), default=0)
    for horizon_s, result in zip(HORIZONS_S, results, strict=True):
        matured = []
        for ts_ns, event in history:
            due_ns = ts_ns + round(horizon_s * S)
            if not isinstance(event, Fill) or due_ns >= seen_ns:
                continue
            mids = [mid for at_ns, mid in history if not isinstance(mid, Fill) and at_ns <= due_ns and mid == mid]
            if mids:
                matured.append((1e4 * event.side * (mids[-1] - event.price) / event.price, event.size))
        assert result.fills == len(matured)
        if matured:
            weight = sum(size for _, size in matured)
            mean = sum(size * markout for markout, size in matured) / weight
            assert result.mean_bps == pytest.approx(mean, rel=1e-9, abs=1e-6)


@given(events)
def test_the_mirrored_market_has_the_mirrored_signs(sequence):
    _, plain = replayed(sequence)
    mirrored = [
        (gap, fill(0, event.side.opposite, event.price, event.size) if isinstance(event, Fill) else event)
        for gap, event in sequence
    ]
    _, turned = replayed(mirrored)
    for one_way, other_way in zip(plain, turned, strict=True):
        assert other_way.fills == one_way.fills
        if one_way.mean_bps is not None:
            assert other_way.mean_bps == pytest.approx(-one_way.mean_bps, abs=1e-9)


def test_an_observer_is_told_of_each_markout_that_counts():
    seen = []
    markouts = Markouts([1.0, 5.0], lambda *told: seen.append(told))
    markouts.on_mid(0, 100.0)
    early, late = fill(0), fill(3 * S, Side.SELL)
    markouts.on_fill(early)
    markouts.on_mid(S // 2, 101.0)
    markouts.on_mid(2 * S, 102.0)
    markouts.on_fill(late)
    markouts.on_mid(6 * S, 103.0)
    assert seen == [
        (1.0, early, pytest.approx(100.0)),
        (1.0, late, pytest.approx(-200.0)),
        (5.0, early, pytest.approx(200.0)),
    ]
    assert [result.fills for result in markouts.results()] == [2, 1]
