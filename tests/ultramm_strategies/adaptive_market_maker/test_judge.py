"""The judge: where it lets a side quote, where it lets it probe, and what our own fills change."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from market_path import drive, flow, instrument

from ultramm.market import Book, Fill, Instrument, Level, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm_strategies.adaptive_market_maker.judge import Judge, Verdict
from ultramm_strategies.adaptive_market_maker.params import AdaptiveParams
from ultramm_strategies.adaptive_market_maker.strategy import AdaptiveMarketMaker

BTC = instrument()
S = 1_000_000_000
SIZES = {"order_size": 0.1, "max_position": 1.0, "probe_loss_bps": 2.0}  # 100 lots an order
SIGMA = 2 * BTC.tick_size


def judged(seconds: float, impact_ticks: float, of: Instrument = BTC, **params: Any) -> Judge:
    """One that has seen `flow`, four ticks wide."""
    found = Judge(msgspec.convert({**SIZES, **params}, AdaptiveParams), of)
    found.start(4 * of.tick_size, SIGMA, 0.1)
    watch(found, seconds, impact_ticks)
    return found


def watch(of: Judge, seconds: float, impact_ticks: float, start_s: float = 0.0) -> None:
    for event in flow(seconds, impact_ticks):
        if isinstance(event, Trade):
            of.on_trade(event)
            continue
        of.on_book(event, event.mid)
        if event.ts_ns % S == 0:
            of.judge(event.ts_ns, 0.0, SIGMA)


def states(of: Judge) -> list[str]:
    return [state(of.verdict(side)) for side in Side]


def state(verdict: Verdict) -> str:
    return "probes" if verdict.probing else "quotes" if math.isfinite(verdict.least) else "waits"


def fills(of: Judge, edge_ticks: float, count: int = 40, start_ns: int = 2_000 * S) -> None:
    """As many of our own fills, each in a block of its own, after which the mid stands `edge_ticks` in our favour."""
    mid, tick = 500_000.0, BTC.tick_size
    for step in range(count):
        ts_ns = start_ns + 40 * step * S
        side = Side.BUY if step % 2 else Side.SELL
        noise = 0.5 * (step % 5 - 2)
        of.on_book(Book(ts_ns, (Level(mid - 2 * tick, 1.0),), (Level(mid + 2 * tick, 1.0),)), mid)
        of.on_fill(Fill(ts_ns + S, f"o{step}", side, mid - side * (edge_ticks + noise) * tick, 0.005, 0.0, maker=True))
        for second in range(2, 40, 3):
            now_ns = ts_ns + second * S
            of.on_book(Book(now_ns, (Level(mid - 2 * tick, 1.0),), (Level(mid + 2 * tick, 1.0),)), mid)
            of.judge(now_ns, 0.0, SIGMA)


# -- virtual quotes --------------------------------------------------------------------------------------------


def test_it_waits_while_nothing_is_known() -> None:
    found = judged(60.0, 0.0)
    assert states(found) == ["waits", "waits"]
    assert "too few fills" in found.verdict(Side.BUY).reason


def test_it_quotes_where_fills_paid_for_sure() -> None:
    found = judged(1_500.0, 0.0)
    assert states(found) == ["quotes", "quotes"]
    assert found.verdict(Side.BUY) == Verdict(found.verdict(Side.BUY).least, False, "")


def test_it_waits_where_every_fill_is_under_water() -> None:
    found = judged(1_500.0, 9.0)
    assert states(found) == ["waits", "waits"]
    assert "no depth has been shown to pay" in found.verdict(Side.SELL).reason


def test_between_it_probes_at_a_depth_that_seems_to_pay() -> None:
    """Sixty errors are never reached: what pays is not sure."""
    found = judged(1_500.0, 0.0, confidence_z=60.0)
    assert states(found) == ["probes", "probes"]
    assert found.probe_lots == 16, "a power of two within a fifth of an order: a minute takes less than the budget"
    assert "probes with small orders" in found.verdict(Side.BUY).reason
    assert found.verdict(Side.BUY).least > 0


@pytest.mark.parametrize(
    ("of", "params"),
    [
        (BTC, {"probe": False}),
        (instrument(min_size=0.05), {}),
        (BTC, {"probe_loss_bps": 0.0}),
    ],
    ids=["switched off", "the smallest order is half of one", "nothing may be lost"],
)
def test_what_forbids_probes_leaves_it_waiting(of: Instrument, params: dict[str, Any]) -> None:
    assert states(judged(1_500.0, 0.0, of, confidence_z=60.0, **params)) == ["waits", "waits"]


def test_the_larger_the_moves_the_smaller_the_probes() -> None:
    """Two probes and two errors of a minute, 4 sigma sqrt(60), lose two basis points of an order of 50,000."""
    found = judged(1_500.0, 0.0, confidence_z=60.0)
    for sigma, lots in ((40.0, 8), (100.0, 2), (200.0, 1), (400.0, 0)):
        found.judge(1_500 * S, 0.0, sigma)
        expected = 10.0 / (4 * sigma * math.sqrt(60.0)) / BTC.lot_size
        assert found.probe_lots == lots
        assert lots <= expected < 2 * max(lots, 0.5), "the largest power of two within the budget"


def test_the_budget_is_the_fee_of_taking_an_order_unless_it_is_given() -> None:
    free, priced = (
        judged(1_500.0, 0.0, of, confidence_z=60.0, probe_loss_bps=None) for of in (BTC, instrument(taker_fee=2e-4))
    )
    assert states(free) == ["waits", "waits"]
    assert states(priced) == ["probes", "probes"]


# -- our own fills ---------------------------------------------------------------------------------------------


def test_probes_end_once_their_budget_is_lost() -> None:
    """Two basis points of an order of 50,000 are ten."""
    found = judged(1_500.0, 0.0, confidence_z=60.0)
    for lost, expected in ((9.0, "probes"), (2.0, "waits")):
        now_ns = 1_500 * S
        found.on_fill(Fill(now_ns, "o", Side.BUY, 500_000.0, 0.005, lost, maker=True))
        found.on_fill(Fill(now_ns, "o", Side.SELL, 500_000.0, 0.005, 0.0, maker=True))
        found.judge(now_ns, 0.0, SIGMA)
        assert states(found) == [expected] * 2


def test_the_budget_is_of_the_same_worth_on_an_inverse_contract() -> None:
    """A hundred contracts of 100 USD are worth 0.02 BTC: two basis points of them are four millionths."""
    of = instrument(inverse=True, multiplier=100.0, lot_size=1.0, size_precision=0, settlement_currency="BTC")
    sizes = {"order_size": 100.0, "max_position": 1_000.0}
    for lost, expected in ((3.9e-6, "probes"), (4.1e-6, "waits")):
        found = judged(1_500.0, 0.0, of, **{**sizes, "confidence_z": 60.0})
        found.on_fill(Fill(1_500 * S, "o", Side.BUY, 500_000.0, 1.0, lost, maker=True))
        found.on_fill(Fill(1_500 * S, "o", Side.SELL, 500_000.0, 1.0, 0.0, maker=True))
        found.judge(1_500 * S, 0.0, SIGMA)
        assert states(found) == [expected] * 2


def test_own_fills_that_pay_for_sure_open_what_was_in_doubt() -> None:
    doubtful = judged(1_500.0, 0.0, confidence_z=60.0, edge_memory_s=1e6)
    assert states(doubtful) == ["probes", "probes"]
    fills(doubtful, edge_ticks=100.0)
    assert states(doubtful) == ["quotes", "quotes"]
    assert doubtful.own_edge == pytest.approx(100.0 * BTC.tick_size, rel=0.02)


def test_own_fills_that_lose_close_what_virtual_ones_opened() -> None:
    found = judged(1_500.0, 0.0, edge_memory_s=1e6, probe=False)
    assert states(found) == ["quotes", "quotes"]
    fills(found, edge_ticks=-3.0)
    assert states(found) == ["waits", "waits"]
    assert "our own fills lose: -" in found.verdict(Side.BUY).reason


def test_few_own_fills_change_nothing() -> None:
    found = judged(1_500.0, 0.0, edge_memory_s=1e6)
    fills(found, edge_ticks=-3.0, count=10)
    assert states(found) == ["quotes", "quotes"]


def test_fills_behind_a_closed_gate_are_no_witness() -> None:
    """They work a position off, nearer than what pays."""
    found = judged(1_500.0, 9.0, edge_memory_s=1e6)
    fills(found, edge_ticks=-3.0)
    assert math.isnan(found.own_edge)


def test_a_taken_fill_is_no_witness() -> None:
    found = judged(1_500.0, 0.0)
    found.on_fill(Fill(1_500 * S, "o", Side.BUY, 500_000.0, 0.1, 0.0, maker=False))
    watch(found, 30.0, 0.0)
    assert math.isnan(found.own_edge)


# -- what the strategy makes of it -----------------------------------------------------------------------------


def probing(**params: Any) -> AdaptiveMarketMaker:
    given = {**SIZES, "confidence_z": 60.0, "toxicity": False, **params}
    strategy = AdaptiveMarketMaker(msgspec.convert(given, AdaptiveParams), BTC)
    drive(strategy, flow(1_500.0, impact_ticks=0.0))
    return strategy


def sizes(decision: Decision, side: Side) -> list[int]:
    return [quote.lots for quote in decision.side(side)]


def test_a_probe_is_one_small_order_a_side() -> None:
    decision = probing(levels=3).decide(1_500 * S, 0.0)
    assert sizes(decision, Side.BUY) == sizes(decision, Side.SELL) == [16]


def test_probes_hold_no_more_than_two_of_them() -> None:
    strategy = probing()
    for inventory, bids in ((0.016, [16]), (0.024, [8]), (0.032, [])):
        decision = strategy.decide(1_500 * S, inventory)
        assert sizes(decision, Side.BUY) == bids
        assert sizes(decision, Side.SELL), "and what is held is offered"
    assert "probes with small orders" in decision.reasons[Side.BUY]


def test_a_position_from_better_times_is_worked_off_by_whole_orders() -> None:
    decision = probing().decide(1_500 * S, 0.5)
    assert sizes(decision, Side.SELL) == [100]
    assert sizes(decision, Side.BUY) == []


def test_no_order_may_keep_a_place_nearer_than_what_pays() -> None:
    strategy = probing()
    flat, long = strategy.decide(1_500 * S, 0.0), strategy.decide(1_500 * S, 0.9)
    least = strategy._judge.verdict(Side.BUY).least
    assert flat.nearest[Side.BUY] == pytest.approx(flat.fair - least)
    assert flat.nearest[Side.SELL] == pytest.approx(flat.fair + strategy._judge.verdict(Side.SELL).least)
    assert Side.SELL not in long.nearest, "what brings a position back may stand nearer"
    assert Side.SELL in strategy.decide(1_500 * S, 0.001).nearest, "but not where its order would open another"
    assert flat.kappa > 0
    assert math.isnan(probing(keep_place=False).decide(1_500 * S, 0.0).kappa)
