"""The tables of Avellaneda and Stoikov (2008, journal edition), exactly and by simulation, from our quotes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from ultramm.quoting.avellaneda_stoikov import mean_spread, reservation_price, spread, without_horizon

# Their section 3.3.
FAIR, HORIZON_S, SIGMA, STEP_S, KAPPA, ARRIVAL = 100.0, 1.0, 2.0, 0.005, 1.5, 140.0
STEPS = round(HORIZON_S / STEP_S)

Depths = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]


def _inventory(gamma: float) -> Depths:
    """Depths of bid and ask of the paper's inventory strategy, from the quotes that we would send."""

    def depths(inventory: np.ndarray, left_s: float) -> tuple[np.ndarray, np.ndarray]:
        half = 0.5 * spread(gamma, SIGMA, KAPPA, left_s)
        shift = np.array([reservation_price(FAIR, float(q), gamma, SIGMA, left_s) - FAIR for q in inventory])
        return half - shift, half + shift

    return depths


def _symmetric(gamma: float) -> Depths:
    half = 0.5 * mean_spread(gamma, SIGMA, KAPPA, HORIZON_S)
    return lambda inventory, left_s: (np.full(len(inventory), half), np.full(len(inventory), half))


def _probability(depth: np.ndarray) -> np.ndarray:
    # "With probability lambda dt", literally: bids and asks apart, and no more than one.
    return np.minimum(ARRIVAL * np.exp(-KAPPA * depth) * STEP_S, 1.0)


def _exact(depths: Depths, most: int = 60) -> tuple[float, float, float, float]:
    """Mean and deviation of the P&L, deviation of the inventory at the end, fills: by dynamic programming.

    The P&L is the edge of each fill at the mid before it, and then inventory times the moves: with mean zero and
    variance sigma^2 dt each, independent of everything else.
    """
    inventory = np.arange(-most, most + 1)
    mass = np.zeros(2 * most + 1)
    mass[most] = 1.0
    first, second = np.zeros_like(mass), np.zeros_like(mass)
    fills = 0.0
    for step in range(STEPS):
        bid, ask = depths(inventory, HORIZON_S - step * STEP_S)
        p_bid, p_ask = _probability(bid), _probability(ask)
        fills += float(mass @ (p_bid + p_ask))
        moved = [np.zeros_like(mass) for _ in range(3)]
        for up in (0, 1):
            for down in (0, 1):
                weight = (p_bid if up else 1 - p_bid) * (p_ask if down else 1 - p_ask)
                earned = up * bid + down * ask
                change = up - down
                parts = (
                    weight * mass,
                    weight * (first + earned * mass),
                    weight * (second + 2 * earned * first + earned**2 * mass),
                )
                for total, part in zip(moved, parts, strict=True):
                    total += np.roll(part, change)
        mass, first, second = moved
        second += mass * inventory**2 * SIGMA**2 * STEP_S
    mean = float(first.sum())
    deviation = math.sqrt(float(second.sum()) - mean**2)
    return mean, deviation, math.sqrt(float(mass @ inventory**2)), fills


TABLES = [
    pytest.param(_inventory(0.1), (64.8925, 6.5432, 2.9268, 96.96), id="inventory, gamma 0.1"),
    pytest.param(_symmetric(0.1), (68.2282, 13.4573, 8.4017, 91.53), id="symmetric, gamma 0.1"),
    pytest.param(_inventory(0.01), (68.3996, 8.9606, 5.2125, 102.21), id="inventory, gamma 0.01"),
    pytest.param(_symmetric(0.01), (68.6662, 13.6776, 8.7119, 101.81), id="symmetric, gamma 0.01"),
]


@pytest.mark.parametrize(("depths", "known"), TABLES)
def test_tables_by_dynamic_programming(depths: Depths, known: tuple[float, ...]) -> None:
    mean, deviation, inventory, fills = _exact(depths)

    assert (mean, deviation, inventory) == pytest.approx(known[:3], abs=1e-3)
    assert fills == pytest.approx(known[3], abs=0.01)


@pytest.mark.parametrize(("depths", "known"), TABLES)
def test_tables_by_simulation(depths: Depths, known: tuple[float, ...]) -> None:
    """20,000 paths of the market, quoted by our quotes: within four errors of the exact mean, deviations within 3 %."""
    paths = 20_000
    rng = np.random.default_rng(20081)
    mid = np.full(paths, FAIR)
    cash, inventory = np.zeros(paths), np.zeros(paths)
    for step in range(STEPS):
        held, of_path = np.unique(inventory, return_inverse=True)
        bid, ask = (of_held[of_path] for of_held in depths(held, HORIZON_S - step * STEP_S))
        bought = rng.random(paths) < _probability(bid)
        sold = rng.random(paths) < _probability(ask)
        cash += sold * (mid + ask) - bought * (mid - bid)
        inventory += bought
        inventory -= sold
        mid += SIGMA * math.sqrt(STEP_S) * rng.choice([-1.0, 1.0], paths)
    profit = cash + inventory * mid

    assert profit.mean() == pytest.approx(known[0], abs=4.0 * known[1] / math.sqrt(paths))
    assert profit.std() == pytest.approx(known[1], rel=0.03)
    assert inventory.std() == pytest.approx(known[2], rel=0.03)


@pytest.mark.parametrize(("gamma", "known"), [(0.1, 1.4908), (0.01, 1.3489)])
def test_mean_spread(gamma: float, known: float) -> None:
    """The paper's tables 1 and 2 print 1.49 and 1.35."""
    assert mean_spread(gamma, SIGMA, KAPPA, HORIZON_S) == pytest.approx(known, abs=1e-4)
    over_time = np.mean([spread(gamma, SIGMA, KAPPA, left) for left in np.linspace(0.0, HORIZON_S, 1001)])
    assert over_time == pytest.approx(mean_spread(gamma, SIGMA, KAPPA, HORIZON_S), rel=1e-12)


def test_without_a_horizon() -> None:
    """Their equations 15 and 16; volatility cancels."""
    assert without_horizon(100.0, 0, 0.1, 2.0, 10) == pytest.approx((99.917012, 100.082305), abs=1e-6)
    assert without_horizon(100.0, 3, 0.1, 2.0, 10) == pytest.approx((99.354615, 99.543300), abs=1e-6)
    assert without_horizon(100.0, 3, 0.1, 9.0, 10) == pytest.approx(without_horizon(100.0, 3, 0.1, 2.0, 10))
