import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_records import INSTRUMENT

from ultramm.market import Instrument
from ultramm.risk.value_at_risk import VarLimit, VarSizing, var_position

S = 1_000_000_000
INVERSE = msgspec.structs.replace(INSTRUMENT, inverse=True, multiplier=100.0, settlement_currency="BTC")


def seen(instrument: Instrument, sigma: float, seconds: int = 4_000, budget: float = 1_000.0) -> VarSizing:
    sizing, rng, mid = VarSizing(VarLimit(budget=budget), instrument), random.Random(5), 60_000.0
    for second in range(seconds):
        sizing.on_mid(second * S, mid)
        mid += rng.gauss(0.0, sigma)
    return sizing


def test_the_known_answer() -> None:
    assert var_position(1_000.0, 1.3e-4 * 60_000, 60.0) == pytest.approx(7.1147, abs=1e-4)


def test_by_what_the_mid_does() -> None:
    assert seen(INSTRUMENT, 7.8).largest(60_000.0) == pytest.approx(7.1147, rel=0.1)
    half = seen(INSTRUMENT, 15.6).largest(60_000.0)
    assert half == pytest.approx(7.1147 / 2, rel=0.1)


def test_of_an_inverse_contract_by_what_its_worth_does() -> None:
    moved = 100.0 / 60_000.0**2 * 7.8  # BTC a contract and sqrt(second)
    expected = var_position(0.01, moved, 60.0)
    assert seen(INVERSE, 7.8, budget=0.01).largest(60_000.0) == pytest.approx(expected, rel=0.1)


def test_before_a_minute_of_the_market_was_seen_nothing_may_be_at_risk() -> None:
    assert seen(INSTRUMENT, 7.8, seconds=30).largest(60_000.0) == 0.0
    assert seen(INSTRUMENT, 7.8).largest(math.nan) == 0.0


def test_in_a_market_that_stands_still_nothing_is() -> None:
    assert math.isinf(seen(INSTRUMENT, 0.0).largest(60_000.0))


@given(st.floats(1.0, 1e6), st.floats(1e-6, 1e3), st.floats(0.1, 1e4), st.floats(0.6, 0.9999))
def test_more_budget_more_position_and_more_of_all_else_less(budget, sigma, over_s, confidence) -> None:
    position = var_position(budget, sigma, over_s, confidence)
    assert position > 0.0
    assert var_position(2 * budget, sigma, over_s, confidence) == pytest.approx(2 * position)
    assert var_position(budget, 2 * sigma, over_s, confidence) < position
    assert var_position(budget, sigma, 4 * over_s, confidence) == pytest.approx(position / 2)
