"""The adaptive market maker: its gate, its effects one by one, and what it does with a position."""

from __future__ import annotations

import math
import random
from typing import Any

import msgspec
import pytest
from market_path import MS, drive, flow, instrument, market, touch

from ultramm.abilities import Judging
from ultramm.market import Book, Instrument, Level, Side, Trade
from ultramm.plugin import load
from ultramm_strategies.adaptive_market_maker import PLUGIN
from ultramm_strategies.adaptive_market_maker.conditions import Conditions
from ultramm_strategies.adaptive_market_maker.params import AdaptiveParams
from ultramm_strategies.adaptive_market_maker.strategy import AdaptiveMarketMaker

BTC = instrument()
S = 1_000_000_000
EFFECTS = ("volatility", "volume", "liquidity", "toxicity", "order_flow", "trend", "mean_reversion")
OFF = dict.fromkeys(EFFECTS, False)


def maker(of: Instrument = BTC, **params: Any) -> AdaptiveMarketMaker:
    given = {"order_size": 0.01, "max_position": 0.1, **params}
    return AdaptiveMarketMaker(msgspec.convert(given, AdaptiveParams), of)


def test_the_plugin_leads_here() -> None:
    assert load(PLUGIN.params) is AdaptiveParams
    assert load(PLUGIN.strategy) is AdaptiveMarketMaker


# -- the gate --------------------------------------------------------------------------------------------------


def test_it_waits_until_fills_were_shown_to_pay() -> None:
    strategy = maker()
    drive(strategy, flow(90.0, impact_ticks=0.0))
    decision = strategy.decide(90 * S, 0.0)
    assert not decision.quotes
    assert "too few fills" in decision.reasons[Side.BUY]


def test_it_quotes_where_fills_pay() -> None:
    strategy = maker()
    drive(strategy, flow(1500.0, impact_ticks=0.0))
    decision = strategy.decide(1500 * S, 0.0)
    assert decision.side(Side.BUY)
    assert decision.side(Side.SELL)
    assert math.isfinite(decision.effects["bid_least_bps"])
    # What it judged by can be shown: nearest first, and fewer fills further out.
    assert isinstance(strategy, Judging)
    points = strategy.edge_points(Side.BUY)
    assert [point.depth for point in points] == sorted(point.depth for point in points)
    assert points[0].edge > 0
    assert points[0].fill_rate > points[5].fill_rate


def test_it_stays_away_where_fills_are_under_water() -> None:
    """Each order moves the price by more than any quote could earn on it."""
    strategy = maker()
    found = drive(strategy, flow(1500.0, impact_ticks=9.0))
    assert not any(decision.quotes for _, decision in found)
    assert "no depth has been shown to pay: the best earns -" in found[-1][1].reasons[Side.BUY]


def test_without_the_gate_it_quotes_there_all_the_same() -> None:
    strategy = maker(edge_gate=False)
    drive(strategy, flow(300.0, impact_ticks=9.0))
    assert strategy.decide(300 * S, 0.0).quotes


def test_a_fee_that_no_fill_earns_keeps_it_closed() -> None:
    strategy = maker(instrument(maker_fee=0.01))
    drive(strategy, flow(1500.0, impact_ticks=0.0))
    assert not strategy.decide(1500 * S, 0.0).quotes


def test_a_rare_quote_is_judged_later() -> None:
    """Five seconds after a fill, a feed of one quote in ten shows the mid of before."""
    strategy = maker()
    rare = (e for i, e in enumerate(flow(12_000.0, impact_ticks=0.0)) if isinstance(e, Trade) or i % 100 == 0)
    drive(strategy, rare)
    horizons = [curve.horizon_s for curve in strategy._judge._curves]
    assert horizons[0] > 20.0
    assert horizons[1] > horizons[0]


# -- a position ------------------------------------------------------------------------------------------------


def test_a_closed_gate_works_a_position_off_and_never_turns_it() -> None:
    strategy = maker(toxicity=False)
    drive(strategy, flow(90.0, impact_ticks=0.0))
    for inventory in (0.004, 0.03, -0.004, -0.03):
        side = Side.SELL if inventory > 0 else Side.BUY
        decision = strategy.decide(90 * S, inventory)
        assert not decision.side(side.opposite)
        assert sum(BTC.size(quote.lots) for quote in decision.side(side)) == pytest.approx(min(0.01, abs(inventory)))


def test_what_is_left_of_a_position_and_too_small_to_send_is_said() -> None:
    of = instrument(min_size=0.01)
    strategy = maker(of)
    drive(strategy, flow(90.0, impact_ticks=0.0))
    assert "what is left of position 0.004" in strategy.decide(90 * S, 0.004).reasons[Side.SELL]


# -- the effects -----------------------------------------------------------------------------------------------


def test_without_effects_and_gate_it_is_the_glft_quoter() -> None:
    from ultramm_strategies.glft.params import GlftParams
    from ultramm_strategies.glft.strategy import Glft

    plain = maker(edge_gate=False, **{**OFF, "volatility": True})
    glft = Glft(msgspec.convert({"order_size": 0.01, "max_position": 0.1}, GlftParams), BTC)
    for strategy in (plain, glft):
        drive(strategy, market(BTC, seconds=200.0))
    for inventory in (-0.06, 0.0, 0.02):
        assert plain.decide(0, inventory).quotes == glft.decide(0, inventory).quotes


@pytest.mark.parametrize("name", ["order_flow", "trend", "mean_reversion"])
def test_a_forecast_that_is_switched_off_is_not_there(name: str) -> None:
    strategy = maker(edge_gate=False, **{name: False})
    drive(strategy, market(BTC, seconds=120.0))
    effects = strategy.decide(120 * S, 0.0).effects
    assert f"{name}_bps" not in effects
    assert {f"{other}_bps" for other in ("order_flow", "trend", "mean_reversion") if other != name} <= effects.keys()


def test_the_book_tells_where_the_mid_goes_and_the_quotes_follow() -> None:
    strategy = maker(edge_gate=False)
    events = list(flow(400.0, impact_ticks=0.0, lean=0.5))
    drive(strategy, events)
    bids = tuple(Level(BTC.price(499_998 - i), 2.0) for i in range(10))
    asks = tuple(Level(BTC.price(500_002 + i), 1.0) for i in range(10))
    deep = Book(500 * S, bids, asks)
    strategy.on_book(touch(deep))
    strategy.on_book(deep)
    up = strategy.decide(500 * S, 0.0)
    assert up.effects["order_flow_bps"] > 0.0
    assert up.fair > deep.mid


def test_nothing_to_forecast_is_not_believed() -> None:
    strategy = maker(edge_gate=False)
    found = drive(strategy, market(BTC, seconds=600.0))
    half = found[-1][1].effects["half_spread_bps"]
    shifts = [abs(d.fair - b.mid) / b.mid * 1e4 for b, d in found[-1000:] if d.effects]
    assert sum(shifts) / len(shifts) < 0.1 * half


def test_a_thin_touch_widens() -> None:
    strategy = maker(edge_gate=False, **{**OFF, "liquidity": True})
    drive(strategy, flow(300.0, impact_ticks=0.0))
    usual = strategy.decide(300 * S, 0.0).effects["liquidity_bps"]
    for step in range(600):
        ts_ns = 300 * S + step * 100 * MS
        strategy.on_book(Book(ts_ns, (Level(49_999.8, 0.1),), (Level(50_000.2, 0.1),)))
    thin = strategy.decide(360 * S, 0.0).effects["liquidity_bps"]
    assert usual < 0.05 < thin


def test_toxicity_takes_size_off_its_side_down_to_the_smallest_order() -> None:
    strategy = maker(edge_gate=False, order_size=0.1, max_position=1.0)
    book = Book(0, (Level(49_999.8, 1.0),), (Level(50_000.2, 1.0),))
    sizes = [strategy._lots(toxic, [1.0], book) for toxic in (-1.0, 0.0, 0.25, 0.5, 2.0)]
    assert sizes == [100, 100, 75, 50, 20]
    small = maker(edge_gate=False, order_size=0.001, max_position=0.5)
    assert small._lots(2.0, [1.0], book) == 1


def test_impact_beyond_the_usual_is_believed_as_far_as_it_has_lasted() -> None:
    """Minutes in which buyers move the price alternate with minutes in which they do not."""
    from ultramm.calibration.market_orders import MarketOrder

    def run(lasting: bool) -> float:
        rng, conditions, mid, found = random.Random(4), Conditions(), 100.0, []
        for step in range(40_000):
            ts_ns = step * 100 * MS
            conditions.on_book(Book(ts_ns, (Level(mid - 1, 1.0),), (Level(mid + 1, 1.0),)))
            toxic = (step // 1200) % 2 == 0 if lasting else rng.random() < 0.5
            if step % 20 == 0:
                conditions.on_market_order(MarketOrder(ts_ns, Side.BUY, mid, mid + 2, 1.0))
                mid += 0.4 if toxic else 0.0
            if step % 1200 == 1100 and (step // 1200) % 2 == 0 and step > 20_000:
                found.append(conditions.toxicity(Side.SELL))
        return sum(found) / len(found)

    lasting, chance = run(True), run(False)
    assert lasting > 5 * abs(chance)
    assert lasting > 0.1


def test_volume_is_compared_over_the_time_that_was_seen() -> None:
    conditions = Conditions()
    conditions.on_book(Book(0, (Level(99.0, 1.0),), (Level(101.0, 1.0),)))
    for second in range(300):
        conditions.on_trade(Trade(second * S, 100.0, 2.0 if second >= 240 else 1.0, Side.BUY))
    assert conditions.volume_ratio(20 * S) == 1.0
    assert 1.2 < conditions.volume_ratio(299 * S) < 2.0
