"""Hawkes likelihood against a known answer and the sum it is, and the clock against its own law."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from ultramm.simulation.flow import HawkesClock
from ultramm.simulation.hawkes import HawkesRates, fit, log_likelihood, residuals

RATES = HawkesRates(base=0.5, excitation=1.2, decay=2.0)


def drawn(count: int, seed: int = 7) -> list[float]:
    clock = HawkesClock(RATES.base, RATES.excitation, RATES.decay, random.Random(seed))
    times = []
    for _ in range(count):
        times.append(clock.next_s)
        clock.excite(clock.next_s)
    return times


def test_log_likelihood_known_answer() -> None:
    rates = HawkesRates(base=0.5, excitation=0.8, decay=1.5)
    assert log_likelihood(rates, [1.0, 1.5, 3.0, 3.2], 4.0) == pytest.approx(-4.960542152526, abs=1e-9)


def test_log_likelihood_is_the_sum_of_its_definition() -> None:
    times, end = drawn(40), drawn(41)[-1]

    def intensity(at: float) -> float:
        return RATES.base + sum(RATES.excitation * math.exp(-RATES.decay * (at - t)) for t in times if t < at)

    edges = [0.0, *times, end]
    integral = sum(quad(intensity, a, b)[0] for a, b in zip(edges, edges[1:], strict=False))
    known = sum(math.log(intensity(t)) for t in times) - integral
    assert log_likelihood(RATES, times, end) == pytest.approx(known, abs=1e-6)


def test_moments_of_a_branching_of_six_tenths() -> None:
    assert RATES.branching == pytest.approx(0.6)
    assert RATES.mean == pytest.approx(1.25)
    assert RATES.fano == pytest.approx(6.25)


def test_the_clock_runs_by_its_law() -> None:
    """Time rescaled by the intensity is a Poisson process of rate one: Kolmogorov and Smirnov do not object."""
    times = drawn(5000)
    assert kstest(residuals(RATES, times), "expon").pvalue > 0.01
    assert len(times) / times[-1] == pytest.approx(RATES.mean, rel=0.1)
    # The same test objects to another process.
    assert kstest(residuals(HawkesRates(1.25, 0.0, 2.0), times), "expon").pvalue < 1e-6


def test_fit_finds_the_process_that_drew() -> None:
    times = drawn(3000)
    found = fit(times, times[-1])
    assert found.base == pytest.approx(RATES.base, rel=0.15)
    assert found.branching == pytest.approx(RATES.branching, rel=0.1)
    assert found.decay == pytest.approx(RATES.decay, rel=0.2)
    assert log_likelihood(found, times, times[-1]) >= log_likelihood(RATES, times, times[-1])


def test_too_few_arrivals_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        fit(np.arange(5.0).tolist(), 10.0)
