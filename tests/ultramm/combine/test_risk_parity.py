import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import LedoitWolf

from ultramm.combine.risk_parity import equal_risk, shrunk_covariance


def covariance_of(seed: int, size: int):
    loadings = np.random.default_rng(seed).normal(size=(size, size + 2))
    return loadings @ loadings.T


def test_the_published_weights() -> None:
    """Maillard, Roncalli and Teiletche (2010), sec. 3.3."""
    sigmas = np.array([0.1, 0.2, 0.3, 0.4])
    correlation = np.eye(4)
    correlation[0, 1] = correlation[1, 0] = 0.8
    correlation[2, 3] = correlation[3, 2] = -0.5
    weights = equal_risk(correlation * np.outer(sigmas, sigmas))
    assert weights.tolist() == pytest.approx([0.383613, 0.191806, 0.242618, 0.181963], abs=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 8), st.floats(1e-6, 1e6))
def test_each_carries_as_much_risk(seed, size, scale) -> None:
    covariance = covariance_of(seed, size) * scale
    weights = equal_risk(covariance)
    carried = weights * (covariance @ weights)
    assert np.all(weights > 0.0)
    assert weights.sum() == pytest.approx(1.0)
    assert carried / carried.sum() == pytest.approx(np.full(size, 1.0 / size), abs=1e-6)


def test_without_correlation_they_are_inverse_to_the_deviations() -> None:
    weights = equal_risk(np.diag([1.0, 4.0, 16.0]))
    assert weights.tolist() == pytest.approx([4 / 7, 2 / 7, 1 / 7])


def test_without_risk_there_is_none_to_share() -> None:
    with pytest.raises(ValueError, match="not positive"):
        equal_risk(np.diag([1.0, 0.0]))


@given(st.integers(0, 1_000), st.integers(3, 200), st.integers(1, 6))
def test_the_covariance_is_scikit_learns(seed, periods, size) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.normal(size=(periods, size)) @ rng.normal(size=(size, size))
    assert shrunk_covariance(returns) == pytest.approx(LedoitWolf().fit(returns).covariance_, rel=1e-9, abs=1e-12)
