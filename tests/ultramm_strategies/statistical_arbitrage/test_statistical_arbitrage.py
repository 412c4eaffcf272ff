import math
from typing import Any

import msgspec
import numpy as np
import pytest

from ultramm.market import Book, Fill, Instrument, Level, Side
from ultramm.statarb.bands import best_bands
from ultramm.statarb.breaks import BreakLimits
from ultramm.statarb.ornstein_uhlenbeck import OrnsteinUhlenbeck
from ultramm_strategies.statistical_arbitrage.params import StatisticalArbitrageParams
from ultramm_strategies.statistical_arbitrage.strategy import StatisticalArbitrage

S = 1_000_000_000
INSTRUMENT = Instrument(
    id="ETHBTC.SIM",
    tick_size=0.001,
    lot_size=0.001,
    price_precision=3,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)
PARAMS = StatisticalArbitrageParams(max_position=1.0, other="BTCUSDT.SIM", bar_s=1.0, bars=600, reform_s=1e9)
NEVER = BreakLimits(unit_root_p=1.0, half_life_times=1e9, ratio_drift=1e9, cusum=1e9, jump_z=1e9)
HALF_LIFE, BETA, DEVIATION = 20.0, 0.8, 0.01


def touch(ts_ns: int, mid: float, half_spread: float = 0.002) -> Book:
    return Book(ts_ns, (Level(mid - half_spread, 9.0),), (Level(mid + half_spread, 9.0),))


class Market:
    """A pair of a known ratio and speed, seen once a second, and what a strategy makes of it."""

    def __init__(self, seed: int, count: int, params=PARAMS, deviation: float = DEVIATION) -> None:
        rng = np.random.default_rng(seed)
        keep = 0.5 ** (1.0 / HALF_LIFE)
        x = np.cumsum(rng.normal(0.0, 2e-3, count))
        residual = np.zeros(count)
        steps = rng.normal(0.0, deviation * math.sqrt(1.0 - keep**2), count)
        for i in range(1, count):
            residual[i] = keep * residual[i - 1] + steps[i]
        self.x, self.residual = 100.0 * np.exp(x), residual
        self.y = 50.0 * np.exp(BETA * x + residual)
        self.rng, self.variance = rng, (2e-3 * BETA) ** 2 + deviation**2 * (1.0 - keep**2)
        self.strategy = StatisticalArbitrage(params, msgspec.structs.replace(INSTRUMENT, maker_fee=0.0))
        self.inventory, self.now, self.fills = 0.0, 0, []
        self.quotes, self.decision = (), None

    def step(self) -> None:
        """One second: what rests is filled at its price where the market has gone through it."""
        strategy, now_ns = self.strategy, (self.now + 1) * S
        y, x = float(self.y[self.now]), float(self.x[self.now])
        for quote in self.quotes:
            price = INSTRUMENT.price(quote.ticks)
            if quote.taking:
                self._fill(now_ns, quote, y)
            elif self._reached(quote.side, price):
                self._fill(now_ns, quote, price)
        strategy.on_reference(touch(now_ns, x))
        strategy.on_book(touch(now_ns, y))
        strategy.recalibrate(now_ns)
        self.decision = strategy.decide(now_ns, self.inventory)
        self.quotes = self.decision.quotes
        self.now += 1

    def _reached(self, side: Side, price: float) -> bool:
        """Whether the price came there between two seconds: a Brownian bridge does not wait for the clock."""
        before, after = (side * math.log(float(self.y[each])) for each in (self.now - 1, self.now))
        away, left = before - side * math.log(price), after - side * math.log(price)
        if away <= 0.0 or left <= 0.0:
            return True
        return self.rng.random() < math.exp(-2.0 * away * left / self.variance)

    def _fill(self, now_ns, quote, price) -> None:
        size = INSTRUMENT.size(quote.lots)
        self.inventory = round(self.inventory + quote.side * size, 9)
        self.fills.append((self.now, quote.side, price, size))
        self.strategy.on_fill(Fill(now_ns, str(self.now), quote.side, price, size, 0.0, not quote.taking))

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()


def formed(market: Market) -> Market:
    """With its first quotes."""
    while not market.quotes:
        market.step()
    return market


def test_before_the_pair_is_formed_it_says_how_far_it_is() -> None:
    market = Market(1, 700)
    market.run(300)
    assert market.decision.quotes == ()
    assert market.decision.reasons[Side.BUY] == "no relation: has seen 298 of 600 bars"
    assert math.isnan(market.strategy.hedge_ratio("BTCUSDT.SIM"))


def test_it_rests_where_the_residual_pays_on_either_side() -> None:
    market = formed(Market(2, 700))
    bid, ask = market.decision.quotes
    relation = market.strategy._model.relation
    assert (bid.side, ask.side) == (Side.BUY, Side.SELL)
    assert market.strategy.hedge_ratio("BTCUSDT.SIM") == relation.beta == pytest.approx(BETA, abs=0.2)
    entry = market.decision.effects["entry_sigma"]
    for quote in (bid, ask):
        z = relation.z_score(INSTRUMENT.price(quote.ticks), [float(market.x[market.now - 1])])
        # At the band, or behind the touch where the market is beyond it.
        assert -quote.side * z >= entry - 0.01


BASKET = msgspec.structs.replace(PARAMS, other=("BTCUSDT.SIM", "SOLUSDT.SIM"))


def in_basket(seconds: int, strategy: StatisticalArbitrage) -> list[Any]:
    """One that follows two others, by 0.7 and 0.5, with a residual of a half-life of twenty; gives its decisions."""
    rng, found = np.random.default_rng(6), []
    one, two = np.cumsum(rng.normal(0.0, 2e-3, (2, seconds)), axis=1)
    residual = 0.0
    for now in range(seconds):
        residual = 0.5**0.05 * residual + rng.normal(0.0, 2e-3)
        ts_ns = (now + 1) * S
        strategy.on_references(0, touch(ts_ns, 100.0 * math.exp(one[now])))
        strategy.on_references(1, touch(ts_ns, 30.0 * math.exp(two[now])))
        strategy.on_book(touch(ts_ns, 50.0 * math.exp(0.7 * one[now] + 0.5 * two[now] + residual)))
        strategy.recalibrate(ts_ns)
        found.append(strategy.decide(ts_ns, 0.0))
    return found


def test_a_basket_is_quoted_around_what_all_others_say_and_each_hedge_has_its_ratio() -> None:
    strategy = StatisticalArbitrage(BASKET, INSTRUMENT)
    decisions = [each for each in in_basket(900, strategy) if each.quotes]
    assert {quote.side for decision in decisions for quote in decision.quotes} == set(Side)
    assert strategy.hedge_ratio("BTCUSDT.SIM") == pytest.approx(0.7, abs=0.12)
    assert strategy.hedge_ratio("SOLUSDT.SIM") == pytest.approx(0.5, abs=0.12)
    assert math.isnan(strategy.hedge_ratio("ETHUSDT.SIM"))
    effects = decisions[-1].effects
    assert effects["beta_solusdt_sim_x"] == strategy.hedge_ratio("SOLUSDT.SIM")
    # Both hedges cost: the fee and the half-spread of each, by its ratio.
    half_spreads = 0.7 * 0.002 / 100.0 + 0.5 * 0.002 / 30.0
    assert effects["cost_bps"] == pytest.approx(2e4 * ((0.7 + 0.5) * 5e-4 + half_spreads), rel=0.2)


def test_dollar_neutral_the_hedges_are_worth_what_the_first_is() -> None:
    pair = formed(Market(2, 700, msgspec.structs.replace(PARAMS, neutral="dollar"))).strategy
    assert pair.hedge_ratio("BTCUSDT.SIM") == 1.0
    basket = StatisticalArbitrage(msgspec.structs.replace(BASKET, neutral="dollar"), INSTRUMENT)
    in_basket(900, basket)
    one, two = (basket.hedge_ratio(other) for other in BASKET.references)
    assert one + two == pytest.approx(1.0)
    assert one / two == pytest.approx(0.7 / 0.5, rel=0.4)


def test_before_all_of_a_basket_were_seen_nothing_is_quoted() -> None:
    strategy = StatisticalArbitrage(BASKET, INSTRUMENT)
    strategy.on_book(touch(S, 50.0))
    strategy.on_references(1, touch(S, 30.0))
    assert strategy.decide(S, 0.0).reasons[Side.BUY] == "waits for all books"
    assert math.isnan(strategy.hedge_ratio("BTCUSDT.SIM"))


@pytest.mark.parametrize("other", [(), ("A.X", "A.X"), tuple(f"{name}.X" for name in "ABCDEF")])
def test_a_basket_has_one_to_five_others(other) -> None:
    with pytest.raises(ValueError, match="name one instrument, or up to 5 different ones"):
        StatisticalArbitrageParams(max_position=1.0, other=other)


def test_a_position_is_held_to_the_other_band_and_turned_there() -> None:
    market = Market(1, 4_000, msgspec.structs.replace(PARAMS, max_cycles=50.0, breaks=NEVER))
    market.run(4_000)
    sides = [side for _, side, _, _ in market.fills]
    assert len(sides) >= 10
    assert all(one != next_one for one, next_one in zip(sides, sides[1:], strict=False))
    assert [size for *_, size in market.fills[1:]] == [2.0] * (len(sides) - 1)
    # What a cycle took, beside what it was expected to take.
    turned = [now for now, *_ in market.fills[1:]]
    effects = market.decision.effects
    assert effects["seen_cycle_s"] == pytest.approx(2.0 * (turned[-1] - turned[0]) / (len(turned) - 1))
    assert 0.4 * effects["expected_cycle_s"] < effects["seen_cycle_s"] < 2.5 * effects["expected_cycle_s"]


def test_or_to_the_mean_and_closed_there() -> None:
    market = Market(1, 4_000, msgspec.structs.replace(PARAMS, exit="mean"))
    before = 0.0
    held = []
    for _ in range(4_000):
        market.step()
        if market.inventory != before:
            held.append(market.inventory)
        before = market.inventory
    assert len(held) >= 10
    assert set(held) <= {-1.0, 0.0, 1.0}
    # Out at the mean, before it goes in on either side.
    assert sum(each == 0.0 for each in held) >= 0.4 * len(held)


def test_less_is_held_of_what_varies_more() -> None:
    size = {}
    for deviation in (0.01, 0.02):
        params = msgspec.structs.replace(PARAMS, max_position=100.0, target_deviation=5.0)
        market = formed(Market(2, 700, params, deviation))
        size[deviation] = INSTRUMENT.size(market.decision.quotes[0].lots)
    # A deviation of 5 USDT of a position of some 50 USDT each that varies by one in a hundred: some ten.
    assert size[0.01] == pytest.approx(10.0, rel=0.35)
    assert size[0.02] == pytest.approx(0.5 * size[0.01], rel=0.1)


def holding(params=PARAMS, seed: int = 1) -> Market:
    """One that has just opened a position, long or short."""
    market = Market(seed, 6_000, params)
    while market.inventory == 0.0:
        market.step()
    market.step()
    return market


def test_what_goes_on_against_it_is_closed_at_once_and_rested_from() -> None:
    params = msgspec.structs.replace(PARAMS, breaks=BreakLimits(jump_z=1e9, cusum=1e9))
    market = holding(params)
    long = market.inventory > 0
    market.y[market.now :] *= 0.94 if long else 1.06
    market.step()
    (quote,) = market.decision.quotes
    assert quote.taking
    assert (quote.side is Side.SELL) == long
    assert "against it are allowed" in market.decision.reasons[quote.side.opposite]
    market.run(3)
    assert market.inventory == 0.0
    assert "rests for" in market.decision.reasons[Side.BUY]


def test_what_does_not_come_back_in_time_is_closed() -> None:
    market = holding(msgspec.structs.replace(PARAMS, max_cycles=0.02))
    market.run(10)
    assert market.inventory == 0.0
    assert "are allowed" in market.decision.reasons[Side.BUY]


def test_a_relation_that_breaks_is_left_with_a_reason_and_not_entered_again() -> None:
    market = holding()
    market.y[market.now :] *= 1.5
    market.run(5)
    assert market.inventory == 0.0
    assert market.strategy._model.broke == 1
    assert (
        "the relation broke: " in market.decision.reasons[Side.BUY] or "rests for" in market.decision.reasons[Side.BUY]
    )
    fills = len(market.fills)
    market.run(200)
    assert len(market.fills) == fills
    assert market.strategy._model.relation is None


def net_rate(market: Market, cost: float) -> float:
    """Of what is left between the prices, gained a second after costs, for a position of one either way."""
    gained, held, at = 0.0, 0.0, 0.0
    for now, side, price, size in market.fills:
        residual = math.log(price) - BETA * math.log(float(market.x[now]))
        gained += held * (residual - at) - 0.5 * cost * size
        held, at = held + side * size, residual
    return gained / (market.now - 600)


@pytest.mark.integration
@pytest.mark.parametrize("seed", [7, 8])
def test_over_500_cycles_it_earns_what_bertram_says_can_be_earned(seed) -> None:
    """Always in: twice what one side alone brings. Estimates of the process cost some of it."""
    speed = math.log(2.0) / HALF_LIFE
    process = OrnsteinUhlenbeck(speed=speed, mean=0.0, eta=DEVIATION * math.sqrt(2.0 * speed))
    params = msgspec.structs.replace(PARAMS, bars=2_000, reform_s=2_000.0, least_z=0.0, stop_z=8.0, max_cycles=20.0,
                                     other_fee_bps=15.0, breaks=NEVER)  # fmt: skip
    market = Market(seed, 62_000, params)
    market.run(62_000)
    cost = 2.0 * BETA * 15e-4
    best = best_bands(process, cost)
    earned = net_rate(market, cost) / (1.0 - 2_000 / market.now)
    assert len(market.fills) >= 2 * 500
    assert earned == pytest.approx(2.0 * best.gain_per_s, rel=0.15)


@pytest.mark.integration
def test_of_two_walks_that_nothing_binds_hardly_any_entry_is_made_and_nothing_earned() -> None:
    formed, asked, gains = 0, 0, []
    for seed in range(60):
        rng = np.random.default_rng(1_000 + seed)
        market = Market(seed, 3_000)
        market.y = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 2e-3, 3_000)))
        market.strategy = StatisticalArbitrage(msgspec.structs.replace(PARAMS, reform_s=600.0), INSTRUMENT)
        market.variance = 4e-6
        for _ in range(3_000):
            market.step()
            if market.now > 610 and market.now % 600 == 10:
                asked += 1
                formed += market.strategy._model.relation is not None
        worth = sum(-side * price * size for _, side, price, size in market.fills) + market.inventory * market.y[-1]
        gains.append(worth - sum(10e-4 * price * size for _, _, price, size in market.fills))
    assert 1.0 - formed / asked >= 0.94
    error = float(np.std(gains)) / math.sqrt(len(gains))
    assert np.mean(gains) <= 2.0 * error
