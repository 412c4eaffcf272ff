"""Trend, variogram and variance ratio on processes whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.features.trend import EmaSlope, Variogram, slope_t

S = 1_000_000_000


def test_slope_of_a_random_walk_is_standard() -> None:
    """Time constants 10 and 60 s: the distance has the deviation 4.226 sigma."""
    rng = np.random.default_rng(11)
    found = []
    for _ in range(400):
        slope = EmaSlope(10.0, 60.0)
        for i, price in enumerate(np.cumsum(rng.normal(0, 1, 600)).tolist()):
            slope.update(i * S, price)
        found.append(slope.z(1.0))

    assert np.std(found) == pytest.approx(1.0, abs=0.12)
    assert abs(np.mean(found)) < 0.2
    assert EmaSlope(10.0, 60.0)._scale == pytest.approx(4.226, abs=5e-4)


def test_a_rising_price_has_a_positive_slope() -> None:
    slope = EmaSlope()
    for i in range(300):
        slope.update(i * S, 0.1 * i)
    slope.update(301 * S, math.nan)

    assert slope.z(0.1) > 3
    assert math.isnan(slope.z(0.0))


def _fractional(hurst: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Fractional Brownian motion, exactly, by circulant embedding (Davies, Harte 1987)."""
    lags = np.arange(count)
    covariance = 0.5 * (abs(lags + 1) ** (2 * hurst) - 2 * abs(lags) ** (2 * hurst) + abs(lags - 1) ** (2 * hurst))
    row = np.concatenate([covariance, covariance[-2:0:-1]])
    eigenvalues = np.fft.fft(row).real
    noise = rng.normal(size=len(row)) + 1j * rng.normal(size=len(row))
    return np.cumsum(np.fft.fft(np.sqrt(np.maximum(eigenvalues, 0) / len(row)) * noise).real[:count])


@pytest.mark.parametrize(("hurst", "known"), [(0.3, 0.300), (0.5, 0.500), (0.7, 0.689)])
def test_hurst_of_fractional_motion(hurst: float, known: float) -> None:
    rng = np.random.default_rng(round(100 * hurst))
    found = []
    for _ in range(40):
        variogram = Variogram(window=2048 - 32)
        for price in _fractional(hurst, 2048, rng).tolist():
            variogram.update(price)
        found.append(variogram.hurst)

    assert np.mean(found) == pytest.approx(known, abs=0.015)
    assert np.std(found) < 0.05


def test_windows_roll_as_a_batch_would() -> None:
    prices = np.cumsum(np.random.default_rng(6).normal(size=300))
    variogram = Variogram(window=100, lags=(1, 4, 16))
    for price in prices.tolist():
        variogram.update(price)

    variances = [np.mean((prices[lag:] - prices[:-lag])[-100:] ** 2) for lag in (1, 4, 16)]
    slope = np.polyfit(np.log([1, 4, 16]), np.log(variances), 1)[0]
    assert variogram.hurst == pytest.approx(0.5 * slope, rel=1e-9)
    assert variogram.variance_ratio(4)[0] == pytest.approx(variances[1] / (4 * variances[0]), rel=1e-9)
    changes = np.diff(prices)[-100:]
    assert variogram.efficiency == pytest.approx(abs(changes.sum()) / np.abs(changes).sum(), rel=1e-9)


def test_variance_ratio_of_a_random_walk_is_one() -> None:
    """Lo and MacKinlay (1988): z is standard normal."""
    rng = np.random.default_rng(7)
    zs = []
    for _ in range(200):
        variogram = Variogram(window=1000, lags=(1, 8))
        for price in np.cumsum(rng.normal(size=1008)).tolist():
            variogram.update(price)
        zs.append(variogram.variance_ratio(8)[1])

    assert np.mean(zs) == pytest.approx(0.0, abs=0.25)
    assert np.std(zs) == pytest.approx(1.0, abs=0.15)


def test_a_still_price_has_neither() -> None:
    variogram = Variogram(window=10, lags=(1, 2))
    for _ in range(20):
        variogram.update(5.0)

    assert variogram.ready
    assert math.isnan(variogram.hurst)
    assert math.isnan(variogram.efficiency)
    assert all(math.isnan(value) for value in variogram.variance_ratio(2))


def test_slope_t_agrees_with_least_squares() -> None:
    rng = np.random.default_rng(8)
    prices = 0.1 * np.arange(30) + rng.normal(size=30)
    x = np.arange(30) - 14.5
    slope = (x @ prices) / (x @ x)
    rest = prices - prices.mean() - slope * x
    expected = slope / math.sqrt(rest @ rest / 28 / (x @ x))

    assert slope_t(prices.tolist()) == pytest.approx(expected, rel=1e-9)
    assert math.isnan(slope_t([1.0, 2.0]))
    assert math.isnan(slope_t([1.0, 2.0, 3.0]))
