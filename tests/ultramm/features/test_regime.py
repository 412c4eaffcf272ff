"""Two regimes: filtered as exactly as they can be, and found again by a fit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ultramm.features.regime import RegimeFilter, Regimes
from ultramm.learning.regimes import fit_regimes

TRUTH = Regimes(stay_calm=0.995, stay_restless=0.98, calm=1.0, restless=2.5)


def drawn(seed: int, count: int = 20_000) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """States, 1 where restless, and samples."""
    rng = np.random.default_rng(seed)
    states, chances = np.zeros(count, dtype=np.int64), rng.random(count)
    for place in range(1, count):
        states[place] = chances[place] < TRUTH.stay_restless if states[place - 1] else chances[place] > TRUTH.stay_calm
    return states, rng.normal(size=count) * np.where(states, TRUTH.restless, TRUTH.calm)


def test_the_filter_is_as_good_as_is_known() -> None:
    """Accuracy 0.964, true positives 0.881, false ones 0.018, Brier score 0.0292, median delay of 3 samples."""
    accuracy, true, false, brier, delays = [], [], [], [], []
    for seed in range(5):
        states, samples = drawn(seed)
        found = RegimeFilter(TRUTH)
        told = np.array([found.update(float(sample)) for sample in samples])
        restless = told > 0.5
        accuracy.append(np.mean(restless == states))
        true.append(np.mean(restless[states == 1]))
        false.append(np.mean(restless[states == 0]))
        brier.append(np.mean((told - states) ** 2))
        for start in np.flatnonzero(np.diff(states) == 1) + 1:
            there = np.flatnonzero(restless[start:] & (states[start:] == 1))
            if len(there) and states[start : start + there[0] + 1].all():
                delays.append(there[0])
    assert np.mean(accuracy) == pytest.approx(0.964, abs=0.005)
    assert np.mean(true) == pytest.approx(0.881, abs=0.03)
    assert np.mean(false) == pytest.approx(0.018, abs=0.005)
    assert np.mean(brier) == pytest.approx(0.0292, abs=0.004)
    assert np.median(delays) in (2, 3)


def test_a_fit_finds_both_again() -> None:
    _, samples = drawn(4)
    found = fit_regimes(0.01 * samples)
    assert found is not None
    assert found.stay_calm == pytest.approx(0.995, abs=0.004)
    assert found.stay_restless == pytest.approx(0.98, abs=0.015)
    assert found.calm == pytest.approx(0.01, rel=0.05)
    assert found.restless == pytest.approx(0.025, rel=0.08)


def test_a_market_of_one_state_has_no_regimes() -> None:
    assert fit_regimes(np.zeros(500)) is None
    assert fit_regimes(np.random.default_rng(1).normal(size=2_000)) is None


def test_a_filter_is_never_so_sure_that_nothing_leads_back() -> None:
    found = RegimeFilter(TRUTH)
    for _ in range(100):
        found.update(1e6)
    assert found.probability > 0.999
    for _ in range(20):
        found.update(0.0)
    assert found.probability < 0.1


def test_it_begins_with_what_is_usual() -> None:
    assert RegimeFilter(TRUTH).probability == pytest.approx(0.2)
