"""Each part of a model: believed as far as it works, and by itself less of it where it does not."""

from __future__ import annotations

import math
import pickle
import random

import pytest
from stored_models import about_part

from ultramm.features.regime import Regimes
from ultramm.inference.exported import Linear
from ultramm.inference.parts import Adverse, Arriving, Belief, Move, Volatility
from ultramm.market import Side, Trade

S, STEP_NS = 1_000_000_000, 100_000_000
ONE = Linear(coefficients=(1.0,), intercept=0.0)


class Tape:
    """A market of which one number says where the mid goes within a second: by `worth` basis points a deviation."""

    def __init__(self, seed: int = 1, slope: float = 1.0) -> None:
        numbers = Linear(coefficients=(slope,), intercept=0.0)
        self.move = Move(about_part(numbers, ("queue_imbalance",), deviation=slope), numbers.compile(), 1.0, 0.0)
        self.rng = random.Random(seed)
        self.now_ns, self.mid = 0, 50_000.0
        self.pushes = [0.0] * 10
        self.told = 0.0
        self.noise = 0.1

    def play(self, seconds: float, worth: float) -> float:
        """Give the weight at the end."""
        for _ in range(round(10 * seconds)):
            self.now_ns += STEP_NS
            self.pushes = [*self.pushes[1:], worth * self.told]
            self.mid *= 1.0 + 1e-4 * (sum(self.pushes) / 10.0 + self.rng.gauss(0.0, self.noise))
            self.told = self.rng.gauss(0.0, 1.0)
            self.move.on_mid(self.now_ns, self.mid)
            self.move.on_row(self.now_ns, [self.told], self.mid)
        return self.move.belief.weight


def test_a_forecast_earns_its_weight() -> None:
    tape = Tape()
    assert tape.play(1.0, 1.0) == 0.0
    assert tape.play(300.0, 1.0) > 0.7
    assert tape.move.belief.failed == ""


def test_one_that_says_too_much_is_believed_in_part() -> None:
    assert Tape(slope=4.0).play(600.0, 1.0) == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("worth", "within_s"), [(-1.0, 300.0), (0.0, 1_500.0)], ids=["flipped", "noise"])
def test_what_stops_working_fades_by_itself(worth: float, within_s: float, seed: int) -> None:
    """Flipped, it is below a tenth within five minutes, and made noise within twenty-five, on each of 20 seeds."""
    tape = Tape(seed)
    assert tape.play(400.0, 1.0) > 0.7
    assert tape.play(within_s, worth) < 0.1
    assert "what the model foretold did not come" in tape.move.belief.failed


def test_and_comes_back_once_it_works_again() -> None:
    tape = Tape()
    tape.play(400.0, 1.0)
    tape.play(600.0, -1.0)
    assert tape.move.belief.failed
    assert tape.play(2_400.0, 1.0) > 0.2
    assert tape.move.belief.failed == ""


def test_what_suddenly_fares_worse_begins_anew() -> None:
    """Long before ten minutes of memory have faded: the window of losses is cut where they differ."""
    tape = Tape(slope=1.0)
    tape.play(3_000.0, 1.0)
    assert tape.play(60.0, -1.0) == 0.0


def test_forecasts_that_are_further_off_than_usual_are_less_certain() -> None:
    tape = Tape()
    tape.play(600.0, 1.0)
    calm = tape.move.uncertainty
    tape.noise = 4.0
    tape.play(60.0, 1.0)
    assert tape.move.uncertainty > calm + 0.5


@pytest.mark.parametrize("horizon_s", [0.3, 1.0])
def test_what_comes_true_before_an_order_could_be_there_earns_nothing(horizon_s: float) -> None:
    """All of the move is within the latency, and nothing is left of it afterwards."""
    move, rng = Move(about_part(ONE, ("queue_imbalance",)), ONE.compile(), horizon_s, 0.2), random.Random(1)
    now_ns, mid, told = 0, 50_000.0, 0.0
    for _ in range(4_000):
        now_ns += STEP_NS
        mid *= 1.0 + 1e-4 * (told + rng.gauss(0.0, 0.1))
        told = rng.gauss(0.0, 1.0)
        move.on_mid(now_ns, mid)
        move.on_row(now_ns, [told], mid)
    assert move.belief.outcomes > 3_900
    assert move.belief.weight < 0.05


def test_outcomes_of_a_burst_count_as_one() -> None:
    """Fifty trades a second, and a forecast of noise: it is hardly ever believed by a tenth."""
    names = ("queue_imbalance",)
    adverse = Adverse(about_part(ONE, names, deviation=0.3), lambda row: 0.3 * row[0], names, 1.0, 0.0)
    rng, now_ns, mid, believed = random.Random(1), S, 100.0, 0
    for step in range(2_000):
        now_ns += STEP_NS
        mid *= 1.0 + 1e-4 * rng.gauss(0.0, 0.3)
        adverse.on_mid(now_ns, mid)
        if step % 10 == 0:
            side, noise = rng.choice(list(Side)), rng.gauss(0.0, 1.0)
        adverse.on_row(now_ns, [noise], mid)
        for place in range(5):
            adverse.on_trade(Trade(now_ns + 1 + place, mid, 1.0, side))
        believed += step > 200 and adverse.belief.weight > 0.1
    assert believed / 1_800 < 0.1


def test_a_few_outcomes_earn_nothing_however_well_they_were_foretold() -> None:
    belief, rng = Belief(about_part(ONE, ("queue_imbalance",)), 600.0, 1.0, 100), random.Random(1)
    weights = []
    for second in range(400):
        told = rng.gauss(0.0, 1.0)
        belief.learn(second * S, told, told + rng.gauss(0.0, 0.1))
        weights.append(belief.weight)
    assert set(weights[:99]) == {0.0}
    assert min(weights[99:]) > 0.9
    # What suddenly fares worse begins anew, with nothing, and is doubted at once.
    for second in range(400, 800):
        told = rng.gauss(0.0, 1.0)
        belief.learn(second * S, told, -told)
        weights.append(belief.weight)
    assert weights[400 + 60 :] == [0.0] * 340
    assert "what the model foretold did not come" in belief.failed


def test_noise_is_hardly_believed_when_it_begins_to_be_judged() -> None:
    """By 200 forecasts of noise, each judged by the minute that its model is given at first."""
    rng, begun = random.Random(1), []
    for _ in range(200):
        belief = Belief(about_part(ONE, ("queue_imbalance",)), 600.0, 1.0, 60)
        for second in range(60):
            belief.learn(second * S, rng.gauss(0.0, 0.15), rng.gauss(0.0, 1.0))
        begun.append(belief.weight)
    assert sum(begun) / len(begun) < 0.1


def test_a_forecast_goes_no_further_than_five_deviations() -> None:
    move = Move(about_part(ONE, ("queue_imbalance",), deviation=0.01), ONE.compile(), 1.0, 0.0)
    move.on_row(0, [3.0], 100.0)
    assert move.forecast == pytest.approx(0.05)


def test_what_was_foretold_before_an_interruption_is_not_learnt_from() -> None:
    tape = Tape()
    weight = tape.play(400.0, 1.0)
    tape.move.interrupted()
    tape.now_ns += 600 * S
    tape.mid *= 1.5
    assert tape.play(2.0, 1.0) > weight - 0.3


def test_kept_for_a_restart_it_holds_no_function() -> None:
    tape = Tape()
    tape.play(100.0, 1.0)
    again = pickle.loads(pickle.dumps(tape.move))
    assert not hasattr(again, "predict")
    assert again.belief.weight == tape.move.belief.weight > 0.0


# -- volatility ----------------------------------------------------------------------------------------------


def volatile(of: Volatility, minutes: int, seed: int = 1, told: bool = True) -> None:
    """Of which each minute is as volatile as was foretold before it, or is not."""
    rng, now_ns, mid, level = random.Random(seed), S, 100.0, 0.0
    for minute in range(60 * minutes):
        if minute % 60 == 0:
            if told:
                of.predict = lambda _, level=level: level  # type: ignore[misc]
            level_now, level = level, rng.choice([-0.5, 0.5])
        if minute % 5 == 0:
            of.on_time(now_ns)
        now_ns += S
        mid *= math.exp(1e-4 * math.exp(level_now) * rng.gauss(0.0, 1.0))
        of.on_mid(now_ns, mid)


def test_a_market_that_is_as_restless_as_it_was_is_quoted_as_it_was() -> None:
    about = about_part(ONE, ("volatility_30_s_log",))
    volatility = Volatility(about, lambda _: 0.3, None)
    assert volatility.ratio == 1.0
    volatile(volatility, 30, told=False)
    assert volatility.ratio == pytest.approx(1.0, abs=0.1)


def test_without_that_part_nothing_is_foretold_and_regimes_are_followed_all_the_same() -> None:
    volatility = Volatility(None, None, Regimes(stay_calm=0.99, stay_restless=0.99, calm=1.0, restless=4.0))
    now_ns, rng = S, random.Random(1)
    seen = []
    for deviation in (0.5, 4.0):
        for _ in range(200):
            now_ns += S
            volatility.on_mid(now_ns, 100.0 + 0.01 * deviation * rng.gauss(0.0, 1.0))
        volatility.on_time(now_ns)
        seen.append(volatility.restless)
    assert volatility.ratio == 1.0
    assert seen[0] < 0.1 < 0.9 < seen[1]


# -- fills and arrivals --------------------------------------------------------------------------------------


def test_losses_of_fills_are_told_by_the_side_that_they_come_to() -> None:
    """Where the imbalance leans up, those who buy from us know more; where it leans down, those who sell to us."""
    names = ("queue_imbalance", "spread_ratio")
    numbers = Linear(coefficients=(-1.0, 0.0), intercept=0.0)
    adverse = Adverse(about_part(numbers, names, deviation=1.0), numbers.compile(), names, 1.0, 0.1)
    rng, now_ns, mid = random.Random(1), S, 100.0
    for _ in range(400):
        lean = rng.choice([-1.0, 1.0])
        adverse.on_row(now_ns, [lean, 0.0], mid)
        side = rng.choice(list(Side))
        adverse.on_trade(Trade(now_ns + 2 * STEP_NS, mid, 1.0, side))
        # The mid goes a basis point where it leans.
        mid *= 1.0 + 1e-4 * lean
        now_ns += 2 * S
        adverse.on_mid(now_ns - S, mid)
        adverse.on_mid(now_ns, mid)
    assert adverse.belief.weight > 0.8
    adverse.on_row(now_ns, [1.0, 0.0], mid)
    assert adverse.of(Side.SELL) == pytest.approx(adverse.belief.weight)
    assert adverse.of(Side.BUY) == pytest.approx(-adverse.belief.weight)
    assert adverse.lately == "as usual"


def test_no_row_that_an_order_could_not_follow_is_held_against_a_trade() -> None:
    names = ("queue_imbalance",)
    adverse = Adverse(about_part(ONE, names), ONE.compile(), names, 1.0, 0.1)
    adverse.on_row(S, [1.0], 100.0)
    adverse.on_trade(Trade(S + STEP_NS // 2, 100.0, 1.0, Side.SELL))
    adverse.on_mid(10 * S, 101.0)
    adverse.on_mid(11 * S, 101.0)
    assert adverse.belief.outcomes == 0


def test_trades_that_come_more_often_are_told_by_side() -> None:
    names = ("trade_flow_2_s",)
    numbers = Linear(coefficients=(1.0,), intercept=0.0, link="log")
    arriving = Arriving(about_part(numbers, names, mean=1.0), numbers.compile(), names)
    rng, now_ns = random.Random(1), S
    for _ in range(400):
        lean = rng.choice([-0.5, 0.5])
        arriving.on_time(now_ns, [lean])
        for side in Side:
            # Of a bid the flow is as it is, of an ask it is turned; sellers fill bids.
            against = math.exp(lean if side is Side.BUY else -lean)
            for place in range(round(10 * against)):
                arriving.on_trade(Trade(now_ns + 1 + place * S // 10, 100.0, 1.0, side.opposite))
        now_ns += 5 * S
    arriving.on_time(now_ns, [0.5])
    assert arriving.belief.weight > 0.5
    assert arriving.ratio(Side.BUY) > 1.2 > 0.8 > arriving.ratio(Side.SELL)
