import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.tsa.adfvalues import mackinnonp
from statsmodels.tsa.stattools import adfuller

from ultramm.statarb.ornstein_uhlenbeck import OrnsteinUhlenbeck, RollingProcess, fit, jackknifed
from ultramm.statarb.unit_root import unit_root_p

KNOWN = [0, 0.5, 0.3, -0.1, -0.4, -0.2, 0.1, 0.4, 0.2, 0]


def simulated(speed: float, deviation: float, step_s: float, count: int, seed: int, mean: float = 0.0):
    rng, keep = np.random.default_rng(seed), math.exp(-speed * step_s)
    steps = rng.normal(0.0, deviation * math.sqrt(1.0 - keep**2), count)
    x = np.empty(count)
    x[0] = rng.normal(0.0, deviation)
    for i in range(1, count):
        x[i] = keep * x[i - 1] + steps[i]
    return x + mean


def test_the_known_answer() -> None:
    found = fit(KNOWN, 1.0)
    assert (found.speed, found.mean, found.eta) == pytest.approx((0.9407817519, 0.0888888889, 0.3795008698), abs=1e-10)
    assert found.half_life_s == pytest.approx(math.log(2.0) / 0.9407817519)
    assert found.span_s == 9.0


def test_the_interval_of_the_half_life_holds_it_in_95_of_100_cases() -> None:
    """Of a span of 100 half-lives; the speed's bias costs a little."""
    held = 0
    for seed in range(300):
        found = fit(simulated(0.05, 1.0, 1.0, 1_400, seed), 1.0)
        low, high = found.half_life_interval_s
        held += low <= math.log(2.0) / 0.05 <= high
    assert held / 300 == pytest.approx(0.94, abs=0.035)


def test_a_short_span_overstates_the_speed_by_four_over_it_and_the_jackknife_less() -> None:
    """Phillips and Yu: true speed 5 a year, five years of days."""
    rows = [simulated(5.0, 1.0, 1 / 252, 5 * 252 + 1, seed) for seed in range(300)]
    plain = float(np.mean([fit(x, 1 / 252).speed for x in rows]))
    less = float(np.mean([jackknifed(x, 1 / 252).speed for x in rows]))
    assert plain - 5.0 == pytest.approx(4.0 / 5.0, abs=0.35)
    assert abs(less - 5.0) < 0.5 * (plain - 5.0)


def test_what_does_not_come_back_says_so() -> None:
    walk = fit(1.05 ** np.arange(100.0), 1.0)
    assert not walk.reverts
    assert math.isinf(walk.half_life_s)
    assert math.isinf(walk.deviation)
    assert walk.half_life_interval_s == (math.inf, math.inf)


@pytest.mark.parametrize(("x", "why"), [([1.0] * 5, "at least 10"), ([1.0] * 20, "never move")])
def test_too_little_is_refused(x, why) -> None:
    with pytest.raises(ValueError, match=why):
        fit(x, 1.0)


def test_the_distance_is_in_deviations_of_the_long_run() -> None:
    process = OrnsteinUhlenbeck(speed=2.0, mean=1.0, eta=4.0)
    assert process.deviation == 2.0
    assert process.z_score(5.0) == 2.0


@given(st.lists(st.floats(-100, 100), min_size=12, max_size=60), st.integers(11, 40), st.floats(-1e4, 1e4))
def test_online_equals_the_fit_of_the_window(values, count, level) -> None:
    assume(np.std(values[-count:]) > 1e-3)
    rolling = RollingProcess(count, 0.5)
    for value in values:
        rolling.update(value + level)
    window = np.array(values[-count:]) + level
    if len(window) < 11 or np.std(window[:-1]) < 1e-2:
        return
    found, expected = rolling.value, fit(window, 0.5)
    assert found is not None
    assert rolling.full == (len(values) >= count)
    if math.isfinite(expected.speed) and expected.speed > 0.01:
        assert found.speed == pytest.approx(expected.speed, rel=1e-5)
        assert found.mean == pytest.approx(expected.mean, rel=1e-5, abs=1e-4)
        assert found.eta == pytest.approx(expected.eta, rel=1e-5, abs=1e-9)
        assert found.speed_error == pytest.approx(expected.speed_error, rel=1e-5)


def test_before_ten_nothing_is_known() -> None:
    rolling = RollingProcess(100, 1.0)
    for value in KNOWN[:9]:
        rolling.update(value)
    assert rolling.value is None
    assert math.isnan(rolling.unit_root_t)
    rolling.update(KNOWN[9])
    assert rolling.value is not None
    assert rolling.value.speed == pytest.approx(fit(KNOWN, 1.0).speed)


@pytest.mark.parametrize("speed", [0.0, 0.01, 0.05])
def test_the_unit_root_is_tested_as_statsmodels_does(speed) -> None:
    for seed in range(5):
        x = np.cumsum(np.random.default_rng(seed).normal(size=400)) if speed == 0 else simulated(speed, 1, 1, 400, seed)
        rolling = RollingProcess(400, 1.0)
        for value in x:
            rolling.update(float(value))
        found = adfuller(x, maxlag=0, regression="c", autolag=None, result_object=True)
        assert rolling.unit_root_t == pytest.approx(found.statistic, rel=1e-6)
        assert unit_root_p(rolling.unit_root_t) == pytest.approx(found.pvalue, abs=1e-3)


@pytest.mark.parametrize("series", range(2, 7))
def test_where_ratios_were_estimated_chance_finds_more(series) -> None:
    for t in (-30.0, -5.0, -3.5, -2.7, -2.0, -1.0, 0.5):
        assert unit_root_p(t, series) == pytest.approx(mackinnonp(t, regression="c", N=series), abs=1e-9)
        assert unit_root_p(t, series) > unit_root_p(t, series - 1) or t < -20.0


def test_beyond_the_table_it_is_sure() -> None:
    assert (unit_root_p(-50.0), unit_root_p(5.0)) == (0.0, 1.0)
    assert math.isnan(unit_root_p(math.nan))
