import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ultramm.analytics.tail_risk import extreme_tail, historical_tail, normal_tail


def test_normal_losses() -> None:
    assert normal_tail(2.0).value_at_risk == pytest.approx(2 * 2.326348, abs=1e-6)
    assert normal_tail(2.0).expected_shortfall == pytest.approx(2 * 2.665214, abs=2e-6)


def test_history_agrees_with_the_normal_where_losses_are_normal() -> None:
    losses = np.random.default_rng(2).normal(size=400_000)
    found = historical_tail(losses)
    assert found.value_at_risk == pytest.approx(2.326348, rel=0.01)
    assert found.expected_shortfall == pytest.approx(2.665214, rel=0.01)


def test_the_extremes_of_students_t() -> None:
    """Four degrees of freedom: 7.173 and 9.686 in truth; this sample gives a little less."""
    found = extreme_tail(-stats.t.rvs(4, size=100_000, random_state=1))
    assert found.value_at_risk == pytest.approx(7.163, abs=5e-4)
    assert found.expected_shortfall == pytest.approx(9.578, abs=5e-4)
    assert found.value_at_risk == pytest.approx(stats.t.ppf(0.999, 4), rel=0.01)


def test_history_by_hand() -> None:
    found = historical_tail([5.0, 1.0, 4.0, 2.0, 3.0], 0.6)
    assert found.value_at_risk == 3.0
    assert found.expected_shortfall == pytest.approx(4.5)


def test_what_is_long_past_weighs_less() -> None:
    calm_again = [10.0] * 20 + [1.0] * 200
    assert historical_tail(calm_again, 0.95).value_at_risk == 10.0
    assert historical_tail(calm_again, 0.95, decay=0.97).value_at_risk == 1.0


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), st.floats(0.5, 0.99), st.floats(0.9, 1.0))
def test_a_shortfall_is_no_smaller_than_what_is_at_risk(losses: list[float], confidence: float, decay: float) -> None:
    at_risk, shortfall = historical_tail(losses, confidence, decay)
    assert min(losses) <= at_risk <= max(losses)
    assert at_risk - 1e-9 <= shortfall <= max(losses) + 1e-9


def test_too_little_tells_nothing() -> None:
    assert math.isnan(historical_tail([]).value_at_risk)
    assert math.isnan(extreme_tail([]).value_at_risk)
    assert math.isnan(extreme_tail([1.0] * 30).value_at_risk)
