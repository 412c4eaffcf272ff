import math

import numpy as np
import pytest

from ultramm.selection.hurst import hurst
from ultramm.selection.pairs import Filters, scan


def came_back(rng, count: int, half_life: float, deviation: float = 1.0):
    keep = 0.5 ** (1.0 / half_life)
    x, steps = np.zeros(count), rng.normal(0.0, deviation * math.sqrt(1.0 - keep**2), count)
    for i in range(1, count):
        x[i] = keep * x[i - 1] + steps[i]
    return x


def universe(seed: int, bound: int, free: int, count: int = 625, half_life: float = 7.0):
    """So many pairs with a common walk, and as many series that only share their moves, not their level."""
    rng = np.random.default_rng(seed)
    prices = {}
    for number in range(bound):
        walk = np.cumsum(rng.normal(0.0, 0.01, count))
        prices[f"a{number}"] = 100.0 * np.exp(walk)
        prices[f"b{number}"] = 80.0 * np.exp(0.8 * walk + came_back(rng, count, half_life, 0.01))
    for number in range(free):
        prices[f"c{number}"] = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, count)))
    return prices


def test_a_pair_that_belongs_together_is_found_among_others() -> None:
    found = list(scan(universe(1, bound=1, free=4)))
    assert len(found) == 15
    chosen = [pair for pair in found if not pair.reason]
    assert [{pair.y, pair.x} for pair in chosen] == [{"a0", "b0"}]
    (pair,) = chosen
    assert pair.half_life_bars == pytest.approx(7.0, rel=0.5)
    assert pair.half_life_low < 7.0 < pair.half_life_high
    assert pair.deviation == pytest.approx(0.01 if pair.y == "b0" else 0.0125, rel=0.4)
    assert all("correlation" in other.reason for other in found if other is not pair)


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"min_half_life_bars": 50.0}, "half-life"),
        ({"max_half_life_share": 0.001}, "half-life"),
        ({"max_hurst": 0.01}, "Hurst exponent"),
        ({"max_held_out_p": 1e-12}, "on what was held out"),
        ({"min_stability_p": 1.1}, "of a stable ratio"),
        ({"false_discovery": 1e-12}, "with all pairs counted"),
        ({"min_correlation": 0.99}, "correlation"),
    ],
)
def test_each_filter_says_what_it_found_and_what_it_allows(filters, reason) -> None:
    (pair,) = scan(universe(1, bound=1, free=0), Filters(**filters))
    assert reason in pair.reason
    assert any(character.isdigit() for character in pair.reason)


def test_a_ratio_below_nothing_is_no_pair() -> None:
    prices = universe(1, bound=1, free=0)
    prices["b0"] = 1e4 / prices["b0"]
    (pair,) = scan(prices, Filters(min_correlation=-1.0))
    assert "is not positive" in pair.reason


def test_a_price_that_never_moves_belongs_to_nothing() -> None:
    (pair,) = scan({"a": np.full(500, 3.0), "b": np.exp(np.random.default_rng(1).normal(size=500))})
    assert "correlation nan" in pair.reason


def test_the_exponent_of_a_walk_is_half_and_less_of_what_comes_back() -> None:
    rng = np.random.default_rng(2)
    walks = [hurst(np.cumsum(rng.normal(size=2_000))) for _ in range(20)]
    assert np.mean(walks) == pytest.approx(0.5, abs=0.04)
    assert np.mean([hurst(came_back(rng, 2_000, 7.0)) for _ in range(20)]) < 0.25


@pytest.mark.integration
def test_of_600_pairs_with_30_that_belong_together_few_are_found_wrongly() -> None:
    """Walks that share nothing but their moves, tested one pair at a time as a universe of 600 would be."""
    from statsmodels.stats.multitest import multipletests

    from ultramm.selection.cointegration import engle_granger

    rng = np.random.default_rng(11)
    p, true = [], []
    for number in range(600):
        walk = np.cumsum(rng.normal(size=500))
        other = came_back(rng, 500, 6.6, 4.0) if number < 30 else np.cumsum(rng.normal(size=500))
        y = walk + other
        p.append(min(engle_granger(y, walk).p, engle_granger(walk, y).p))
        true.append(number < 30)
    chosen = multipletests(p, alpha=0.05, method="fdr_bh")[0]
    naive = np.array(p) < 0.05
    false_share = np.sum(chosen & ~np.array(true)) / max(1, chosen.sum())
    assert false_share < 0.10
    assert np.sum(chosen & np.array(true)) >= 25
    assert np.sum(naive & ~np.array(true)) / naive.sum() > 0.3
