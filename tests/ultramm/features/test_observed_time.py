from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.observed_time import ObservedTime

steps = st.lists(st.integers(0, 10**12), min_size=1, max_size=20)


@given(before=steps, gap=st.integers(0, 10**15), after=steps)
def test_a_gap_takes_no_time(before: list[int], gap: int, after: list[int]) -> None:
    time, straight = ObservedTime(), ObservedTime()
    now_ns = expected = 0
    for step in before:
        now_ns += step
        expected = straight.seen(now_ns)
        assert time.seen(now_ns) == expected
    time.interrupted()
    assert time.at(now_ns + gap) == expected
    for step in [0, *after]:
        now_ns += step
        assert time.seen(now_ns + gap) == straight.seen(now_ns)
        assert time.at(now_ns + gap + 7) == straight.at(now_ns + 7)


def test_before_anything_was_seen_there_is_nothing_to_leave_out() -> None:
    time = ObservedTime()
    time.interrupted()
    assert time.seen(500) == 500
    time.interrupted()
    time.interrupted()
    assert (time.at(900), time.seen(900)) == (500, 500)
