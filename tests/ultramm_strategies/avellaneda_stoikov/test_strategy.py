"""The reference quoter against the paper's formulas."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from market_path import drive, instrument, market

from ultramm.market import Book, Level, Side
from ultramm.plugin import load
from ultramm.quoting.avellaneda_stoikov import reservation_price, spread
from ultramm_strategies.avellaneda_stoikov import PLUGIN
from ultramm_strategies.avellaneda_stoikov.params import AvellanedaStoikovParams
from ultramm_strategies.avellaneda_stoikov.strategy import AvellanedaStoikov

S = 1_000_000_000
# The paper's own numbers: sigma 2, kappa 1.5, gamma 0.1, horizon 1; a price of 100 and a fine grid.
PAPER = instrument(100.0, tick_size=1e-4, price_precision=4, lot_size=1.0, size_precision=0)


def maker(**params: Any) -> AvellanedaStoikov:
    given = {"order_size": 1, "max_position": 100, "gamma": 0.1, "horizon_s": 1.0, "sigma": 2.0, "kappa": 1.5, **params}
    return AvellanedaStoikov(msgspec.convert(given, AvellanedaStoikovParams), PAPER)


def book(ts_ns: int = 0) -> Book:
    return Book(ts_ns, (Level(60.0, 1.0),), (Level(140.0, 1.0),))


def test_the_plugin_leads_here() -> None:
    assert load(PLUGIN.params) is AvellanedaStoikovParams
    assert load(PLUGIN.strategy) is AvellanedaStoikov


@pytest.mark.parametrize("inventory", [-5, 0, 1, 20])
@pytest.mark.parametrize("at_s", [0.0, 0.25, 0.999])
def test_quotes_are_half_the_papers_spread_about_its_reservation_price(inventory: int, at_s: float) -> None:
    strategy = maker()
    strategy.on_book(book())
    strategy.decide(0, 0.0)  # the horizon begins
    decision = strategy.decide(round(at_s * S), inventory)

    middle = reservation_price(100.0, inventory, 0.1, 2.0, 1.0 - at_s)
    half = 0.5 * spread(0.1, 2.0, 1.5, 1.0 - at_s)
    assert decision.reservation_price == pytest.approx(middle, abs=1e-9)
    (bid,), (ask,) = decision.side(Side.BUY), decision.side(Side.SELL)
    assert PAPER.price(bid.ticks) == pytest.approx(middle - half, abs=1.01e-4)
    assert PAPER.price(ask.ticks) == pytest.approx(middle + half, abs=1.01e-4)


def test_the_paper_at_its_start() -> None:
    """Spread of 1.49 in all at t = 0 without inventory: 0.4 of risk and 1.29 of (2 / gamma) ln(1 + gamma / kappa)."""
    assert spread(0.1, 2.0, 1.5, 1.0) == pytest.approx(0.4 + 20.0 * 0.06453852, abs=1e-6)


def test_another_horizon_begins_when_one_is_over() -> None:
    strategy = maker()
    strategy.on_book(book())
    strategy.decide(0, 0.0)
    late = strategy.decide(S - 1, 5.0)
    anew = strategy.decide(S, 5.0)
    assert late.effects["left_s"] < 1e-6
    assert anew.effects["left_s"] == 1.0
    assert anew.reservation_price < late.reservation_price


def test_what_is_not_given_is_estimated() -> None:
    of = instrument()
    params = {"order_size": 0.01, "max_position": 0.1, "gamma": 1e-3}
    strategy = AvellanedaStoikov(msgspec.convert(params, AvellanedaStoikovParams), of)
    assert "volatility" in drive(strategy, market(of, seconds=3.0))[-1][1].reasons[Side.BUY]

    drive(strategy, market(of, start_s=3.0))
    decision = strategy.decide(0, 0.0)
    assert decision.quotes
    assert decision.effects["kappa_per_bps"] > 0
    assert decision.effects["sigma_bps"] > 0
