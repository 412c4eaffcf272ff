import random

import msgspec
import numpy as np
import pytest

from ultramm.simulation.latent import STEP_S, LatentPrice
from ultramm.simulation.presets import Preset

QUIET = Preset(jump_sd_ticks=0.0, turbulence=1.0)


def path(preset: Preset, steps: int, seed: int = 1, push_ticks: float = 0.0) -> np.ndarray:
    price = LatentPrice(preset, random.Random(seed), 0.0)
    ticks = []
    for _ in range(steps):
        price.step()
        price.ticks += push_ticks
        ticks.append(price.ticks)
    return np.array(ticks)


def test_volatility_is_per_square_root_of_a_second():
    second = round(1.0 / STEP_S)
    per_second = np.diff(path(QUIET, 4_000 * second)[::second])
    assert per_second.std() == pytest.approx(QUIET.sigma_ticks, rel=0.05)


def test_turbulence_raises_the_variance_by_its_share_of_time():
    preset = msgspec.structs.replace(QUIET, turbulence=2.5, calm_mean_s=3.0, turbulent_mean_s=0.6)
    steps = np.diff(path(preset, 200_000))
    assert steps.var() / STEP_S == pytest.approx((5.0 + 2.5**2) / 6.0, rel=0.05)


def test_jumps_add_their_variance():
    preset = msgspec.structs.replace(QUIET, jump_rate_per_s=1.0, jump_sd_ticks=6.0)
    steps = np.diff(path(preset, 200_000))
    assert steps.var() / STEP_S == pytest.approx(1.0 + 36.0, rel=0.1)


def test_impact_shifts_the_path_and_changes_no_shock():
    assert path(Preset(), 5_000, push_ticks=0.01) - path(Preset(), 5_000) == pytest.approx(0.01 * np.arange(1, 5_001))


def test_the_past_is_remembered_by_age():
    price = LatentPrice(QUIET, random.Random(1), 0.0)
    ticks = []
    for _ in range(200):
        price.step()
        ticks.append(price.ticks)
    assert price.seen(0.0) == ticks[-1]
    assert price.seen(5.5 * STEP_S) == ticks[-6]
    assert price.seen(1e9) == ticks[-64]
