"""The distribution of drawdowns: published numbers, and what chance does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.risk.drawdown import drawdown_probability, drawdown_quantile


@pytest.mark.parametrize(
    ("probability", "depth"),
    [(0.5, 1.148973), (0.9, 1.959964), (0.95, 2.241403), (0.99, 2.807034), (0.999, 3.480756)],
)
def test_quantiles_are_the_known_ones(probability: float, depth: float) -> None:
    assert drawdown_quantile(probability) == pytest.approx(depth, abs=1e-5)


def test_its_mean_is_the_root_of_half_pi() -> None:
    depths = np.linspace(0.0, 12.0, 6_001)
    beyond = [1.0 - drawdown_probability(float(depth)) for depth in depths]
    assert np.trapezoid(beyond, depths) == pytest.approx(np.sqrt(np.pi / 2), abs=1e-4)


@given(st.floats(0.001, 0.999))
def test_quantile_and_probability_are_inverses(probability: float) -> None:
    assert drawdown_probability(drawdown_quantile(probability)) == pytest.approx(probability, abs=1e-9)


def test_a_simulated_walk_agrees() -> None:
    steps = np.random.default_rng(3).standard_normal((4_000, 2_000)) / np.sqrt(2_000)
    paths = np.cumsum(steps, axis=1)
    deepest = (np.maximum.accumulate(np.maximum(paths, 0.0), axis=1) - paths).max(axis=1)
    for depth in (1.0, 1.5, 2.0):
        expected = drawdown_probability(depth)
        # Steps miss the deepest point between them, by 0.58 / sqrt(steps); the rest is chance.
        error = 3.5 * np.sqrt(expected * (1 - expected) / 4_000)
        assert abs((deepest <= depth - 0.5826 / np.sqrt(2_000)).mean() - expected) < error


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 2.0])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        drawdown_quantile(probability)
