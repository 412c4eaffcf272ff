import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.risk.budget import MessageBudget

S = 1_000_000_000


def taken(budget: MessageBudget, now_ns: int, tries: int) -> int:
    return sum(budget.take(now_ns) for _ in range(tries))


def test_a_full_bucket_gives_its_burst_at_once():
    assert taken(MessageBudget(per_second=1.0, burst=5.0), 0, 10) == 5


def test_the_bucket_refills_with_time():
    budget = MessageBudget(per_second=4.0, burst=2.0)
    assert taken(budget, 0, 5) == 2
    assert taken(budget, S // 4, 5) == 1
    assert taken(budget, S // 4 + S // 8, 5) == 0
    assert taken(budget, S // 2, 5) == 1


def test_the_bucket_holds_no_more_than_its_burst():
    budget = MessageBudget(per_second=100.0, burst=3.0)
    assert taken(budget, 0, 5) == 3
    assert taken(budget, 3600 * S, 10) == 3


@pytest.mark.parametrize("per_second", [3.0, 7.0, 10.0, 30.0])
def test_tokens_lost_to_binary_fractions_are_given(per_second):
    budget = MessageBudget(per_second, burst=1.0)
    step_ns = round(S / per_second) + 1
    assert all(budget.take(i * step_ns) for i in range(1_000))


def test_cancels_that_must_go_run_up_a_debt_that_new_orders_wait_for():
    budget = MessageBudget(per_second=2.0, burst=2.0)
    budget.spend(0, 5)  # 3 in debt
    assert not budget.take(S)  # 1 in debt
    assert not budget.take(round(1.9 * S))
    assert budget.take(2 * S)


def test_time_going_backwards_gives_and_takes_nothing():
    budget = MessageBudget(per_second=1.0, burst=1.0)
    assert budget.take(10 * S)
    assert not budget.take(0)
    assert not budget.take(10 * S)
    assert not budget.take(round(10.5 * S))
    assert budget.take(11 * S)


moments = st.lists(st.tuples(st.integers(-2 * S, 2 * S), st.integers(0, 4), st.integers(0, 3)), max_size=40)


@given(moments, st.floats(0.1, 50.0), st.integers(1, 10))
def test_over_any_stretch_new_orders_keep_to_the_rate_and_one_burst(sequence, per_second, burst):
    """Cancels count as well, but are never refused: what exceeds the rate is theirs."""
    budget, now_ns, latest_ns = MessageBudget(per_second, burst), 10 * S, 10 * S
    sent: list[int] = []
    for gap_ns, tries, cancels in sequence:
        now_ns = max(0, now_ns + gap_ns)
        latest_ns = max(latest_ns, now_ns)
        sent += [latest_ns] * taken(budget, now_ns, tries)
        budget.spend(now_ns, cancels)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            allowed = burst + per_second * (sent[last] - sent[first]) / S
            assert last - first + 1 <= allowed + 1e-6


@given(st.lists(st.integers(0, S), min_size=1, max_size=30), st.floats(0.5, 20.0), st.integers(1, 5))
def test_the_bucket_never_refuses_what_the_rate_allows(gaps_ns, per_second, burst):
    """Fluid model: the level of the bucket, kept in exact time."""
    budget, now_ns, level, last_ns = MessageBudget(per_second, burst), 0, float(burst), 0
    for gap_ns in gaps_ns:
        now_ns += gap_ns
        level = min(float(burst), level + per_second * (now_ns - last_ns) / S)
        last_ns = now_ns
        given_out = budget.take(now_ns)
        if abs(level - 1.0) > 1e-6:
            assert given_out is (level > 1.0)
        if given_out:
            level -= 1.0


def test_several_messages_are_taken_together_or_not_at_all():
    budget = MessageBudget(per_second=1.0, burst=3.0)
    assert not budget.take(0, 4)
    assert budget.take(0, 3)
    assert not budget.take(0)
    assert budget.take(2 * S, 2)


# -- messages to each trade ------------------------------------------------------------------------------------


def test_messages_to_each_trade_are_held_to_a_limit_once_the_free_ones_are_gone():
    budget = MessageBudget(per_second=1e6, burst=1e6, per_trade=10.0)
    assert taken(budget, 0, 5_000) == 1_000
    assert budget.spent == "1001 messages to 0 trades in an hour, the limit is 10 to each"
    for _ in range(120):
        budget.traded(0)
    assert taken(budget, 0, 5_000) == 200


def test_several_go_beyond_it_together_or_not_at_all():
    budget = MessageBudget(per_second=1e6, burst=1e6, per_trade=10.0, free=20)
    assert budget.take(0, 18)
    assert not budget.take(0, 3)
    assert budget.take(0, 2)


def test_cancels_count_and_an_hour_forgets():
    budget = MessageBudget(per_second=1e6, burst=1e6, per_trade=10.0)
    budget.spend(0, 2_000)
    assert not budget.take(0)
    assert not budget.take(1_800 * S)
    assert budget.take(3_600 * S)


@given(st.lists(st.sampled_from(["take", "spend", "trade"]), max_size=400), st.floats(1.0, 50.0))
def test_approved_is_within_the_limit(steps, per_trade):
    budget, messages, trades = MessageBudget(1e9, 1e9, per_trade), 990, 0
    budget.spend(0, messages)
    for step in steps:
        if step == "trade":
            budget.traded(0)
            trades += 1
        elif step == "spend":
            budget.spend(0, 1)
            messages += 1
        elif budget.take(0):
            messages += 1
            assert messages <= max(1_000, per_trade * trades)
