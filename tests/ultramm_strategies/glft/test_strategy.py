"""The GLFT quoter: what it quotes is the table, and it says why it does not."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from market_path import drive, instrument, market

from ultramm.market import Instrument, Side
from ultramm.plugin import load
from ultramm.quoting.decision import Decision
from ultramm_strategies.glft import PLUGIN
from ultramm_strategies.glft.params import GlftParams
from ultramm_strategies.glft.strategy import Glft

BTC = instrument()


def maker(of: Instrument = BTC, **params: Any) -> Glft:
    given = {"order_size": 0.01, "max_position": 0.1, **params}
    return Glft(msgspec.convert(given, GlftParams), of)


def calibrated(of: Instrument = BTC, seconds: float = 300.0, **params: Any) -> Glft:
    strategy = maker(of, **params)
    drive(strategy, market(of, seconds=seconds))
    return strategy


def distances(decision: Decision, side: Side, of: Instrument = BTC) -> list[float]:
    return [side * (decision.fair - of.price(quote.ticks)) for quote in decision.side(side)]


def test_the_plugin_leads_here() -> None:
    assert load(PLUGIN.params) is GlftParams
    assert load(PLUGIN.strategy) is Glft


def test_kappa_is_that_of_the_markets_orders() -> None:
    """Orders reach an exponential distance of mean two ticks beyond the touch, in whole ticks: 0.5 to 0.6 a tick."""
    effects = calibrated().decide(0, 0.0).effects
    bps = 1e-4 * 50_000.0
    assert effects["kappa_per_bps"] / bps * BTC.tick_size == pytest.approx(0.5, rel=0.25)
    assert effects["sigma_bps"] * bps / BTC.tick_size == pytest.approx(0.4 * math.sqrt(10), rel=0.2)


def test_quotes_stand_at_the_tables_depths_rounded_away() -> None:
    strategy = calibrated()
    for inventory in (-0.03, 0.0, 0.05):
        decision = strategy.decide(0, inventory)
        bps = 1e-4 * decision.fair
        half, lean = decision.effects["half_spread_bps"] * bps, decision.effects["inventory_skew_bps"] * bps
        assert decision.reservation_price == pytest.approx(decision.fair + lean)
        bid, ask = distances(decision, Side.BUY)[0], distances(decision, Side.SELL)[0]
        assert half - lean - 0.2 * half <= bid <= half - lean + BTC.tick_size + 0.2 * half
        assert half + lean - 0.2 * half <= ask <= half + lean + BTC.tick_size + 0.2 * half


def test_inventory_leans_both_quotes_against_it() -> None:
    strategy = calibrated()
    leans = [strategy.decide(0, lots * 0.01).effects["inventory_skew_bps"] for lots in range(-9, 10)]
    assert leans == sorted(leans, reverse=True)
    assert leans[0] > 0 > leans[-1]


def test_more_aggressive_leans_less() -> None:
    leans = [
        abs(calibrated(aggressiveness=value).decide(0, 0.05).effects["inventory_skew_bps"]) for value in (0.5, 1.0, 2.0)
    ]
    assert leans == sorted(leans, reverse=True)
    assert leans[0] > 2.0 * leans[2]


def test_a_level_stands_where_the_first_would_with_those_before_it_filled() -> None:
    strategy, single = calibrated(levels=3), calibrated()
    ladder = distances(strategy.decide(0, 0.0), Side.BUY)
    firsts = [distances(single.decide(0, 0.01 * filled), Side.BUY)[0] for filled in range(3)]
    assert len(ladder) == 3
    for level, first in zip(ladder, firsts, strict=True):
        # On the grid, and a tick at least behind the one before.
        assert first - 1e-9 <= level <= first + 2 * BTC.tick_size


def test_fees_are_asked_for_unless_told_not_to() -> None:
    fee = 2e-4
    of = instrument(maker_fee=fee)
    free, covered, bare = (
        calibrated(i, cover_fees=c).decide(0, 0.0).effects["half_spread_bps"]
        for i, c in ((BTC, True), (of, True), (of, False))
    )
    assert covered == pytest.approx(free + 2.0, abs=0.2)
    assert bare == pytest.approx(free, rel=1e-9)


@pytest.mark.parametrize(
    ("seconds", "params", "reason"),
    [
        (2.0, {}, "volatility is not known yet"),
        (90.0, {"max_error_pct": 0.5}, "% is wanted"),
    ],
)
def test_it_says_what_it_does_not_know(seconds: float, params: dict[str, float], reason: str) -> None:
    decision = calibrated(seconds=seconds, **params).decide(0, 0.0)
    assert not decision.quotes
    assert reason in decision.reasons[Side.BUY]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_position": 0.001}, "no order would fit"),
        ({"max_position": 10.0}, "make orders larger"),
    ],
)
def test_sizes_that_make_no_table_are_refused(params: dict[str, float], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        maker(**params)
