"""What became of residuals after the windows they were formed on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.statarb.model import SeenProcess


def test_it_finds_the_half_life_of_what_comes_back() -> None:
    rng, keep = np.random.default_rng(1), 0.5 ** (1.0 / 20.0)
    seen, distance = SeenProcess(2.0), 0.0
    for _ in range(100_000):
        distance = keep * distance + rng.normal()
        seen.update(distance)
    assert seen.half_life_s == pytest.approx(40.0, rel=0.06)


def test_another_formation_is_not_a_step_of_the_one_before() -> None:
    seen = SeenProcess(1.0)
    for distance in (8.0, 4.0, 2.0):
        seen.update(distance)
    seen.begin()
    for distance in (-800.0, -400.0):
        seen.update(distance)
    assert seen.half_life_s == pytest.approx(1.0)


def test_before_it_has_seen_two_it_does_not_know() -> None:
    seen = SeenProcess(1.0)
    assert math.isnan(seen.half_life_s)
    seen.update(3.0)
    assert math.isnan(seen.half_life_s)


@pytest.mark.parametrize(("distances", "half_life"), [((1.0, 2.0, 4.0), math.inf), ((1.0, -1.0, 1.0), 0.0)])
def test_what_runs_away_never_comes_back_and_what_jumps_across_does_at_once(distances, half_life) -> None:
    seen = SeenProcess(1.0)
    for distance in distances:
        seen.update(distance)
    assert seen.half_life_s == half_life
