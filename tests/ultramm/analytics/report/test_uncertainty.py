"""Errors of means and shares, against independent calculations and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.analytics.report.uncertainty import (
    Z95,
    clustered_mean,
    newey_west_error,
    newey_west_lags,
    wilson_interval,
)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (15, 53), (50, 100), (99, 100), (7, 7)])
def test_wilsons_interval_is_statsmodels(successes: int, trials: int) -> None:
    from statsmodels.stats.proportion import proportion_confint

    assert wilson_interval(successes, trials) == pytest.approx(
        proportion_confint(successes, trials, method="wilson"), abs=1e-12
    )


def test_wilsons_interval_known_answer() -> None:
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3: 81 of 263.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilsons_interval_holds_the_share_and_stays_a_share(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    assert high > low


@pytest.mark.parametrize("seed", range(5))
def test_a_clustered_error_is_statsmodels(seed: int) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, 20, 300).astype(float)
    values = rng.normal(size=300) + rng.normal(size=20)[clusters.astype(int)]
    weights = rng.uniform(0.1, 3.0, 300)
    ours = clustered_mean(values, weights, clusters)
    theirs = sm.WLS(values, np.ones(300), weights=weights).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    assert ours is not None
    assert ours.value == pytest.approx(theirs.params[0], rel=1e-12)
    assert ours.standard_error == pytest.approx(theirs.bse[0], rel=1e-10)
    assert (ours.count, ours.clusters) == (300, 20)


def test_each_value_its_own_cluster_is_the_usual_error() -> None:
    values = np.array([1.0, 4.0, 2.0, 8.0, 5.0, 7.0])
    mean = clustered_mean(values, np.ones(6), np.arange(6.0))
    assert mean is not None
    assert mean.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(6))


def test_repeating_every_fill_makes_nothing_surer() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=50)
    once = clustered_mean(values, np.ones(50), np.arange(50.0))
    thrice = clustered_mean(np.repeat(values, 3), np.ones(150), np.repeat(np.arange(50.0), 3))
    assert once is not None
    assert thrice is not None
    assert thrice.standard_error == pytest.approx(once.standard_error)


def test_covers_the_truth_where_fills_come_in_clusters_and_the_usual_error_does_not() -> None:
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(60.0), 10)
    covered = usual = 0
    for _ in range(400):
        values = rng.normal(size=600) + rng.normal(size=60)[clusters.astype(int)]
        mean = clustered_mean(values, np.ones(600), clusters)
        assert mean is not None
        assert mean.standard_error is not None
        covered += abs(mean.value) < Z95 * mean.standard_error
        usual += abs(mean.value) < Z95 * values.std() / math.sqrt(600)
    assert 0.91 < covered / 400 < 0.98
    assert usual / 400 < 0.7


def test_too_few_clusters_have_no_error_and_no_values_no_mean() -> None:
    few = clustered_mean(np.arange(40.0), np.ones(40), np.repeat([0.0, 1.0, 2.0, 3.0], 10))
    assert few is not None
    assert few.standard_error is None
    assert clustered_mean(np.empty(0), np.empty(0), np.empty(0)) is None


@pytest.mark.parametrize("lags", [0, 1, 5])
def test_a_newey_west_error_is_statsmodels(lags: int) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(lags)
    values = np.convolve(rng.normal(size=220), [1.0, 0.6, 0.3])[:200]
    theirs = sm.OLS(values, np.ones(200)).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
    assert newey_west_error(values, lags) == pytest.approx(theirs.bse[0], rel=1e-10)


def test_newey_west_without_correlation_is_the_usual_error() -> None:
    values = np.random.default_rng(3).normal(size=100)
    assert newey_west_error(values, 0) == pytest.approx(values.std(ddof=1) / 10)


def test_newey_west_of_a_constant_is_zero() -> None:
    assert newey_west_error(np.zeros(50)) == 0.0
    assert newey_west_error(np.full(50, 2.0)) == 0.0


@pytest.mark.parametrize(("count", "lags"), [(20, 2), (100, 4), (345, 5), (1000, 6), (8640, 10)])
def test_lags_grow_slowly(count: int, lags: int) -> None:
    assert newey_west_lags(count) == lags
