import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ultramm.combine.experts import (
    AdaHedge,
    ExponentiatedGradient,
    FixedShare,
    Hedge,
    adahedge_bound,
    fixed_share_bound,
    hedge_bound,
    hedge_rate,
    losses_of,
)

losses = st.integers(2, 6).flatmap(
    lambda count: arrays(float, st.tuples(st.integers(2, 60), st.just(count)), elements=st.floats(0, 1))
)


def lost(experts, rows) -> float:
    return sum(experts.update(row) for row in rows)


def adversarial(seed: int, periods: int, count: int):
    """Random, biased, alternating and switching losses: what has been bad for some rule or other."""
    rng, kind = np.random.default_rng(seed), seed % 4
    if kind == 0:
        return rng.random((periods, count))
    if kind == 1:
        return (rng.random((periods, count)) < rng.random(count)).astype(float)
    if kind == 2:
        rows = np.tile(np.arange(count) % 2, (periods, 1)).astype(float)
        rows[::2] = 1.0 - rows[::2]
        return rows
    best = np.repeat(rng.integers(0, count, periods // 50 + 1), 50)[:periods]
    rows = (rng.random((periods, count)) < 0.6).astype(float)
    rows[np.arange(periods), best] = 0.0
    return rows


def test_hedge_by_hand() -> None:
    hedge = Hedge(2, 0.5)
    assert lost(hedge, np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])) == pytest.approx(1.608599247428, abs=1e-12)
    assert hedge.weights.tolist() == pytest.approx([0.62245933, 0.37754067], abs=1e-8)


def test_adahedge_by_hand() -> None:
    experts = AdaHedge(2)
    rows = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert lost(experts, rows) == pytest.approx(2.088638913358, abs=1e-12)
    assert experts.gaps == pytest.approx(0.848483850405, abs=1e-12)


def test_hedge_keeps_its_bound_on_300_sequences() -> None:
    assert hedge_rate(10, 1_000) == pytest.approx(0.135723, abs=1e-6)
    bound = hedge_bound(10, 1_000)
    assert bound == pytest.approx(33.9307, abs=1e-4)
    worst = 0.0
    for seed in range(300):
        rows = adversarial(seed, 1_000, 10)
        worst = max(worst, lost(Hedge(10, hedge_rate(10, 1_000)), rows) - rows.sum(axis=0).min())
    assert 5.0 < worst <= bound


def test_adahedge_keeps_its_bound_on_300_sequences() -> None:
    worst = 0.0
    for seed in range(300):
        rows = adversarial(seed, 1_000, 10)
        best = float(rows.sum(axis=0).min())
        worst = max(worst, (lost(AdaHedge(10), rows) - best) / adahedge_bound(10, 1_000, best))
    assert 0.05 < worst <= 1.0


def test_where_the_best_changes_fixed_share_keeps_its_bound_and_hedge_loses_more() -> None:
    periods, count, switches = 1_000, 5, 4
    shared, hedged = [], []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        best = np.repeat(rng.permutation(5), periods // 5)
        rows = (rng.random((periods, count)) < 0.8).astype(float)
        rows[np.arange(periods), best] = (rng.random(periods) < 0.2).astype(float)
        segments = rows[np.arange(periods), best].sum()
        shared.append(lost(FixedShare(count, periods, switches), rows) - segments)
        hedged.append(lost(Hedge(count, hedge_rate(count, periods)), rows) - segments)
    assert max(shared) <= fixed_share_bound(count, periods, switches)
    assert np.mean(hedged) > 2 * np.mean(shared)


@given(losses)
def test_any_sequence_keeps_the_bounds(rows) -> None:
    periods, count = rows.shape
    best = float(rows.sum(axis=0).min())
    assert lost(Hedge(count, hedge_rate(count, periods)), rows) - best <= hedge_bound(count, periods) + 1e-9
    assert lost(AdaHedge(count), rows) - best <= adahedge_bound(count, periods, best) + 1e-9


@given(losses)
def test_weights_add_up(rows) -> None:
    count = rows.shape[1]
    for experts in (Hedge(count, 0.3), AdaHedge(count), FixedShare(count)):
        for row in rows:
            experts.update(row)
            assert experts.weights.sum() == pytest.approx(1.0)
            assert np.all(experts.weights >= 0.0)


@given(losses, st.floats(0.0, 0.5))
def test_what_all_lose_alike_changes_no_weight(rows, common) -> None:
    plain, raised = Hedge(rows.shape[1], 0.3), Hedge(rows.shape[1], 0.3)
    for row in rows:
        plain.update(row)
        raised.update(row + common)
    assert raised.weights == pytest.approx(plain.weights, abs=1e-9)


def test_covers_alternating_market() -> None:
    """Cash, and what doubles and halves in turn: the best fixed mix is half of each."""
    rows = [np.array([1.0, 2.0 if number % 2 == 0 else 0.5]) for number in range(100)]
    best = sum(math.log(0.5 * row.sum()) for row in rows)
    assert best == pytest.approx(5.889152, abs=1e-6)
    for rate, wealth in ((0.05, 5.610591), (0.05887, 5.5610)):
        followed = ExponentiatedGradient(2, rate)
        assert sum(math.log(followed.update(row)) for row in rows) == pytest.approx(wealth, abs=1e-4)


def test_gains_are_losses_between_nothing_and_one() -> None:
    found = losses_of(np.array([0.0, 3.0, -3.0, 100.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0, 0.0]))
    assert found.tolist() == [0.5, 0.0, 1.0, 0.0, 0.5]
