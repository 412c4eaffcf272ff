"""The forecast: equal to a batch regression, without wind-up, and silent when it does not work."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.calibration.forecast import DecayingRidge, MidForecast

S = 1_000_000_000


def test_decaying_sums_are_a_weighted_ridge() -> None:
    """Recursive least squares from the prior 1 / penalty equals batch ridge with weights keep^(n - i)."""
    rng = np.random.default_rng(1)
    x, y, keep = rng.normal(size=(200, 4)), rng.normal(size=200), 0.98
    ridge = DecayingRidge(4, penalty=3.0)
    for row, outcome in zip(x, y, strict=True):
        ridge.update(row, outcome, keep)
    ridge.solve()

    weights = keep ** np.arange(199, -1, -1)
    batch = np.linalg.solve((x * weights[:, None]).T @ x + 3.0 * np.eye(4), (x * weights[:, None]).T @ y)
    assert ridge.coefficients == pytest.approx(batch, abs=1e-12)


def test_a_direction_that_is_not_excited_does_not_wind_up() -> None:
    """Plain recursive least squares has 6.7e21 in its covariance after as many steps."""
    ridge = DecayingRidge(2, penalty=1.0)
    for _ in range(5000):
        ridge.update(np.array([1.0, 0.0]), 1.0, 0.99)
    ridge.solve()
    ridge.update(np.array([0.0, 1e-3]), 1.0, 0.99)
    ridge.solve()

    assert abs(ridge.coefficients[1]) < 2e-3


def _run(signal: float, seconds: int = 2400, seed: int = 2) -> tuple[MidForecast, float]:
    """Features each 100 ms; the first one's value drives the mid over the next second."""
    rng = np.random.default_rng(seed)
    forecast = MidForecast(("pressure", "noise"), least=300)
    mid, level, predicted, actual = 100.0, 0.0, [], []
    pending: list[tuple[int, float, float]] = []
    for step in range(seconds * 10):
        ts_ns = step * S // 10
        mid += signal * level * 0.1 + float(rng.normal(0, 0.03))
        forecast.on_mid(ts_ns, mid)
        level = 0.95 * level + float(rng.normal(0, 0.3))
        parts = forecast.parts(ts_ns, mid, [level, float(rng.normal())])
        pending.append((step, mid, math.fsum(parts)))
        if step % 10 == 0:
            forecast.refit()
        if step > seconds * 5 and len(pending) > 10:
            _, before, value = pending[-11]
            predicted.append(value)
            actual.append(mid - before)
    return forecast, float(np.corrcoef(predicted, actual)[0, 1]) if np.std(predicted) > 0 else 0.0


def test_a_signal_is_learned_and_trusted() -> None:
    forecast, correlation = _run(signal=0.2)

    assert correlation > 0.5
    assert forecast.trust > 0.8
    assert forecast._coefficients[0] > 10 * abs(forecast._coefficients[1])


def test_noise_is_not_believed() -> None:
    trusts = [_run(signal=0.0, seconds=900, seed=seed)[0].trust for seed in range(6)]

    assert sum(trust > 0.2 for trust in trusts) <= 1


def test_a_signal_that_stops_shrinks_away() -> None:
    rng = np.random.default_rng(4)
    forecast = MidForecast(("pressure",), tau_s=120.0, least=100)
    mid, history = 100.0, []
    for step in range(24_000):
        level = float(rng.normal())
        ts_ns = step * S // 10
        forecast.on_mid(ts_ns, mid)
        forecast.parts(ts_ns, mid, [level])
        gain = 0.05 if step < 12_000 else -0.05
        mid += gain * level + float(rng.normal(0, 0.02))
        if step % 10 == 0:
            forecast.refit()
            history.append(forecast.trust)

    assert max(history[600:1200]) > 0.5
    assert min(history[1200:1500]) < 0.15


def test_nothing_is_forecast_before_enough_outcomes() -> None:
    forecast = MidForecast(("pressure",), least=300)
    for step in range(200):
        forecast.on_mid(step * S // 10, 100.0 + step)
        assert forecast.parts(step * S // 10, 100.0 + step, [1.0]) == [0.0]
        forecast.refit()
    assert forecast.trust == 0.0


def test_missing_features_count_as_zero_and_wild_ones_are_clipped() -> None:
    forecast = MidForecast(("a", "b"), least=1)
    for step in range(400):
        forecast.on_mid(step * S // 10, 100.0 + 0.01 * step)
        forecast.parts(step * S // 10, 100.0 + 0.01 * step, [1.0, math.nan])
    forecast.refit()
    ts_ns = 400 * S // 10
    usual, wild = (forecast.parts(ts_ns, math.nan, [value, math.inf])[0] for value in (1.0, 1e9))

    assert usual > 0
    assert wild == pytest.approx(5 * usual)
