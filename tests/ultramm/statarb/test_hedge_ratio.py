import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.statarb.hedge_ratio import KalmanRatio, Noise, fit_noise, level_gain, rebased


def test_the_steady_state_of_a_level() -> None:
    """Golden ratio for equal noises; Durbin and Koopman's estimates for the Nile."""
    assert level_gain(1.0, 1.0)[1] == pytest.approx(0.618033989, abs=1e-9)
    assert level_gain(1469.1, 15099.0)[1] == pytest.approx(0.267048013, abs=1e-9)
    assert level_gain(0.01, 1.0)[1] == pytest.approx(0.095124922, abs=1e-9)


def test_the_filter_comes_to_that_steady_state() -> None:
    """With x = 0 only the level is seen."""
    ratio = KalmanRatio(Noise(0.0, 1469.1, 15099.0), alpha_variance=1e7)
    for y in range(200):
        before = ratio.alpha
        innovation = ratio.update(0.0, float(y % 7))
    assert (ratio.alpha - before) / innovation.value == pytest.approx(0.267048013, abs=1e-9)


def test_three_steps_by_hand() -> None:
    ratio = KalmanRatio(Noise(0.01, 0.0, 0.1), beta=1.0, alpha=0.0, beta_variance=1.0, alpha_variance=100.0)
    betas, values, variances = [], [], []
    for x, y in ((1.0, 2.0), (2.0, 3.0), (3.0, 5.0)):
        innovation = ratio.update(x, y)
        betas.append(ratio.beta)
        values.append(innovation.value)
        variances.append(innovation.variance)
    assert betas == pytest.approx([1.00998912, 1.00259001, 1.45946355], abs=1e-8)
    assert values == pytest.approx([1.0, -0.0090001, 0.99668523], abs=1e-7)
    assert variances == pytest.approx([101.11, 1.24180991, 0.61697632], abs=1e-8)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-2, 2)), min_size=1, max_size=40),
    st.floats(1e-8, 1e-2),
    st.floats(0.0, 1e-2),
    st.floats(1e-6, 1.0),
)
def test_it_is_the_filter_of_matrices(observed, of_beta, of_alpha, residual) -> None:
    ratio = KalmanRatio(Noise(of_beta, of_alpha, residual), 1.0, 0.0, 1.0, 1.0)
    state, covariance = np.array([1.0, 0.0]), np.eye(2)
    for x, y in observed:
        covariance = covariance + np.diag([of_beta, of_alpha])
        seen = np.array([x, 1.0])
        variance = seen @ covariance @ seen + residual
        gain = covariance @ seen / variance
        value = y - seen @ state
        state = state + gain * value
        left = np.eye(2) - np.outer(gain, seen)
        # Joseph's form.
        covariance = left @ covariance @ left.T + residual * np.outer(gain, gain)
        innovation = ratio.update(x, y)
        assert innovation.value == pytest.approx(value, abs=1e-9)
        assert innovation.variance == pytest.approx(variance, rel=1e-9)
        assert innovation.z == pytest.approx(value / math.sqrt(variance), abs=1e-6)
    assert (ratio.beta, ratio.alpha) == pytest.approx(tuple(state), abs=1e-8)
    assert ratio.beta_error == pytest.approx(math.sqrt(covariance[0, 0]), abs=1e-8)


def swinging_pair(seed: int, count: int = 3_000):
    """A ratio that swings by half, and what is left with a half-life of 20 steps."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.normal(0.0, 0.5, count)) + 100.0
    beta = 1.0 + 0.5 * np.sin(np.linspace(0.0, 4.0 * np.pi, count))
    keep, residual = math.exp(-math.log(2.0) / 20.0), np.zeros(count)
    for step in range(1, count):
        residual[step] = keep * residual[step - 1] + rng.normal(0.0, 1.0)
    return x, beta, beta * x + residual


def test_it_follows_a_ratio_that_no_regression_over_a_window_does() -> None:
    """Root mean squared error of the ratio over ten simulations."""
    ours, rolling = [], []
    for seed in range(10):
        x, beta, y = swinging_pair(seed)
        ratio = KalmanRatio(Noise(1e-6, 0.0, 1.0), y[0] / x[0], 0.0, 0.01, 0.01)
        followed = []
        for each_x, each_y in zip(x.tolist(), y.tolist(), strict=True):
            ratio.update(each_x, each_y)
            followed.append(ratio.beta)
        regressed = [float(np.polyfit(x[end - 250 : end], y[end - 250 : end], 1)[0]) for end in range(500, 3_000, 50)]
        ours.append(np.sqrt(np.mean((np.array(followed)[500:] - beta[500:]) ** 2)))
        rolling.append(np.sqrt(np.mean((np.array(regressed) - beta[499:2_999:50]) ** 2)))
    assert np.median(ours) < 0.1
    assert np.median(rolling) > 5 * np.median(ours)


def test_noise_is_found_again() -> None:
    rng = np.random.default_rng(3)
    count = 4_000
    x = rebased(np.exp(np.cumsum(rng.normal(0.0, 0.01, count))))
    beta = 1.2 + np.cumsum(rng.normal(0.0, 2e-3, count))
    y = beta * x + rng.normal(0.0, 1e-3, count)
    noise = fit_noise(x, y)
    assert noise.residual == pytest.approx(1e-6, rel=0.2)
    assert noise.beta == pytest.approx(4e-6, rel=0.5)
    # Under it the innovations are what the filter says they are, and say nothing of the next.
    ratio = KalmanRatio(noise, beta=1.2)
    z = np.array([ratio.update(float(a), float(b)).z for a, b in zip(x, y, strict=True)])[400:]
    assert np.mean(z**2) == pytest.approx(1.0, abs=0.1)
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 0.06


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (np.zeros(50), np.arange(50.0), "never moves"),
        (np.arange(20.0), np.arange(20.0), "at least 30"),
        (np.arange(40.0), np.arange(50.0), "as many of each"),
    ],
)
def test_noise_of_nothing_is_refused(x, y, why) -> None:
    with pytest.raises(ValueError, match=why):
        fit_noise(x, y)


def test_rebased_logs_begin_at_nothing() -> None:
    assert rebased([100.0, 110.0]).tolist() == pytest.approx([0.0, math.log(1.1)])
