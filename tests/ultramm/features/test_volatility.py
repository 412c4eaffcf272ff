import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.volatility import (
    EwVolatility,
    JumpVariation,
    QuotingVolatility,
    TwoScaleVariation,
    preaveraged_variation,
)

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


def test_it_begins_with_the_mean_of_the_first_samples_so_that_none_of_them_weighs_most():
    """Else the very first would weigh 0.9 of what is known after a minute, with a memory of ten."""
    changes = [5.0, *[1.0] * 59]
    observed = [(round((i + 0.01) * S), mid) for i, mid in enumerate(mids_of(changes))]
    volatility = EwVolatility(tau_s=600.0, warm_samples=60)
    for ts_ns, mid in [*observed, (61 * S, 0.0)]:
        volatility.update(ts_ns, mid)
    assert volatility.samples == 60
    assert volatility.variance == pytest.approx((25.0 + 59.0) / 60)


def test_no_more_of_the_first_samples_are_averaged_than_it_remembers():
    changes = [10.0] * 3 + [1.0] * 57
    short = EwVolatility(tau_s=3.0, warm_samples=60)
    for i, mid in enumerate(mids_of([*changes, 0.0])):
        short.update(round((i + 0.01) * S), mid)
    assert short.variance == pytest.approx(1.0, rel=1e-6)


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


# -- three horizons --------------------------------------------------------------------------------------------


def test_three_horizons_are_three_estimators_on_one_clock():
    rng = np.random.default_rng(1)
    together = QuotingVolatility((3.0, 30.0, 300.0), warm_samples=5)
    apart = [EwVolatility(tau_s, warm_samples=5) for tau_s in (3.0, 30.0, 300.0)]
    now_ns, mid = 0, 100.0
    for _ in range(500):
        now_ns += int(rng.integers(1, 2 * S))
        mid += float(rng.normal(0, 0.1))
        together.update(now_ns, mid)
        for volatility in apart:
            volatility.update(now_ns, mid)

    found = together.fast, together.medium, together.slow
    assert [v.value for v in found] == [v.value for v in apart]
    fast, medium, slow = (v.value for v in apart)
    assert together.value() == max(fast, medium / 2, slow / 2)
    assert together.value(season=5.0) == max(fast, medium / 2, slow * 2.5)


def test_a_lull_is_not_believed():
    volatility = QuotingVolatility(warm_samples=1)
    for second in range(300):
        volatility.update(second * S, 100.0 + second % 2)
    busy = volatility.value()
    volatility.update(420 * S, 100.0)

    assert volatility.fast.value < 0.2 * busy
    assert volatility.value() > 0.4 * busy


def test_horizons_are_unknown_until_warm():
    volatility = QuotingVolatility()
    volatility.update(0, 100.0)
    assert math.isnan(volatility.value())


# -- jumps -----------------------------------------------------------------------------------------------------


def of_changes(changes, window=None) -> JumpVariation:
    jumps = JumpVariation(window or len(changes))
    for change in changes:
        jumps.update(change)
    return jumps


def test_known_bipower_variation():
    """Barndorff-Nielsen and Shephard (2004): returns 1, -2, 5, 1 %; with n / (n - 1)."""
    jumps = of_changes([0.01, -0.02, 0.05, 0.01])

    assert jumps.realised == pytest.approx(3.1e-3, abs=1e-15)
    assert jumps.bipower == pytest.approx(3.560471674e-3, abs=1e-12)
    assert jumps.bipower * 3 / 4 == pytest.approx(2.6703538e-3, abs=1e-10)
    assert jumps.jump_share == 0.0


def test_a_jump_is_a_share_of_the_variance_and_seldom_a_false_one():
    """Size at 3.09 with 300 returns: 0.0022; power for a jump of half a day's deviation: 0.51."""
    rng = np.random.default_rng(2)
    quiet = [of_changes(rng.normal(0, 300**-0.5, 300).tolist()).jump_z for _ in range(1500)]
    jumpy, shares = [], []
    for _ in range(600):
        changes = rng.normal(0, 300**-0.5, 300)
        changes[rng.integers(300)] += 0.5
        jumps = of_changes(changes.tolist())
        jumpy.append(jumps.jump_z)
        shares.append(jumps.jump_share)

    assert np.mean(np.asarray(quiet) > 3.09) < 0.006
    assert np.std(quiet) == pytest.approx(1.0, abs=0.08)
    assert np.mean(np.asarray(jumpy) > 3.09) == pytest.approx(0.51, abs=0.08)
    # The jump is in two products, with a mean neighbour each: that much of it stays in the bipower variation.
    in_products = math.pi / 2 * 2 * 0.5 * math.sqrt(2 / math.pi / 300)
    assert np.mean(shares) == pytest.approx((0.25 - in_products) / 1.25, abs=0.02)


def test_jump_window_rolls_as_a_batch_would():
    changes = np.random.default_rng(3).normal(size=200).tolist()
    rolled, batch = of_changes(changes, window=50), of_changes(changes[-50:])

    assert rolled.realised == pytest.approx(batch.realised, rel=1e-12)
    assert rolled.bipower == pytest.approx(batch.bipower, rel=1e-12)
    assert rolled.jump_z == pytest.approx(batch.jump_z, rel=1e-9)


# -- through noise ---------------------------------------------------------------------------------------------

NOISY_COUNT, EFFICIENT, NOISE = 23_400, 1e-4, 5e-5


def noisy(rng) -> list[float]:
    steps = rng.normal(0, EFFICIENT, NOISY_COUNT + 1)
    return (np.cumsum(steps) + rng.normal(0, NOISE, NOISY_COUNT + 1)).tolist()


def test_two_scales_see_through_noise():
    """Zhang, Mykland, Ait-Sahalia (2005): ratio to the true variation 0.999 (0.046), plain 1.501 (0.014)."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(25):
        variation = TwoScaleVariation(NOISY_COUNT, 30)
        prices = noisy(rng)
        for price in prices:
            variation.update(price)
        true = NOISY_COUNT * EFFICIENT**2
        found.append((variation.value / true, np.sum(np.diff(prices) ** 2) / true, variation.noise / NOISE**2))

    assert np.mean(found, axis=0) == pytest.approx([0.999, 1.501, 0.997], abs=0.03)
    assert np.std(found, axis=0)[:2] == pytest.approx([0.046, 0.014], rel=0.5)


def test_pre_averages_see_through_noise():
    """Jacod and others (2009), theta 1/2: 0.994 (0.063)."""
    rng = np.random.default_rng(5)
    found = [preaveraged_variation(noisy(rng)) / (NOISY_COUNT * EFFICIENT**2) for _ in range(6)]

    assert np.mean(found) == pytest.approx(0.994, abs=0.08)


def test_two_scales_roll_as_a_batch_would():
    prices = np.cumsum(np.random.default_rng(6).normal(size=400))
    rolled = TwoScaleVariation(200, 10)
    for price in prices.tolist():
        rolled.update(price)

    window = prices[-201:]
    slow = np.sum((window[10:] - window[:-10]) ** 2) / 10
    share = (200 - 10 + 1) / 10 / 200
    fast = np.diff(window)
    assert rolled.value == pytest.approx((slow - share * np.sum(fast**2)) / (1 - share), rel=1e-9)
    assert rolled.noise == pytest.approx(-np.mean(fast[1:] * fast[:-1]), rel=1e-9)


def test_a_price_that_only_bounces_has_no_variation():
    variation = TwoScaleVariation(100, 10)
    for i in range(150):
        variation.update(100.0 + i % 2)
    assert variation.value == pytest.approx(0.0, abs=0.2)
    assert math.isnan(TwoScaleVariation(100, 10).value)


@given(before=updates, after=updates, gap_s=st.integers(0, 10_000), jump=st.floats(-50.0, 50.0))
def test_neither_the_time_nor_the_move_of_an_interruption_counts(before, after, gap_s, jump):
    """What comes after one gives the same, whenever and wherever it goes on."""

    def interrupted(gap_ns, moved):
        volatility = run(timed(before))
        last_ns = sum(step for step, _ in before)
        volatility.interrupted()
        for ts_ns, mid in timed(after):
            volatility.update(last_ns + gap_ns + ts_ns, mid + moved)
        return volatility

    found, near = interrupted(gap_s * S, jump), interrupted(0, 0.0)
    assert (found.samples, found.variance) == (near.samples, pytest.approx(near.variance, abs=1e-9, nan_ok=True))


def test_what_was_learnt_before_an_interruption_stands_after_it():
    volatility = QuotingVolatility(warm_samples=2)
    for second in range(20):
        volatility.update(second * S, 100.0 + second % 2)
    before = volatility.value()
    volatility.interrupted()
    assert volatility.update(500 * S, 150.0) == 0
    assert volatility.value() == before
    assert volatility.update(502 * S, 151.0) == 1
    assert volatility.fast.change == 0.0
