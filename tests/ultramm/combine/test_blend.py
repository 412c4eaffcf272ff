import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from ultramm.combine.blend import Bounds, blended, bounded, towards

shares = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6).filter(lambda x: sum(x) > 0.1)


def normed(values):
    return np.array(values) / sum(values)


@given(shares)
def test_weights_keep_to_floor_and_cap_and_add_up(values) -> None:
    found = bounded(normed(values), Bounds())
    assert found.sum() == pytest.approx(1.0)
    assert np.all(found >= 0.05 - 1e-9)
    assert np.all(found <= 0.6 + 1e-9)


@given(shares)
def test_weights_within_stay(values) -> None:
    weights = normed(values)
    if weights.min() >= 0.05 and weights.max() <= 0.6:
        assert bounded(weights, Bounds()) == pytest.approx(weights, abs=1e-9)


def test_none_nearer_keeps_to_them() -> None:
    weights = np.array([0.9, 0.08, 0.02, 0.0])
    found = bounded(weights, Bounds())
    best = minimize(
        lambda w: np.sum((w - weights) ** 2),
        np.full(4, 0.25),
        bounds=[(0.05, 0.6)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
    )
    assert found == pytest.approx(best.x, abs=1e-5)


@pytest.mark.parametrize("count", [1, 20])
def test_bounds_that_leave_no_choice_share_alike(count) -> None:
    assert bounded(np.eye(count)[0], Bounds()).tolist() == [1.0 / count] * count


@given(shares, st.floats(0.0, 1.0))
def test_no_more_is_turned_over_than_may_be(values, turnover) -> None:
    wanted = normed(values)
    before = np.full(len(wanted), 1.0 / len(wanted))
    found = towards(before, wanted, turnover)
    assert found.sum() == pytest.approx(1.0)
    assert np.maximum(found - before, 0.0).sum() <= turnover + 1e-9
    if np.maximum(wanted - before, 0.0).sum() <= turnover:
        assert found is wanted


def test_half_of_each() -> None:
    assert blended(np.array([1.0, 0.0]), np.array([0.5, 0.5])).tolist() == [0.75, 0.25]
