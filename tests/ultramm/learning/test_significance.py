"""Published numbers, and what chance does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.learning.significance import (
    deflated_sharpe,
    least_track_record,
    luckiest_sharpe,
    overfitting_probability,
    probabilistic_sharpe,
)

RATIO, VARIANCE = 2.5 / math.sqrt(250), 0.5 / 250


def test_the_deflated_ratio_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014), its numerical example."""
    assert luckiest_sharpe(100, VARIANCE) == pytest.approx(0.113172, abs=1e-6)
    odd = {"skew": -3.0, "kurtosis": 10.0}
    assert deflated_sharpe(RATIO, 1_250, 100, VARIANCE, **odd) == pytest.approx(0.900397, abs=1e-6)
    assert deflated_sharpe(RATIO, 1_250, 46, VARIANCE, **odd) == pytest.approx(0.950502, abs=1e-6)
    assert deflated_sharpe(RATIO, 1_250, 88, VARIANCE) == pytest.approx(0.950491, abs=1e-6)


@pytest.mark.parametrize(
    ("periods", "skew", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.731), (52, 0.0, 3.0, 2.829), (12, 0.0, 3.0, 3.240), (12, -0.72, 5.78, 4.991)],
)
def test_how_long_a_record_must_be(periods, skew, kurtosis, years) -> None:
    """Bailey and Lopez de Prado (2012): two against one a year, at 95 %."""
    ratio, against = 2.0 / math.sqrt(periods), 1.0 / math.sqrt(periods)
    found = least_track_record(ratio, against, skew=skew, kurtosis=kurtosis)
    assert found / periods == pytest.approx(years, abs=1e-3)
    # At that length it is just as probable as it was to be.
    sure = probabilistic_sharpe(ratio, round(found), against=against, skew=skew, kurtosis=kurtosis)
    assert sure == pytest.approx(0.95, abs=1e-3)


def test_one_trial_is_not_deflated() -> None:
    assert deflated_sharpe(0.1, 500, 1, VARIANCE) == probabilistic_sharpe(0.1, 500)


def test_the_luckiest_of_many_is_as_lucky_as_it_says() -> None:
    best = [np.random.default_rng(seed).normal(0.0, 0.05, 100).max() for seed in range(400)]
    assert np.mean(best) == pytest.approx(luckiest_sharpe(100, 0.05**2), rel=0.03)


def test_noise_is_overfitted_every_other_time_and_one_that_is_true_seldom() -> None:
    noise = [overfitting_probability(np.random.default_rng(seed).normal(size=(1_000, 50))) for seed in range(12)]
    assert np.mean(noise) == pytest.approx(0.5, abs=0.12)
    true = []
    for seed in range(12):
        gains = np.random.default_rng(seed).normal(size=(1_000, 50))
        gains[:, 7] += 0.15
        true.append(overfitting_probability(gains))
    assert np.mean(true) < 0.2


@pytest.mark.parametrize(("shape", "parts"), [((100, 1), 10), ((10, 5), 10), ((100, 5), 7)])
def test_too_little_to_tell_is_refused(shape, parts) -> None:
    with pytest.raises(ValueError, match="give more"):
        overfitting_probability(np.zeros(shape), parts)
