"""A position is closed when the market has gone against it, or for it, or it is old; and then there is a rest."""

from __future__ import annotations

import math
import random

import pytest
from journal_records import INSTRUMENT

from ultramm.risk.position_stop import PositionStop, PositionStopLimits

S = 1_000_000_000


class Market:
    """Ten minutes of a mid that moves a tick or so a second; then as told."""

    def __init__(self, **limits) -> None:
        self.stop = PositionStop(PositionStopLimits(**limits), INSTRUMENT)
        self.now_ns, self.mid, rng = 0, 10_000.0, random.Random(1)
        for _ in range(600):
            self.see(rng.choice((-0.5, 0.5)))

    def see(self, move: float = 0.0, lots: int = 0, seconds: float = 1.0) -> bool:
        self.now_ns += round(seconds * S)
        self.mid += move
        return self.stop.look(self.now_ns, self.mid, lots)


# A move over a minute is 0.5 * sqrt(60) = 3.87.
SIGMA = 0.5 * math.sqrt(60.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_it_trails_behind_the_best(sign: int) -> None:
    market = Market(sigmas=3.0)
    assert not market.see(0.0, sign)
    for _ in range(10):
        assert not market.see(sign * 0.5, sign)
    assert not market.see(-sign * 2.8 * SIGMA, sign, 0.01), "from the best, not from where it was opened"
    assert market.see(-sign * 0.6 * SIGMA, sign, 0.01)
    assert "from the best of this position, 3 are allowed" in market.stop.reason


def test_a_gain_is_taken() -> None:
    market = Market(sigmas=None, take_profit_sigmas=2.0)
    market.see(0.0, 5)
    assert not market.see(1.8 * SIGMA, 5, 0.01)
    assert market.see(0.5 * SIGMA, 5, 0.01)
    assert "it is taken" in market.stop.reason


def test_an_old_position_is_closed_and_one_that_turned_is_new() -> None:
    market = Market(sigmas=None, max_age_s=100.0)
    for _ in range(99):
        assert not market.see(0.0, 5)
    assert not market.see(0.0, -5)
    for _ in range(100):
        assert not market.see(0.0, -5)
    assert market.see(0.0, -5)
    assert market.stop.reason == "the position is 101 s old, 100 are allowed"


def test_without_a_position_nothing_happens() -> None:
    market = Market()
    assert not market.see(-100.0, 0)
    assert not market.see(0.0, 5), "what fell before it was opened is not its own"


def test_it_stays_until_the_position_is_closed_and_has_rested() -> None:
    market = Market(sigmas=3.0, rest_s=60.0)
    market.see(0.0, 5)
    assert market.see(-20.0, 5)
    assert market.see(40.0, 3), "what comes back does not undo it"
    assert not market.stop.rested(market.now_ns + 1_000 * S)
    assert market.see(0.0, 0)
    assert not market.stop.rested(market.now_ns + 59 * S)
    assert market.stop.rested(market.now_ns + 60 * S)
    assert market.stop.reason == ""
    assert not market.see(0.0, 5)


def test_before_a_minute_only_age_is_known() -> None:
    stop = PositionStop(PositionStopLimits(max_age_s=30.0), INSTRUMENT)
    assert not stop.look(0, 100.0, 1)
    assert not stop.look(S, 50.0, 1)
    assert stop.look(31 * S, 50.0, 1)


def test_on_a_price_without_drift_it_changes_the_mean_by_nothing_and_cuts_the_tail() -> None:
    """Trailing by d, the exit is exponential with mean d, less d: zero on average, above it in exp(-1) of cases."""
    rng, exits = random.Random(7), []
    for _ in range(1_500):
        best = price = 0.0
        while best - price < 1.0:
            price += rng.gauss(0.0, 0.02)
            best = max(best, price)
        exits.append(price)
    mean = sum(exits) / len(exits)
    error = (sum((x - mean) ** 2 for x in exits) / len(exits) ** 2) ** 0.5
    assert abs(mean) < 3 * error + 0.03
    assert sum(x > 0 for x in exits) / len(exits) == pytest.approx(math.exp(-1), abs=0.04)
    assert min(exits) > -1.2
