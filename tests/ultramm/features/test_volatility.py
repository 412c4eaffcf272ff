import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.volatility import EwVolatility

S = 1_000_000_000
LAMBDA = 0.94
TAU_S = -1.0 / math.log(LAMBDA)  # the time constant whose decay over one second is RiskMetrics' 0.94

# (nanoseconds since the update before, mid)
updates = st.lists(st.tuples(st.integers(1, 4 * S), st.floats(90.0, 110.0)), min_size=2, max_size=30)


def run(observed, **parameters) -> EwVolatility:
    volatility = EwVolatility(**{"tau_s": TAU_S, "warm_samples": 1, **parameters})
    for ts_ns, mid in observed:
        volatility.update(ts_ns, mid)
    return volatility


def timed(pairs):
    now_ns = 0
    for gap_ns, mid in pairs:
        now_ns += gap_ns
        yield now_ns, mid


def mids_of(changes, start=1.0):
    mid = start
    yield mid
    for change in changes:
        mid += change
        yield mid


def test_riskmetrics_recursion_has_its_known_value():
    """RiskMetrics Technical Document (1996): lambda 0.94, returns 1, -2, 1.5, 0.5 %, seeded with the first."""
    mids = list(mids_of([0.01, -0.02, 0.015, 0.005]))
    observed = [(0, mids[0])] + [(round((i - 0.5) * S), mid) for i, mid in enumerate(mids[1:], 1)]
    volatility = run([*observed, (round(4.5 * S), mids[-1])])
    assert volatility.variance == pytest.approx(1.184548e-4, abs=1e-12)
    assert volatility.value == pytest.approx(math.sqrt(1.184548e-4), abs=1e-9)


def test_a_mid_that_comes_exactly_at_a_sampling_moment_is_the_one_that_stands_then():
    """From its time on the mid is the mid: with one a second, each change is seen in the second it happened."""
    mids = list(mids_of([0.01, -0.02, 0.015, 0.005]))
    observed = [(i * S, mid) for i, mid in enumerate(mids)]
    volatility = run([*observed, (round(4.5 * S), mids[-1])])
    assert volatility.variance == pytest.approx(1.184548e-4, abs=1e-12)


def test_value_is_unknown_until_warm():
    volatility = EwVolatility(warm_samples=3)
    assert math.isnan(volatility.value)
    for second in range(3):
        volatility.update(round((second + 0.01) * S), 100.0 + second)
        assert math.isnan(volatility.value)
    volatility.update(round(3.02 * S), 100.0)
    assert volatility.samples == 3
    assert volatility.value > 0


@given(updates)
def test_online_equals_batch(pairs):
    """Sample the step function each second, then run the recursion over the samples."""
    observed = [(ts_ns | 1, mid) for ts_ns, mid in timed(pairs)]  # odd times: start + whole seconds is odd too
    start_ns = observed[0][0]
    observed = [observed[0]] + [(ts_ns + ((ts_ns - start_ns) % S == 0), mid) for ts_ns, mid in observed[1:]]
    sampled, moment_ns = [], start_ns
    while moment_ns <= observed[-1][0]:
        sampled.append([mid for ts_ns, mid in observed if ts_ns <= moment_ns][-1])
        moment_ns += S
    variance = math.nan
    for before, after in zip(sampled, sampled[1:], strict=False):
        squared = (after - before) ** 2
        variance = squared if math.isnan(variance) else LAMBDA * variance + (1 - LAMBDA) * squared
    volatility = run(observed)
    assert volatility.samples == len(sampled) - 1
    if math.isnan(variance):
        assert math.isnan(volatility.value)
    else:
        assert volatility.variance == pytest.approx(variance, rel=1e-9, abs=1e-12)


def test_a_silence_counts_as_seconds_without_change():
    silent = run([(0, 100.0), (S // 2, 101.0), (10 * S + 1, 101.0)])
    assert silent.samples == 10
    assert silent.variance == pytest.approx(1.0 * LAMBDA**9)


def test_the_bounce_between_two_samples_is_not_seen():
    bouncing = [(i * S // 50, 100.0 + i % 2) for i in range(500) if i % 50]
    assert run([(0, 100.0), *bouncing]).variance < 1.0


def test_the_sampling_interval_is_divided_out():
    # The same change each 100 ms and each second: ten times the variance per second.
    fast = run([(0, 0.0)] + [(round((i - 0.5) * S / 10), float(i)) for i in range(1, 50)], interval_s=0.1)
    slow = run([(0, 0.0)] + [(round((i - 0.5) * S), float(i)) for i in range(1, 50)], interval_s=1.0)
    assert slow.variance == pytest.approx(1.0)
    assert fast.variance == pytest.approx(10.0)


@given(updates, st.sampled_from([0.25, 4.0]))
def test_volatility_scales_with_the_price(pairs, scale):
    plain = run(timed(pairs))
    scaled = run((ts_ns, scale * mid) for ts_ns, mid in timed(pairs))
    assert scaled.value == pytest.approx(scale * plain.value, rel=1e-9, nan_ok=True)


@given(updates)
def test_volatility_is_the_same_upside_down(pairs):
    plain = run(timed(pairs))
    mirrored = run((ts_ns, -mid) for ts_ns, mid in timed(pairs))
    assert mirrored.value == pytest.approx(plain.value, nan_ok=True)


@given(updates)
def test_one_sided_books_are_ignored(pairs):
    observed = list(timed(pairs))
    with_gaps = [point for ts_ns, mid in observed for point in ((ts_ns, mid), (ts_ns, math.nan))]
    assert run(with_gaps).value == pytest.approx(run(observed).value, nan_ok=True)


def test_time_going_backwards_is_harmless():
    volatility = run([(5 * S, 100.0), (0, 101.0), (round(6.5 * S), 101.0)])
    assert volatility.samples == 1
    assert volatility.variance == pytest.approx(1.0)


def test_a_market_that_does_not_move_has_no_volatility():
    assert run([(i * S // 3, 100.0) for i in range(100)]).value == 0.0
