"""Intervals miss as often as they say: by theory for any sequence, and measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm.inference.conformal import AdaptiveConformal, coverage_bound


@pytest.mark.parametrize("switching", [False, True])
def test_as_many_are_missed_as_may_be(switching) -> None:
    rng, conformal = np.random.default_rng(1), AdaptiveConformal(least=1)
    for number in range(20_001):
        scale = 4.0 if switching and (number // 4_000) % 2 else 1.0
        conformal.update(abs(scale * rng.normal()))
    assert conformal.outcomes == 20_000
    assert coverage_bound(20_000) == pytest.approx(0.00455, abs=1e-5)
    assert abs(conformal.misses / conformal.outcomes - 0.1) <= coverage_bound(conformal.outcomes)


@settings(max_examples=60)
@given(scores=st.lists(st.floats(0.0, 1e6), min_size=30, max_size=400), step=st.floats(0.005, 0.2))
def test_no_sequence_breaks_the_bound(scores, step) -> None:
    conformal = AdaptiveConformal(step=step, least=1)
    for score in scores:
        conformal.update(score)
    share = conformal.misses / conformal.outcomes
    assert abs(share - 0.1) <= coverage_bound(conformal.outcomes, 0.1, step) + 1e-12


def test_outcomes_that_are_all_alike_do_not_break_it() -> None:
    conformal = AdaptiveConformal(step=0.2, least=1)
    for _ in range(500):
        conformal.update(0.0)
    assert abs(conformal.misses / conformal.outcomes - 0.1) <= coverage_bound(conformal.outcomes, 0.1, 0.2)


def test_before_enough_was_seen_there_is_no_width() -> None:
    conformal = AdaptiveConformal(least=10)
    for _ in range(9):
        conformal.update(1.0)
    assert math.isnan(conformal.width)
    conformal.update(1.0)
    assert conformal.width == 1.0


def test_it_widens_where_the_market_does() -> None:
    rng, conformal = np.random.default_rng(3), AdaptiveConformal(memory=500)
    for _ in range(2_000):
        conformal.update(abs(rng.normal()))
    calm = conformal.width
    assert calm == pytest.approx(1.645, abs=0.25)
    for _ in range(2_000):
        conformal.update(abs(3.0 * rng.normal()))
    assert conformal.width == pytest.approx(3 * 1.645, rel=0.2)
