import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.statarb.bands import bands_at, best_bands, best_z, cycle_time, cycle_variance, sharpest_z
from ultramm.statarb.ornstein_uhlenbeck import OrnsteinUhlenbeck

# Bertram (2010), sec. 5.
PUBLISHED = OrnsteinUhlenbeck(speed=180.9670, mean=0.0, eta=0.1538)
# Cost, best distance, gain in deviations a unit of time, cycle: all in the process's own units.
TABLE = [
    (0.01, 0.2476, 0.3869, 1.254),
    (0.05, 0.4268, 0.3642, 2.207),
    (0.1, 0.5417, 0.3445, 2.855),
    (0.25, 0.7479, 0.3016, 4.130),
    (0.5, 0.9643, 0.2506, 5.701),
    (1.0, 1.2644, 0.1794, 8.524),
    (1.5, 1.5019, 0.1292, 11.644),
    (2.0, 1.7137, 0.0919, 15.537),
]


def test_the_published_bands() -> None:
    bands = best_bands(PUBLISHED, 0.001)
    assert (bands.low, bands.high) == pytest.approx((-0.004715177, 0.004715177), abs=1e-9)
    assert bands.cycle_s == pytest.approx(0.01712239, abs=1e-8)
    assert bands.gain_per_s == pytest.approx(0.492358, abs=1e-6)
    variance = cycle_variance(bands.high / PUBLISHED.deviation) / PUBLISHED.speed**2
    assert variance == pytest.approx(1.5441689e-4, rel=1e-6)
    gain = 2 * bands.high - 0.001
    assert gain**2 * variance / bands.cycle_s**3 == pytest.approx(2.18622e-3, rel=1e-5)


def test_the_published_bands_of_the_best_sharpe_ratio() -> None:
    z, ratio = sharpest_z(PUBLISHED, 0.001, 0.01)
    assert z * PUBLISHED.deviation == pytest.approx(0.01126744, abs=1e-8)
    assert ratio == pytest.approx(3.8619, abs=1e-4)


@pytest.mark.parametrize(("cost", "z", "gain", "cycle"), TABLE)
def test_the_table(cost, z, gain, cycle) -> None:
    unit = OrnsteinUhlenbeck(speed=1.0, mean=0.0, eta=math.sqrt(2.0))
    bands = best_bands(unit, cost)
    assert bands.high == pytest.approx(z, abs=1e-4)
    assert bands.gain_per_s == pytest.approx(gain, abs=1e-4)
    assert bands.cycle_s == pytest.approx(cycle, abs=1e-3)


def test_two_deviations_are_best_only_at_a_cost_of_nearly_three() -> None:
    assert best_z(2.72) == pytest.approx(2.0, abs=2e-3)
    assert best_z(0.55) == pytest.approx(1.0, abs=2e-3)


@given(st.floats(0.001, 5.0))
def test_no_other_distance_brings_more(cost) -> None:
    unit = OrnsteinUhlenbeck(speed=1.0, mean=0.0, eta=math.sqrt(2.0))
    best = best_bands(unit, cost)
    for times in (0.8, 0.95, 1.05, 1.3):
        assert bands_at(unit, times * best.high, cost).gain_per_s <= best.gain_per_s + 1e-12


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(-10, 10), st.floats(0.01, 3.0))
def test_units_carry_over(speed, eta, mean, cost) -> None:
    process = OrnsteinUhlenbeck(speed=speed, mean=mean, eta=eta)
    bands, z = best_bands(process, cost * process.deviation), best_z(cost)
    assert bands.high - mean == pytest.approx(z * process.deviation, rel=1e-9, abs=1e-9)
    assert bands.cycle_s == pytest.approx(cycle_time(z) / speed)
    assert bands.gain_per_s == pytest.approx((2 * z - cost) * process.deviation / bands.cycle_s)


def test_without_costs_the_bands_close() -> None:
    assert best_z(0.0) == 0.0


def test_simulated_cycles_take_as_long_as_foreseen() -> None:
    """Steps of a hundredth of the speed overlook some crossings: up to a twelfth longer."""
    rng, step = np.random.default_rng(1), 0.002
    keep = math.exp(-step)
    noise = rng.normal(0.0, math.sqrt(1.0 - keep**2), 3_000_000)
    x, z, seeks, began, cycles = 0.0, best_z(0.25), 1, None, []
    for number, each in enumerate(noise.tolist()):
        x = keep * x + each
        if seeks * x >= z:
            if seeks > 0:
                if began is not None:
                    cycles.append((number - began) * step)
                began = number
            seeks = -seeks
    assert len(cycles) > 1_000
    error = float(np.std(cycles)) / math.sqrt(len(cycles))
    assert np.mean(cycles) == pytest.approx(cycle_time(z), abs=0.04 * cycle_time(z) + 3 * error)
    assert np.var(cycles) == pytest.approx(cycle_variance(z), rel=0.2)


def test_what_does_not_come_back_has_none() -> None:
    with pytest.raises(ValueError, match="does not come back"):
        best_bands(OrnsteinUhlenbeck(speed=0.0, mean=0.0, eta=1.0), 0.1)
