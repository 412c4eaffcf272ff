import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.average import EwAverage, SampleAverage, TimeAverage

S = 1_000_000_000

finite = st.floats(-1e6, 1e6)
gaps_ns = st.integers(0, 100 * S)
# Samples as (nanoseconds since the one before, value).
samples = st.lists(st.tuples(gaps_ns, finite), min_size=1, max_size=20)


def timed(pairs, start_ns=0):
    now_ns = start_ns
    for gap_ns, x in pairs:
        now_ns += gap_ns
        yield now_ns, x


def ew(pairs, tau_s=10.0) -> EwAverage:
    average = EwAverage(tau_s)
    for ts_ns, x in pairs:
        average.update(ts_ns, x)
    return average


def over_time(pairs, tau_s=math.inf) -> TimeAverage:
    average = TimeAverage(tau_s)
    for ts_ns, x in pairs:
        average.update(ts_ns, x)
    return average


# -- exponentially weighted ----------------------------------------------------------------------------------


def test_ew_average_is_unknown_before_the_first_sample_and_takes_it_whole():
    average = EwAverage(10.0)
    assert math.isnan(average.value)
    average.update(5 * S, 3.0)
    assert average.value == 3.0


def test_ew_average_of_irregular_samples_has_its_known_value():
    # 1 -> 1 + (1 - e^-0.3) (2 - 1) -> x e^-0.7
    average = ew([(0, 1.0), (3 * S, 2.0), (10 * S, 0.0)])
    assert average.value == pytest.approx(0.625291166411, abs=1e-12)


@given(samples)
def test_ew_average_equals_its_batch_form(pairs):
    """Sample i counts (1 - e^(-dt_i/tau)) e^(-(t_n - t_i)/tau), the first e^(-(t_n - t_0)/tau)."""
    tau_s = 10.0
    observed = list(timed(pairs))
    last_ns = observed[-1][0]
    expected, before_ns = 0.0, None
    for ts_ns, x in observed:
        alpha = 1.0 if before_ns is None else 1.0 - math.exp(-(ts_ns - before_ns) / S / tau_s)
        expected += alpha * math.exp(-(last_ns - ts_ns) / S / tau_s) * x
        before_ns = ts_ns
    assert ew(observed, tau_s).value == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(samples)
def test_ew_average_stays_between_the_extremes(pairs):
    values = [x for _, x in pairs]
    slack = 1e-9 * max(abs(x) for x in values) + 1e-12
    assert min(values) - slack <= ew(timed(pairs)).value <= max(values) + slack


@given(samples)
def test_ew_average_does_not_depend_on_when_the_clock_began(pairs):
    assert ew(timed(pairs)).value == ew(timed(pairs, start_ns=1_700_000_000 * S)).value


@given(samples, st.sampled_from([-4.0, -1.0, 0.5, 2.0]))
def test_ew_average_scales_with_its_unit(pairs, scale):
    scaled = [(ts_ns, scale * x) for ts_ns, x in timed(pairs)]
    assert ew(scaled).value == pytest.approx(scale * ew(timed(pairs)).value, rel=1e-12)


def test_ew_average_forgets_what_is_long_past():
    assert ew([(0, 1e6), (1000 * S, 5.0)], tau_s=1.0).value == 5.0


def test_ew_average_takes_a_time_before_the_last_as_the_last():
    average = ew([(10 * S, 1.0), (5 * S, 100.0)])
    assert average.value == 1.0
    average.update(20 * S, 3.0)
    assert average.value == pytest.approx(1.0 + (1.0 - math.exp(-1.0)) * 2.0)


# -- over time -----------------------------------------------------------------------------------------------


def test_time_average_weighs_each_value_by_how_long_it_stood():
    assert over_time([(0, 1.0), (9 * S, 11.0), (10 * S, 0.0)]).value == pytest.approx(2.0)


def test_time_average_is_unknown_before_any_time_passed():
    assert math.isnan(TimeAverage().value)
    assert math.isnan(over_time([(S, 4.0)]).value)
    assert math.isnan(over_time([(S, 4.0), (S, 5.0)]).value)


def test_time_average_at_one_moment_the_last_value_holds():
    assert over_time([(0, 4.0), (0, 6.0), (S, 0.0)]).value == 6.0


def test_time_average_counts_time_without_value_nowhere():
    assert over_time([(0, 2.0), (S, math.nan), (100 * S, 4.0), (101 * S, 0.0)]).value == pytest.approx(3.0)


def test_time_average_that_never_had_a_value_is_unknown():
    assert math.isnan(over_time([(0, math.nan), (S, math.nan), (2 * S, 1.0)]).value)


@given(samples, st.sampled_from([math.inf, 5.0, 60.0]))
def test_time_average_equals_its_batch_form(pairs, tau_s):
    """The integral of x e^(-(T - t)/tau) dt over that of the weight alone, piece by piece."""
    observed = list(timed(pairs))
    end_s = observed[-1][0] / S
    total = weight = 0.0
    for (from_ns, x), (to_ns, _) in zip(observed, observed[1:], strict=False):
        old_s, young_s = end_s - from_ns / S, end_s - to_ns / S
        span = old_s - young_s if tau_s == math.inf else tau_s * (math.exp(-young_s / tau_s) - math.exp(-old_s / tau_s))
        total += span * x
        weight += span
    if weight < 1e-6:
        return
    assert over_time(observed, tau_s).value == pytest.approx(total / weight, rel=1e-6, abs=1e-3)


@given(st.lists(st.tuples(st.integers(S // 1000, 100 * S), finite), min_size=2, max_size=20))
def test_time_average_does_not_change_when_an_update_repeats_the_value(pairs):
    observed = list(timed(pairs))
    doubled = [
        point
        for (ts_ns, x), (next_ns, _) in zip(observed, observed[1:], strict=False)
        for point in ((ts_ns, x), ((ts_ns + next_ns) // 2, x))
    ]
    repeated = over_time([*doubled, observed[-1]], tau_s=20.0).value
    assert repeated == pytest.approx(over_time(observed, tau_s=20.0).value, rel=1e-9, abs=1e-6)


def test_time_average_takes_a_time_before_the_last_as_the_last():
    average = over_time([(0, 1.0), (10 * S, 3.0), (5 * S, 5.0), (20 * S, 0.0)])
    assert average.value == pytest.approx((10 * 1.0 + 10 * 5.0) / 20)


@given(
    before=st.lists(st.tuples(st.integers(1, 10**10), st.floats(0.0, 10.0)), min_size=2), gap_s=st.integers(0, 1_000)
)
def test_what_stood_before_an_interruption_does_not_stand_through_it(
    before: list[tuple[int, float]], gap_s: int
) -> None:
    average = TimeAverage(tau_s=30.0)
    now_ns = 0
    for step, x in before:
        now_ns += step
        average.update(now_ns, x)
    known = average.value
    average.interrupted()
    average.update(now_ns + gap_s * S, 99.0)
    assert average.value == pytest.approx(known, rel=1e-6)


def test_samples_are_averaged_over_all_and_then_over_a_memory():
    average, seen = SampleAverage(memory=4.0), [3.0, 1.0, 8.0, 4.0]
    for count, x in enumerate(seen, 1):
        average.update(x)
        assert (average.count, average.value) == (count, pytest.approx(sum(seen[:count]) / count))
    average.update(12.0)
    assert average.value == pytest.approx(4.0 + (12.0 - 4.0) / 4)
