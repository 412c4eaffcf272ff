"""The share of misses is kept, whatever comes."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.calibration.conformal import AdaptiveConformal, coverage_bound


def share(errors: list[float], **settings: float) -> float:
    conformal = AdaptiveConformal(**settings)  # type: ignore[arg-type]
    missed = [conformal.update(error) for error in errors]
    assert (conformal.errors, conformal.misses) == (len(errors), sum(missed))
    return sum(missed) / len(errors)


def test_of_errors_that_stay_as_they_are() -> None:
    rng = random.Random(1)
    assert share([rng.gauss(0.0, 2.0) for _ in range(20_000)]) == pytest.approx(0.1, abs=coverage_bound(20_000))


def test_of_errors_four_times_as_large_every_now_and_then() -> None:
    rng = random.Random(2)
    errors = [rng.gauss(0.0, 4.0 if number // 4_000 % 2 else 1.0) for number in range(20_000)]
    assert share(errors) == pytest.approx(0.1, abs=coverage_bound(20_000))
    assert coverage_bound(20_000) == pytest.approx(0.00455)


@given(
    st.lists(st.floats(0.0, 1e6), min_size=1, max_size=400),
    st.floats(0.02, 0.5),
    st.floats(0.01, 0.2),
)
def test_the_bound_holds_for_any_errors(errors: list[float], target: float, step: float) -> None:
    """Nobody who chooses the errors can break it, not even one who sees the bound."""
    assert abs(share(errors, target=target, step=step) - target) <= coverage_bound(len(errors), target, step) + 1e-12


def test_not_by_one_who_sees_the_bound() -> None:
    conformal = AdaptiveConformal()
    for _ in range(5_000):
        bound = conformal.bound
        conformal.update(1.0 if math.isinf(bound) else 1.01 * bound)
    assert abs(conformal.misses / conformal.errors - 0.1) <= coverage_bound(5_000)


def test_the_bound_is_of_the_errors_size() -> None:
    rng, conformal = random.Random(3), AdaptiveConformal()
    assert math.isinf(conformal.bound)
    for _ in range(5_000):
        conformal.update(rng.gauss(0.0, 3.0))
    assert conformal.bound == pytest.approx(3.0 * 1.645, rel=0.15)


@pytest.mark.parametrize(("target", "step"), [(0.0, 0.1), (1.0, 0.1), (0.1, 0.0)])
def test_what_is_no_share(target: float, step: float) -> None:
    with pytest.raises(ValueError, match="a share of misses"):
        AdaptiveConformal(target, step)
