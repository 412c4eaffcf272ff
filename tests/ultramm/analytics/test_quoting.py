import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.analytics.quoting import Uptime

S = 1_000_000_000


def test_shares_are_unknown_before_any_time_passed():
    uptime = Uptime()
    assert (uptime.bid, uptime.ask, uptime.both) == (None, None, None)
    uptime.update(S, bid=True, ask=True)
    assert (uptime.bid, uptime.ask, uptime.both) == (None, None, None)


def test_each_state_counts_for_as_long_as_it_stood():
    uptime = Uptime()
    uptime.update(10 * S, bid=True, ask=False)
    uptime.update(14 * S, bid=True, ask=True)
    uptime.update(17 * S, bid=False, ask=True)
    uptime.update(19 * S, bid=False, ask=False)
    uptime.update(20 * S, bid=True, ask=True)
    assert uptime.bid == pytest.approx(0.7)
    assert uptime.ask == pytest.approx(0.5)
    assert uptime.both == pytest.approx(0.3)


def test_a_late_answer_counts_no_time_twice():
    uptime = Uptime()
    uptime.update(0, bid=True, ask=False)
    uptime.update(10 * S, bid=False, ask=False)
    uptime.update(5 * S, bid=False, ask=False)
    uptime.update(20 * S, bid=False, ask=False)
    assert uptime.bid == pytest.approx(0.5)


updates = st.lists(st.tuples(st.integers(0, 10), st.booleans(), st.booleans()), min_size=2, max_size=30)


@given(updates)
def test_shares_equal_those_of_counting_each_second(sequence):
    uptime, now_s, seconds = Uptime(), 0, []
    state = None
    for gap_s, bid, ask in sequence:
        if state is not None:
            seconds += [state] * gap_s
        now_s += gap_s
        uptime.update(now_s * S, bid=bid, ask=ask)
        state = (bid, ask)
    if not seconds:
        assert uptime.both is None
        return
    assert uptime.bid == pytest.approx(sum(bid for bid, _ in seconds) / len(seconds))
    assert uptime.ask == pytest.approx(sum(ask for _, ask in seconds) / len(seconds))
    assert uptime.both == pytest.approx(sum(bid and ask for bid, ask in seconds) / len(seconds))
    assert uptime.both <= min(uptime.bid, uptime.ask)


def test_while_the_market_is_closed_no_time_counts():
    uptime = Uptime()
    uptime.update(0, bid=True, ask=True)
    uptime.pause(10 * S)
    uptime.pause(11 * S)
    uptime.update(12 * S, bid=False, ask=False)  # the cancels are confirmed when it is closed already
    uptime.until(500 * S)
    assert uptime.both == 1.0
    uptime.resume(1_000 * S)
    uptime.resume(1_005 * S)
    uptime.update(1_010 * S, bid=True, ask=True)
    uptime.until(1_020 * S)
    assert uptime.both == pytest.approx(20 / 30)
