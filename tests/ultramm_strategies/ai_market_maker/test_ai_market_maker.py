"""The engine around a learned forecast: without a model it is the engine alone, with one it moves and gates."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from market_path import drive, flow, instrument, market
from stored_models import keep

from ultramm.checkpoint import Checkpoint, Origin, Recalled
from ultramm.features.regime import Regimes
from ultramm.inference.exported import Linear
from ultramm.inference.forecasts import Forecasts
from ultramm.learning.registry import Promotion, Registry
from ultramm.market import Side
from ultramm.plugin import load
from ultramm_strategies.ai_market_maker import PLUGIN
from ultramm_strategies.ai_market_maker.params import AiParams
from ultramm_strategies.ai_market_maker.strategy import AiMarketMaker

BTC, S = instrument(), 1_000_000_000


class Told:
    """In place of what a model says: so much, and no more."""

    def __init__(self, forecasts: Forecasts, **said: Any) -> None:
        self._forecasts = forecasts
        self.move_bps, self.uncertainty, self.restless, self.strange = 0.0, 0.0, 0.0, ""
        self.horizon_s, self.weight, self.doubt, self.volatility_ratio = 1.0, 1.0, "", 1.0
        self.lost: dict[Side, float] = {}
        self.come: dict[Side, float] = {}
        for name, value in said.items():
            setattr(self, name, value)

    def adverse_bps(self, side: Side) -> float:
        return self.lost.get(side, 0.0)

    def arrivals(self, side: Side) -> float:
        return self.come.get(side, 1.0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._forecasts, name)


def calibrated(folder: Path, **params: Any) -> AiMarketMaker:
    given = {"order_size": 0.01, "max_position": 0.1, "model": "none", "models": str(folder), **params}
    strategy = AiMarketMaker(msgspec.convert(given, AiParams), BTC)
    drive(strategy, market(BTC, seconds=300.0))
    return strategy


def told(folder: Path, said: dict[str, Any] | None = None, **params: Any) -> AiMarketMaker:
    strategy = calibrated(folder, **params)
    strategy._forecasts = Told(strategy._forecasts, **(said or {}))  # type: ignore[assignment]
    return strategy


def solved(strategy: AiMarketMaker) -> dict[str, float]:
    """What it quotes by once it has solved anew."""
    strategy.recalibrate(300 * S)
    return strategy.decide(0, 0.0).effects


def prices(strategy: AiMarketMaker, inventory: float = 0.0) -> dict[Side, float]:
    decision = strategy.decide(0, inventory)
    return {quote.side: BTC.price(quote.ticks) for quote in decision.quotes}


def test_the_plugin_leads_here() -> None:
    assert load(PLUGIN.params) is AiParams
    assert load(PLUGIN.strategy) is AiMarketMaker


def test_without_a_model_it_is_the_engine_alone_and_says_why(tmp_path: Path) -> None:
    from ultramm_strategies.glft.params import GlftParams
    from ultramm_strategies.glft.strategy import Glft

    engine = Glft(GlftParams(order_size=0.01, max_position=0.1), BTC)
    drive(engine, market(BTC, seconds=300.0))
    strategy = calibrated(tmp_path)
    for inventory in (-0.05, 0.0, 0.08):
        assert strategy.decide(0, inventory).quotes == engine.decide(0, inventory).quotes
    assert "no model none; there are: none" in strategy.doubt
    assert strategy.models == ()
    assert strategy.decide(0, 0.0).effects["forecast_bps"] == 0.0


def test_both_quotes_move_with_what_is_expected(tmp_path: Path) -> None:
    still, up = prices(told(tmp_path)), prices(told(tmp_path, {"move_bps": 1.5}))
    for side in Side:
        assert up[side] > still[side]
    strategy = told(tmp_path, {"move_bps": 1.5})
    decision = strategy.decide(0, 0.0)
    assert decision.effects["forecast_bps"] == 1.5
    assert strategy._book is not None
    mid, reverts = strategy._book.mid, strategy._reversion_rate
    assert 0.0 < reverts < 1.0
    assert decision.fair / mid - 1.0 == pytest.approx(1.5e-4 / (1.0 + reverts))


def test_a_side_that_is_expected_to_lose_is_not_quoted_unless_it_brings_a_position_back(tmp_path: Path) -> None:
    strategy = told(tmp_path, {"move_bps": -400.0})
    strategy._reversion_rate = 1.0  # half of the move is in the price, half would be lost
    assert strategy.decide(0, 0.0).reasons[Side.BUY] == "the forecast is against it"
    assert strategy.decide(0, 0.0).side(Side.SELL)
    assert strategy.decide(0, -0.05).side(Side.BUY)
    ungated = told(tmp_path, {"move_bps": -400.0}, gate=False)
    ungated._reversion_rate = 1.0
    assert ungated.decide(0, 0.0).side(Side.BUY)


def test_forecasts_that_are_far_off_move_both_sides_away(tmp_path: Path) -> None:
    sure, unsure = prices(told(tmp_path)), prices(told(tmp_path, {"uncertainty": 1.0}))
    for side in Side:
        assert side * (sure[side] - unsure[side]) > 0.0
    strategy = told(tmp_path, {"uncertainty": 1.0})
    effects = strategy.decide(0, 0.0).effects
    assert effects["wider_bps"] == pytest.approx(0.5 * effects["half_spread_bps"])


def test_before_it_is_calibrated_it_says_why(tmp_path: Path) -> None:
    given = {"order_size": 0.01, "max_position": 0.1, "model": "none", "models": str(tmp_path)}
    strategy = AiMarketMaker(msgspec.convert(given, AiParams), BTC)
    assert strategy.decide(0, 0.0).reasons[Side.BUY] == "waits for a two-sided book"
    drive(strategy, market(BTC, seconds=2.0))
    decision = strategy.decide(0, 0.0)
    assert not decision.quotes
    assert decision.reasons[Side.BUY]
    assert math.isfinite(decision.effects["forecast_bps"])


def test_how_far_quotes_follow_and_stand_away_is_a_choice(tmp_path: Path) -> None:
    half, still = told(tmp_path, {"move_bps": 1.5}, follow=0.5), told(tmp_path, {"move_bps": 1.5}, follow=0.0)
    assert half.decide(0, 0.0).effects["forecast_bps"] == 0.75
    assert still.decide(0, 0.0).fair == pytest.approx(still._book.mid)  # type: ignore[union-attr]
    wide = told(tmp_path, spread=1.5).decide(0, 0.0).effects
    assert wide["wider_bps"] == pytest.approx(0.5 * wide["half_spread_bps"])


@pytest.mark.parametrize(
    ("said", "params", "share"),
    [
        ({"restless": 0.5}, {"restless": 1.0}, 0.5),
        ({"restless": 0.5}, {}, 0.0),
        ({"strange": "never seen"}, {}, 0.5),
        ({"strange": "never seen"}, {"doubtful": 0.0}, 0.0),
    ],
)
def test_in_a_market_to_be_careful_in_both_sides_stand_further_away(
    tmp_path: Path, said: dict[str, Any], params: dict[str, float], share: float
) -> None:
    effects = told(tmp_path, said, **params).decide(0, 0.0).effects
    assert effects["wider_bps"] == pytest.approx(share * effects["half_spread_bps"])


def test_a_side_whose_fills_lose_stands_further_away_by_that_and_the_other_stays(tmp_path: Path) -> None:
    still, toxic = prices(told(tmp_path)), prices(told(tmp_path, {"lost": {Side.BUY: 4.0, Side.SELL: -4.0}}))
    assert toxic[Side.SELL] == still[Side.SELL]
    assert still[Side.BUY] - toxic[Side.BUY] == pytest.approx(4e-4 * 50_000.0, rel=0.3)
    # What the shift of fair value takes off already is not taken off twice.
    both = told(tmp_path, {"move_bps": -3.0, "lost": {Side.BUY: 2.0}}).decide(0, 0.0).effects
    assert both["bid_toxic_bps"] == 0.0
    twice = told(tmp_path, {"lost": {Side.BUY: 4.0}}, toxicity=2.0).decide(0, 0.0).effects
    assert twice["bid_toxic_bps"] == pytest.approx(8.0)


def test_volatility_and_arrivals_that_are_foretold_are_in_the_table(tmp_path: Path) -> None:
    usual = solved(told(tmp_path))
    said = {"volatility_ratio": 2.0, "come": {Side.BUY: 3.0, Side.SELL: 0.5}}
    found = solved(told(tmp_path, said))
    assert found["sigma_bps"] == pytest.approx(2.0 * usual["sigma_bps"])
    assert found["bid_arrivals_per_s"] == pytest.approx(3.0 * usual["bid_arrivals_per_s"])
    assert found["ask_arrivals_per_s"] == pytest.approx(0.5 * usual["ask_arrivals_per_s"])


def test_a_model_is_taken_up_while_it_runs_and_rolled_back(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    strategy = calibrated(tmp_path, model="toy")
    assert "no model toy" in strategy.doubt
    about = keep(tmp_path, promoted=False, instrument=BTC.id)
    strategy.recalibrate(310 * S)
    assert [(state.id, state.trades) for state in strategy.models] == [(about.id, False)]
    assert strategy.doubt == f"model {about.id} was not promoted: it is in the shadow; see ultramm model promote"
    registry.promote(Promotion(name="toy", id=about.id, when="", how="promoted"))
    strategy.recalibrate(320 * S)
    assert [(state.id, state.trades) for state in strategy.models] == [(about.id, True)]
    assert strategy.doubt == ""
    registry.promote(Promotion(name="toy", id="", when="", how="rolled back"))
    strategy.recalibrate(330 * S)
    assert strategy.models == ()
    assert "was not promoted" in strategy.doubt


def test_between_two_looks_the_registry_is_let_be(tmp_path: Path) -> None:
    strategy = calibrated(tmp_path, model="toy")
    strategy.recalibrate(310 * S)
    keep(tmp_path, instrument=BTC.id)
    strategy.recalibrate(311 * S)
    assert strategy.models == ()
    strategy.recalibrate(316 * S)
    assert len(strategy.models) == 1


def test_an_id_means_that_one_and_unproven_ones_are_for_backtests(tmp_path: Path) -> None:
    first = keep(tmp_path, instrument=BTC.id)
    second = keep(tmp_path, slope=2.0, last_ns=9, promoted=False, instrument=BTC.id)

    def source(**changes: Any) -> tuple[str, str]:
        given = {"order_size": 0.01, "max_position": 0.1, "models": str(tmp_path)} | changes
        found = msgspec.convert(given, AiParams).source
        return found.trading, found.shadow

    assert source(model="toy") == (first.id, second.id)
    assert source(model=first.id) == (first.id, "")
    assert source(model=second.id) == ("", second.id)
    assert source(model=second.id, unproven=True) == (second.id, "")
    assert source(model="toy", unproven=True) == (first.id, "")
    params = msgspec.convert({"order_size": 1, "max_position": 1, "model": "toy", "unproven": True}, AiParams)
    assert "of backtests" in params.backtest_only


def test_a_way_to_quote_is_chosen_and_shown(tmp_path: Path) -> None:
    strategy = calibrated(tmp_path, profiles={"normal": {}, "wide": {"spread": 3.0}}, profile_s=10.0)
    seen = set()
    for step in range(60):
        strategy.recalibrate((400 + 10 * step) * S)
        effects = strategy.decide(0, 0.0).effects
        seen.add((effects["profile"], round(effects["wider_bps"] / effects["half_spread_bps"], 6)))
    assert seen == {(0.0, 0.0), (1.0, 2.0)}


def test_kept_with_its_models_it_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    """Trading model and shadow, four parts, regimes, a way to quote that was chosen: through the file of a restart."""
    one, log = Linear(coefficients=(0.3,), intercept=0.0), Linear(coefficients=(0.1,), intercept=0.0, link="log")
    others: dict[str, Any] = {
        "volatility": (one, ("volatility_30_s_log",)),
        "adverse": (one, ("queue_imbalance",)),
        "arrivals": (log, ("trade_flow_2_s",)),
    }
    regimes = Regimes(stay_calm=0.99, stay_restless=0.95, calm=0.8, restless=2.0)
    for slope, promoted in ((1.0, True), (2.0, False)):
        keep(tmp_path, slope, others, regimes, promoted, instrument=BTC.id, last_ns=round(slope))
    given = {"order_size": 0.01, "max_position": 0.05, "model": "toy", "models": str(tmp_path), "max_age_h": 1e9}
    params = msgspec.convert({**given, "profiles": {"a": {}, "b": {"spread": 2.0}}, "profile_s": 30.0}, AiParams)
    events = list(flow(500.0, 0.5))
    straight, kept = AiMarketMaker(params, BTC), AiMarketMaker(params, BTC)
    for strategy in (straight, kept):
        drive(strategy, events[: len(events) // 2])
    origin, file = Origin.of(AiMarketMaker), Checkpoint(tmp_path / "checkpoint", 60.0)
    file.keep("key", origin, kept, 0, 0)
    file.write(0)
    found = Checkpoint(tmp_path / "checkpoint", 60.0).recall("key", origin, 0)
    assert isinstance(found, Recalled), found
    again = found.strategy
    assert [state.trades for state in again.models] == [True, False]
    assert again.models[0].outcomes > 1_000
    rest = events[len(events) // 2 :]
    assert repr(drive(again, rest)) == repr(drive(straight, rest))
    assert again.models == straight.models
