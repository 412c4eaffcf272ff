"""The engine around a learned forecast: without a model it is the engine alone, with one it moves and gates."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from market_path import drive, instrument, market

from ultramm.market import Side
from ultramm.plugin import load
from ultramm_strategies.ai_market_maker import PLUGIN
from ultramm_strategies.ai_market_maker.params import AiParams
from ultramm_strategies.ai_market_maker.strategy import AiMarketMaker

BTC = instrument()


class Told:
    """In place of what a model says: so much, and no more."""

    def __init__(self, alpha: Any, move_bps: float = 0.0, uncertainty: float = 0.0) -> None:
        self._alpha, self.move, self.uncertainty = alpha, move_bps, uncertainty
        self.horizon_s, self.weight, self.doubt = 1.0, 1.0, ""

    def move_bps(self, now_ns: int, mid: float) -> float:
        return self.move

    def __getattr__(self, name: str) -> Any:
        return getattr(self._alpha, name)


def calibrated(folder: Path, **params: Any) -> AiMarketMaker:
    given = {"order_size": 0.01, "max_position": 0.1, "model": "none", "models": str(folder), **params}
    strategy = AiMarketMaker(msgspec.convert(given, AiParams), BTC)
    drive(strategy, market(BTC, seconds=300.0))
    return strategy


def told(folder: Path, move_bps: float = 0.0, uncertainty: float = 0.0, **params: Any) -> AiMarketMaker:
    strategy = calibrated(folder, **params)
    strategy._alpha = Told(strategy._alpha, move_bps, uncertainty)  # type: ignore[assignment]
    return strategy


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
    assert "about.json: cannot be read" in strategy.doubt
    assert strategy.decide(0, 0.0).effects["model_weight_pct"] == 0.0


def test_both_quotes_move_with_what_is_expected(tmp_path: Path) -> None:
    still, up = prices(told(tmp_path)), prices(told(tmp_path, 1.5))
    for side in Side:
        assert up[side] > still[side]
    strategy = told(tmp_path, 1.5)
    decision = strategy.decide(0, 0.0)
    assert decision.effects["forecast_bps"] == 1.5
    assert strategy._book is not None
    mid, reverts = strategy._book.mid, strategy._reversion_rate
    assert 0.0 < reverts < 1.0
    assert decision.fair / mid - 1.0 == pytest.approx(1.5e-4 / (1.0 + reverts))


def test_a_side_that_is_expected_to_lose_is_not_quoted_unless_it_brings_a_position_back(tmp_path: Path) -> None:
    strategy = told(tmp_path, -400.0)
    strategy._reversion_rate = 1.0  # half of the move is in the price, half would be lost
    assert strategy.decide(0, 0.0).reasons[Side.BUY] == "the forecast is against it"
    assert strategy.decide(0, 0.0).side(Side.SELL)
    assert strategy.decide(0, -0.05).side(Side.BUY)
    ungated = told(tmp_path, -400.0, gate=False)
    ungated._reversion_rate = 1.0
    assert ungated.decide(0, 0.0).side(Side.BUY)


def test_forecasts_that_are_far_off_move_both_sides_away(tmp_path: Path) -> None:
    sure, unsure = prices(told(tmp_path)), prices(told(tmp_path, uncertainty=1.0))
    for side in Side:
        assert side * (sure[side] - unsure[side]) > 0.0
    strategy = told(tmp_path, uncertainty=1.0)
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
    assert math.isfinite(decision.effects["model_weight_pct"])
