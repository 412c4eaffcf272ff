import math
import random

import numpy as np
import pytest

from ultramm.simulation.facts import autocorrelation
from ultramm.simulation.flow import HawkesClock, MetaorderSigns

BASE, EXCITATION, DECAY = 0.5, 1.2, 2.0


def arrivals(duration_s: float, seed: int = 1) -> list[float]:
    clock = HawkesClock(BASE, EXCITATION, DECAY, random.Random(seed))
    times = []
    while clock.next_s < duration_s:
        times.append(clock.next_s)
        clock.excite(clock.next_s)
    return times


def test_hawkes_rate_is_base_over_one_minus_branching():
    # Known answer 1.25 per s; its standard error over 20 000 s is sqrt(1.25 * 6.25 / 20 000) = 0.02.
    assert len(arrivals(20_000.0)) / 20_000.0 == pytest.approx(1.25, abs=0.06)


def test_hawkes_counts_are_overdispersed_as_branching_says():
    # The Fano factor tends to 1 / (1 - 0.6)^2 = 6.25 in long windows.
    counts, _ = np.histogram(arrivals(50_000.0), bins=500, range=(0.0, 50_000.0))
    assert counts.var() / counts.mean() == pytest.approx(6.25, rel=0.25)


def test_hawkes_residuals_are_exponential():
    # Time rescaling: the integral of the intensity between arrivals is exponential with mean 1.
    excess, previous_s, residuals = 0.0, 0.0, []
    for time_s in arrivals(8_000.0):
        faded = excess * math.exp(-DECAY * (time_s - previous_s))
        residuals.append(BASE * (time_s - previous_s) + (excess - faded) / DECAY)
        excess, previous_s = faded + EXCITATION, time_s
    sample = np.sort(residuals)
    distance = np.abs(np.arange(1, len(sample) + 1) / len(sample) - (1.0 - np.exp(-sample))).max()
    assert distance < 1.63 / math.sqrt(len(sample))  # Kolmogorov-Smirnov at 1 %


def test_hawkes_intensity_jumps_and_fades():
    clock = HawkesClock(BASE, EXCITATION, DECAY, random.Random(1))
    assert clock.intensity(3.0) == BASE
    clock.excite(3.0)
    assert clock.intensity(3.0) == pytest.approx(BASE + EXCITATION)
    assert clock.intensity(3.5) == pytest.approx(BASE + EXCITATION * math.exp(-1.0))
    assert clock.next_s > 3.0


@pytest.mark.parametrize(("base", "excitation", "decay"), [(0.0, 1.0, 2.0), (1.0, 2.0, 2.0), (1.0, -0.1, 2.0)])
def test_hawkes_refuses_what_is_not_stationary(base, excitation, decay):
    with pytest.raises(ValueError, match="Hawkes"):
        HawkesClock(base, excitation, decay, random.Random(1))


def test_a_single_metaorder_gives_runs_of_its_length():
    signs = MetaorderSigns(pool=1, tail=1e9, minimum=4.0, rng=random.Random(1))
    drawn = [signs.next_sign() for _ in range(400)]
    runs = [set(drawn[start : start + 4]) for start in range(0, 400, 4)]
    assert all(len(run) == 1 for run in runs)
    assert {sign for run in runs for sign in run} == {1, -1}


def test_signs_remember_long_and_less_so_in_a_large_pool():
    def acf(pool: int, lag: int) -> float:
        signs = MetaorderSigns(pool, 1.5, 2.0, random.Random(3))
        return autocorrelation(np.array([float(signs.next_sign()) for _ in range(20_000)]), lag)

    assert acf(2, 1) > acf(2, 5) > acf(2, 20) > 0.03
    assert acf(2, 1) > 2.0 * acf(40, 1)
