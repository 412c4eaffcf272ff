"""What became of residuals after the windows they were formed on."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ultramm.statarb.model import Formation, PairModel, Relation, SeenProcess
from ultramm.statarb.ornstein_uhlenbeck import OrnsteinUhlenbeck

GOLD = Path(__file__).parents[3].parent / "shared" / "data" / "futures" / "lean_gc_minute_20131007_quote.zip"
MINUTE_NS = 60_000_000_000
recorded = pytest.mark.skipif(not GOLD.is_file(), reason=f"the recordings are not at {GOLD.parent}")


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


def basket(seed: int, weights: tuple[float, ...], count: int = 3_000) -> np.ndarray:
    """Prices, a column each, of which the first is the others by their weights and a residual of a half-life of ten."""
    rng = np.random.default_rng(seed)
    xs = np.cumsum(rng.normal(0.0, 1e-3, (count, len(weights))), axis=0)
    residual = np.zeros(count)
    for i in range(1, count):
        residual[i] = 0.5**0.1 * residual[i - 1] + rng.normal(0.0, 5e-4)
    return 100.0 * np.exp(np.column_stack([xs @ np.array(weights) + residual, xs]))


@pytest.mark.parametrize("weights", [(0.6, 0.4), (1.3, -0.5), (0.5, 0.3, 0.4)])
def test_the_weights_of_a_basket_are_found(weights) -> None:
    model = PairModel(Formation(bar_s=1.0, bars=600), len(weights))
    for second, prices in enumerate(basket(1, weights)[:700]):
        model.update(second * 1_000_000_000, *prices.tolist())
    model.form()
    relation = model.relation
    assert relation is not None, model.reason
    assert relation.betas == pytest.approx(weights, abs=0.12)
    assert relation.process.half_life_s == pytest.approx(10.0, rel=0.5)


def test_the_residual_of_a_basket_is_what_its_prices_leave() -> None:
    process = OrnsteinUhlenbeck(speed=0.1, mean=0.2, eta=0.01)
    relation = Relation(beta=2.0, process=process, p=0.01, weights=(0.5, -0.25))
    assert relation.betas == (1.0, -0.5)
    y = relation.price((4.0, 9.0), 0.2)
    assert y == pytest.approx(math.exp(0.2) * 4.0 / 3.0)
    assert relation.residual(y, (4.0, 9.0)) == pytest.approx(0.2)
    assert relation.z_score(y, (4.0, 9.0)) == pytest.approx(0.0)


def test_walks_are_no_basket_though_more_of_them_fit_better() -> None:
    formed = 0
    for seed in range(20):
        walks = 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 1e-3, (600, 4)), axis=0))
        model = PairModel(Formation(bar_s=1.0, bars=600), 3)
        for second, prices in enumerate([*walks, walks[-1]]):
            model.update(second * 1_000_000_000, *prices.tolist())
        model.update(601 * 1_000_000_000, *walks[-1].tolist())
        model.form()
        formed += model.relation is not None
    assert formed <= 2


@recorded
@pytest.mark.integration
def test_two_expiries_of_gold_are_formed_at_every_quarter_of_an_hour() -> None:
    """There is a window in it in which the likelihood rises without end, the more of all a walk explains."""
    closes = []
    with zipfile.ZipFile(GOLD) as archive:
        for expiry in ("201408", "201312"):
            rows = [row.split(b",") for row in archive.open(f"20131007_gc_minute_quote_{expiry}.csv")]
            closes.append({int(row[0]): 0.5 * (float(row[4]) + float(row[9])) for row in rows if row[4] and row[9]})
    model, formed = PairModel(Formation(bar_s=60.0, bars=240)), 0
    for number, ms in enumerate(sorted(closes[0].keys() & closes[1].keys())):
        model.update((number + 1) * MINUTE_NS, closes[0][ms], closes[1][ms])
        if model.ready and number % 15 == 1:
            model.form()
            formed += model.relation is not None
    assert formed > 3
    assert math.isfinite(model.beta_now)
