import math

import numpy as np
import pytest

from ultramm.statarb.breaks import BreakLimits, BreakWatch
from ultramm.statarb.ornstein_uhlenbeck import OrnsteinUhlenbeck

SPEED = math.log(2.0) / 10.0  # half gone after ten steps of a second
FORMED = OrnsteinUhlenbeck(speed=SPEED, mean=0.5, eta=math.sqrt(2.0 * SPEED))


def residuals(seed: int, count: int, half_life: float = 10.0, mean: float = 0.5) -> list[float]:
    rng, keep = np.random.default_rng(seed), 0.5 ** (1.0 / half_life)
    x, found = 0.0, []
    for step in rng.normal(0.0, math.sqrt(1.0 - 0.5**0.2), count):
        x = keep * x + float(step)
        found.append(x + mean)
    return found


def watch(**limits: float) -> BreakWatch:
    return BreakWatch(FORMED, 1.0, 600, 1.0, BreakLimits(**limits))


def test_while_the_relation_holds_it_hardly_ever_says_otherwise() -> None:
    false = 0
    for seed in range(40):
        held = watch()
        false += any(held.update(x, 1.0) for x in residuals(seed, 2_000))
    assert false <= 1


def test_a_jump_is_seen_at_once() -> None:
    held = watch()
    for x in residuals(1, 50):
        assert not held.update(x, 1.0)
    assert "deviations, 10 are allowed" in held.update(20.0, 1.0)


def test_a_mean_that_has_moved_is_seen_within_two_half_lives() -> None:
    took = []
    for seed in range(20):
        held = watch()
        for x in residuals(seed, 200):
            held.update(x, 1.0)
        moved = residuals(seed + 100, 400, mean=4.5)
        took.append(next(number for number, x in enumerate(moved) if held.update(x, 1.0)))
    assert np.median(took) <= 20


def test_a_ratio_that_has_drifted_is_named_with_its_figures() -> None:
    held = watch()
    held.update(0.5, 1.2)
    assert held.reason == ""
    assert held.update(0.5, 1.3) == "the ratio went from 1 to 1.3, 25% is allowed"


@pytest.mark.parametrize("half_life", [40.0, 1e9])
def test_a_return_that_has_slowed_down_or_ended_is_seen(half_life) -> None:
    seen = 0
    for seed in range(20):
        held = watch(cusum=1e9, jump_z=1e9)
        said = [held.update(x, 1.0) for x in residuals(seed, 1_500, half_life)]
        seen += any("half-life" in each or "may not come back" in each for each in said)
    assert seen >= 19


def test_what_is_over_is_over() -> None:
    held = watch()
    held.update(0.5, 1.3)
    held.update(0.5, 1.0)
    assert held.reason == ""
