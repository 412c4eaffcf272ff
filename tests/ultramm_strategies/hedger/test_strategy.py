"""A hedge at work: what it trades, when, and what it does when it cannot."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm.checkpoint import Checkpoint, Origin, Recalled
from ultramm.market import Fill, Instrument, Quote, Side
from ultramm.risk.exposures import Exposures
from ultramm.risk.hedging import no_trade_band
from ultramm.risk.limits import Limits
from ultramm.testing.hedging import HedgeBench, Holding
from ultramm_strategies.hedger.params import HedgerParams
from ultramm_strategies.hedger.strategy import Hedger

S = 1_000_000_000
MS = 1_000_000
BID, ASK = 49_999.9, 50_000.1


def instrument(name: str, base: str = "BTC", **changes: Any) -> Instrument:
    return Instrument(
        **{
            "id": name,
            "tick_size": 0.1,
            "lot_size": 0.001,
            "price_precision": 1,
            "size_precision": 3,
            "quote_currency": "USDT",
            "settlement_currency": "USDT",
            "base_currency": base,
            "taker_fee": 5e-4,
            "maker_fee": 2e-4,
            **changes,
        }
    )


PERP, SPOT, ETHER = instrument("BTCUSDT.PERP"), instrument("BTCUSDT.SPOT"), instrument("ETHUSDT.SPOT", "ETH")


def bench(*holdings: Holding, of: Instrument = PERP, limits: Limits | None = None, **params: Any) -> HedgeBench:
    least: dict[str, Any] = {"makers": ["mm"], "max_position": 10.0}
    if not {"gamma", "band"} & params.keys():
        least["band"] = 0.0
    made = holdings or (Holding("mm", SPOT, 50_000.0),)
    return HedgeBench(Hedger, msgspec.convert({**least, **params}, HedgerParams), of, *made, limits=limits)


def started(*holdings: Holding, **params: Any) -> HedgeBench:
    made = bench(*holdings, **params)
    made.book(S, BID, ASK)
    return made


def run(made: HedgeBench, seconds: float, bid: float = BID, ask: float = ASK, every_ms: int = 250) -> None:
    """The market stands."""
    start = made._now_ns
    for step in range(1, round(seconds * 1000 / every_ms) + 1):
        made.book(start + step * every_ms * MS, bid, ask)


def last(made: HedgeBench) -> Quote:
    return made.sent[-1].quote


# -- what it trades -------------------------------------------------------------------------------------------


def test_a_position_in_the_same_coin_is_offset_one_to_one() -> None:
    made = started()
    made.hold(2 * S, 100)
    assert made.size == -0.1
    made.hold(3 * S, -50)
    assert made.size == 0.05
    assert all(sent.quote.taking for sent in made.sent)


@pytest.mark.parametrize("inverse_hedge", [False, True])
def test_linear_and_inverse_contracts_offset_each_other_by_their_worth(inverse_hedge: bool) -> None:
    """0.1 coins at 50,000 are 50 contracts of 100 dollars."""
    coin = instrument(
        "BTCUSD.PERP", lot_size=1.0, size_precision=0, multiplier=100.0, inverse=True, quote_currency="USD",
        settlement_currency="BTC",
    )  # fmt: skip
    if inverse_hedge:
        made = started(of=coin, rates={"USDT": 1.0}, max_position=1000)
        made.hold(2 * S, 100)
        assert made.size == -50
    else:
        made = started(Holding("mm", coin, 50_000.0), rates={"USD": 1.0})
        made.hold(2 * S, 50)
        assert made.size == -0.1


def test_another_quote_currency_needs_its_worth() -> None:
    euro = instrument("BTCEUR.SPOT", quote_currency="EUR", settlement_currency="EUR")
    made = started(Holding("mm", euro, 40_000.0))
    assert made.unhedged == ("hedge cannot hedge: what EUR is worth in USDT is not stated: params.rates: {EUR: ...}")
    made = started(Holding("mm", euro, 40_000.0), rates={"EUR": 1.25})
    made.hold(2 * S, 100)
    assert made.size == -0.1


def test_all_makers_that_it_covers_are_netted_and_no_others() -> None:
    covered, also, stranger = Holding("mm", SPOT, 50_000.0), Holding("glft", SPOT, 50_000.0), Holding("x", SPOT, 5e4)
    made = started(covered, also, stranger, makers=["mm", "glft"])
    made.hold(2 * S, 100)
    made.hold(3 * S, -70, also)
    made.hold(4 * S, 500, stranger)
    run(made, 1.0)
    assert made.size == -0.03


def test_within_a_fixed_band_nothing_is_done_and_from_outside_it_trades_to_the_edge() -> None:
    made = started(band=0.05)
    made.hold(2 * S, 50)
    run(made, 10.0)
    assert made.sent == []
    assert made.maker.status(0).bid.reason == "the exposure is within its band"
    made.hold(20 * S, 200)
    assert made.size == -0.15
    inner = started(band=0.05, inner=0.5)
    inner.hold(2 * S, 200)
    assert inner.size == -0.175


def test_a_long_order_is_sent_in_parts() -> None:
    made = started(order_size=0.04)
    made.hold(2 * S, 100)
    run(made, 2.0)
    assert [sent.quote.lots for sent in made.sent] == [40, 40, 20]
    assert made.size == -0.1


def test_what_the_venue_does_not_take_waits() -> None:
    made = started(of=instrument("BTCUSDT.PERP", min_size=0.01))
    made.hold(2 * S, 9)
    run(made, 100.0)
    assert made.sent == []
    assert made.unhedged == ""
    made.hold(200 * S, 15)
    run(made, 6.0)
    assert made.size == -0.015


# -- the optimal band -----------------------------------------------------------------------------------------


def played(seconds: int = 600, seed: int = 3, ratio: float = 1.3, rho: float = 0.95, **params: Any) -> HedgeBench:
    """A pair whose ratio is known, and positions that come and go, a lot of 2,000 USDT at a time."""
    rng = np.random.default_rng(seed)
    hedge = 1e-4 * rng.standard_normal(seconds)
    noise = ratio * 1e-4 * math.sqrt(1.0 / rho**2 - 1.0)
    target = ratio * hedge + noise * rng.standard_normal(seconds)
    mids, others = 50_000.0 * np.exp(np.cumsum(hedge)), 2_000.0 * np.exp(np.cumsum(target))
    holding, lots = Holding("mm", ETHER, 2_000.0), 0
    made = bench(holding, **params)
    for second in range(seconds):
        holding.mid = float(others[second])
        ticks = round(float(mids[second]) * 10)
        made.book((second + 1) * S, (ticks - 1) / 10, (ticks + 1) / 10)
        if rng.random() < 0.2:
            lots += 1000 if rng.random() < 0.5 - 1e-4 * lots else -1000
            made.hold((second + 1) * S + 1, lots)
    return made


def effects(made: HedgeBench) -> dict[str, Any]:
    return made.maker.status(0).effects


def test_the_ratio_and_its_effectiveness_are_found() -> None:
    found = [effects(played(seconds=2000, seed=seed, gamma=0.05, memory_s=3000.0)) for seed in (1, 2, 3)]
    assert np.mean([each["hedge_ratio_x"] for each in found]) == pytest.approx(1.3, rel=0.02)
    assert np.mean([each["effectiveness_pct"] for each in found]) == pytest.approx(90.25, abs=2.0)


def test_before_it_is_found_the_makers_wait() -> None:
    made = played(seconds=50, gamma=0.05)
    assert made.unhedged == "hedge cannot hedge: the ratio to ETHUSDT.SPOT is not known yet: 9 of 20 horizons seen"
    assert made.sent == []
    assert played(seconds=50, gamma=0.05, start_ratio=1.2).unhedged == ""


def test_a_stated_ratio_is_taken_for_granted() -> None:
    made = started(Holding("mm", ETHER, 2_000.0), ratio=1.5)
    made.hold(2 * S, 1000)
    assert made.size == -0.06


def test_a_maker_that_knows_its_ratio_is_believed() -> None:
    holding = Holding("mm", ETHER, 2_000.0)
    holding.ratio = 1.5
    made = started(holding)
    made.hold(2 * S, 1000)
    assert made.size == -0.06


def test_one_that_does_not_know_it_yet_holds_nothing_and_is_not_kept_waiting() -> None:
    holding = Holding("mm", ETHER, 2_000.0)
    holding.ratio = math.nan
    made = started(holding)
    assert made.unhedged == ""
    made.hold(2 * S, 1000)
    assert "the ratio to ETHUSDT.SPOT is not known yet" in made.unhedged
    assert made.sent == []


def test_the_band_is_the_optimal_one_of_what_was_seen() -> None:
    made = played(gamma=0.05)
    covered = made.strategy._covered
    ts_ns = made._now_ns
    expected = no_trade_band(made.strategy._cost, covered.variance_rate(ts_ns), 0.05, covered.sigma)
    assert effects(made)["band_USDT"] == pytest.approx(expected, rel=1e-3)
    assert covered.sigma == pytest.approx(1e-4, rel=0.15)
    # One fill in five seconds, of 2,000 each, times a ratio of 1.3.
    assert covered.variance_rate(ts_ns) == pytest.approx(0.2 * 2600.0**2, rel=0.3)
    assert effects(made)["cost_bps"] == pytest.approx(5.02, abs=0.01)


def test_funding_moves_the_band_to_the_side_that_earns_it() -> None:
    none, paid, earned = (effects(played(gamma=0.5, funding_8h_bps=bps))["centre_USDT"] for bps in (0.0, 10.0, -10.0))
    assert none == 0.0
    assert paid < 0.0 < earned
    # -f / (gamma sigma^2): 10 bps in eight hours against a volatility of one a second.
    assert paid == pytest.approx(-(1e-3 / 28_800) / (0.5 * 1e-8), rel=0.4)


# -- urgency --------------------------------------------------------------------------------------------------


def test_it_rests_at_the_touch_first_and_takes_when_patience_is_over() -> None:
    made = started(band=0.05, patience_s=3.0)
    made.hold(2 * S, 80)
    assert last(made) == Quote(Side.SELL, PERP.ticks(ASK), 30)
    run(made, 2.5)
    assert len(made.sent) == 1
    run(made, 1.0)
    assert [fill.maker for fill in made.fills] == [False]
    assert last(made).taking
    assert made.size == -0.03


def test_it_follows_the_touch_and_earns_it_where_the_market_comes() -> None:
    made = started(band=0.05, patience_s=30.0)
    made.hold(2 * S, 80)
    run(made, 1.0, BID - 1.0, ASK - 1.0)
    assert last(made).ticks == PERP.ticks(ASK - 1.0)
    run(made, 1.0, BID + 5.0, ASK + 5.0)
    assert [(fill.maker, fill.price) for fill in made.fills] == [(True, pytest.approx(ASK - 1.0))]


def test_far_out_it_takes_at_once() -> None:
    made = started(band=0.05, urgent_at=2.0)
    made.hold(2 * S, 101)
    assert made.size == -0.051
    assert [fill.maker for fill in made.fills] == [False]


def test_what_takes_goes_only_so_far_from_the_best_price() -> None:
    made = started(slippage_bps=2.0)
    made.hold(2 * S, 100)
    assert last(made).ticks == PERP.ticks(BID) - 99, "two basis points, rounded towards the market"
    tight = started(slippage_bps=0.0)
    tight.hold(2 * S, 100)
    assert last(tight).ticks == PERP.ticks(BID)


# -- one order at a time, and never too much ------------------------------------------------------------------


def test_an_order_on_its_way_is_waited_for() -> None:
    made = started()
    made._submit = lambda ts_ns, quote: made.maker.orders.sent("slow", quote, ts_ns)  # type: ignore[method-assign]
    sent: list[Quote] = []
    made.hold(2 * S, 100)
    assert len(made.maker.orders) == 1
    for step in range(20):
        made.book(3 * S + step * 250 * MS, BID + step, ASK + step)
        sent += list(made.maker.orders)  # type: ignore[arg-type]
    assert {order.id for order in sent} == {"slow"}  # type: ignore[attr-defined]


def test_a_resting_order_goes_before_another_takes() -> None:
    made = started(band=0.05, patience_s=30.0)
    made.hold(2 * S, 80)
    made.hold(2 * S + 1, 300)
    assert len(made.maker.orders) == 0
    assert made.fills == []
    run(made, 0.5)
    assert made.size == -0.25


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.02, 0.1]),
    st.sampled_from([0.05, 0.3, 10.0]),
    st.sampled_from([None, 0.03]),
)
@settings(max_examples=60, deadline=None)
def test_no_order_makes_the_exposure_larger_and_no_position_is_beyond_its_limit(
    seed: int, band: float, max_position: float, order_size: float | None
) -> None:
    rng = random.Random(seed)
    made = bench(band=band, max_position=max_position, order_size=order_size, patience_s=1.0)
    submit, lots, ticks = made._submit, 0, 500_000

    def checked(ts_ns: int, quote: Quote) -> None:
        exposure = 0.001 * lots + made.size
        after = exposure + quote.side * PERP.size(quote.lots)
        assert not made.maker.orders, "one at a time"
        assert abs(after) <= abs(exposure) + 1e-9
        assert after * exposure >= -1e-9, "it does not turn"
        submit(ts_ns, quote)

    made._submit = checked  # type: ignore[method-assign]
    for step in range(150):
        ticks += rng.randint(-3, 3)
        made.touch_size = rng.choice([0.01, 1.0])
        made.refusing = rng.random() < 0.2
        made.book((step + 1) * 200 * MS, ticks / 10, (ticks + 2) / 10)
        made.holdings[0].mid = ticks / 10
        if rng.random() < 0.2:
            lots = max(-200, min(200, lots + rng.randint(-60, 60)))
            made.hold((step + 1) * 200 * MS, lots)
        assert abs(made.size) <= max_position + 1e-9


# -- failing --------------------------------------------------------------------------------------------------


def test_orders_that_are_refused_are_retried_after_growing_pauses_until_there_are_too_many() -> None:
    made = started(retry_s=1.0, max_tries=4)
    made.refusing = True
    made.hold(2 * S, 100)
    run(made, 60.0)
    pauses = np.diff([sent.ts_ns for sent in made.sent]) / S
    assert pauses[:6] == pytest.approx([0.25, 1.25, 2.25, 4.25, 8.25, 16.25], abs=0.3)
    assert made.unhedged == "hedge cannot hedge: 7 orders in a row traded nothing"


def test_a_market_that_runs_away_is_run_after() -> None:
    """Each order arrives when the price is beyond it; none of them was refused."""
    made = started(retry_s=1.0, max_tries=3, slippage_bps=1.0)
    submit = made._submit

    def late(ts_ns: int, quote: Quote) -> None:
        made._bid, made._ask = made._bid - 10.0, made._ask - 10.0
        submit(ts_ns, quote)

    made._submit = late  # type: ignore[method-assign]
    made.hold(2 * S, 100)
    for step in range(1, 9):
        made.book(2 * S + step * 250 * MS, BID - 10.0 * step, ASK - 10.0 * step)
    assert len(made.sent) == 9
    assert made.unhedged == ""
    made._submit = submit  # type: ignore[method-assign]
    run(made, 0.5, BID - 90.0, ASK - 90.0)
    assert made.size == -0.1


def test_the_makers_hear_of_it_after_the_cap_and_not_before() -> None:
    made = started(retry_s=1.0, max_tries=3)
    made.refusing = True
    made.hold(2 * S, 100)
    run(made, 1.25)
    assert made.unhedged == ""
    run(made, 1.0)
    assert made.unhedged == "hedge cannot hedge: 3 orders in a row traded nothing"


def test_what_the_review_refuses_counts_as_refused() -> None:
    made = started(limits=Limits(max_order_notional=100.0), max_tries=3)
    made.hold(2 * S, 100)
    run(made, 5.0)
    assert made.sent == []
    assert "orders in a row traded nothing" in made.unhedged


def test_it_recovers_as_soon_as_something_trades() -> None:
    made = started(retry_s=0.5, max_tries=3)
    made.refusing = True
    made.hold(2 * S, 100)
    run(made, 10.0)
    assert made.unhedged
    made.refusing = False
    run(made, 10.0)
    assert made.unhedged == ""
    assert made.size == -0.1


def test_where_the_makers_have_closed_their_positions_it_tries_again_after_a_pause_and_one_failure_is_enough() -> None:
    made = started(retry_s=1.0, max_tries=3)
    made.refusing = True
    made.hold(2 * S, 100)
    run(made, 3.0)
    assert made.unhedged
    made.hold(made._now_ns, 0)
    assert made.unhedged
    run(made, 1.0)
    assert made.unhedged == "", "the pause after the third is two seconds"
    tried = len(made.sent)
    made.hold(made._now_ns, 50)
    run(made, 0.5)
    assert len(made.sent) == tried + 1
    assert made.unhedged == "hedge cannot hedge: 4 orders in a row traded nothing"


def test_a_leg_that_is_left_over_is_unwound() -> None:
    made = started(max_tries=3)
    made.hold(2 * S, 100)
    made.refusing = True
    made.hold(3 * S, 300)
    run(made, 20.0)
    assert made.unhedged
    made.hold(made._now_ns, 0)  # the maker has flattened
    made.refusing = False
    run(made, 60.0)
    assert made.size == 0.0
    assert made.unhedged == ""


def test_an_exposure_that_stays_outside_for_too_long_is_unhedged() -> None:
    made = started(max_position=0.05, max_outside_s=20.0)
    made.hold(2 * S, 100)
    run(made, 15.0)
    assert made.size == -0.05
    assert made.unhedged == ""
    assert made.maker.status(0).ask.reason == "position -0.05 is too near its limit of 0.05"
    run(made, 10.0)
    assert made.unhedged == "hedge cannot hedge: the exposure was outside its band for 20 s"
    made.hold(made._now_ns, 50)
    run(made, 61.0)
    assert made.unhedged == ""


def test_a_market_that_falls_silent_hedges_nothing() -> None:
    made = started(stale_after_s=10.0)
    made.pass_time(5 * S)
    assert made.unhedged == ""
    made.pass_time(12 * S)
    assert made.unhedged == "hedge cannot hedge: no market data for more than 10 s"
    made.book(13 * S, BID, ASK)
    made.pass_time(13 * S)
    assert made.unhedged == ""


def test_one_that_failed_or_was_stopped_hedges_nothing() -> None:
    made = started()
    made.maker.halt("operator", "paused")
    made.pass_time(2 * S)
    assert made.unhedged == "", "who pauses a node keeps what he has"
    made.maker.halt("stops", "lost 100 today")
    made.pass_time(2 * S)
    assert made.unhedged == "hedge cannot hedge: lost 100 today"
    made.maker.release("stops")
    made.maker.degrade("degraded: ZeroDivisionError")
    made.pass_time(3 * S)
    assert made.unhedged == "hedge cannot hedge: degraded: ZeroDivisionError"


def test_before_its_market_was_seen_the_makers_wait() -> None:
    made = bench()
    assert made.unhedged == "hedge cannot hedge: waits for its market"
    made.pass_time(S)
    assert made.unhedged == "hedge cannot hedge: waits for the first book"


# -- baskets --------------------------------------------------------------------------------------------------


def test_two_legs_share_one_exposure_by_their_covariance() -> None:
    """A coin that moves with 0.6 of one hedge and 0.5 of another: each leg takes its own part, and nothing twice."""
    rng, steps = np.random.default_rng(7), 4000
    common = 1e-4 * rng.standard_normal(steps)
    first = common + 1e-4 * rng.standard_normal(steps)
    second = common + 1e-4 * rng.standard_normal(steps)
    target = 0.6 * first + 0.5 * second + 2e-5 * rng.standard_normal(steps)
    mids = [50_000.0 * np.exp(np.cumsum(of)) for of in (first, second, target)]
    holding, exposures = Holding("mm", instrument("SOLUSDT.SPOT", "SOL"), 50_000.0), Exposures()

    def leg(name: str, other: str) -> HedgeBench:
        of = instrument(f"{name.upper()}USDT.PERP", name.upper())
        params = {"makers": ["mm"], "basket": [other], "max_position": 10.0, "band": 0.0, "memory_s": 3000.0}
        given = msgspec.convert({**params, "ridge": 0.0}, HedgerParams)
        return HedgeBench(Hedger, given, of, holding, name=name, exposures=exposures)

    legs = [leg("btc", "eth"), leg("eth", "btc")]
    for step in range(steps):  # five books a second: one leg sees the other as it was one of them ago
        holding.mid = float(mids[2][step])
        for made, of in zip(legs, mids, strict=False):
            ticks = round(float(of[step]) * 10)
            made.book((step + 1) * 200 * MS, (ticks - 1) / 10, (ticks + 1) / 10)
    for made in legs:
        made.hold(legs[0]._now_ns, 1000)
        run(made, 10.0, made._bid, made._ask)
    worth = [made.size * made._bid / holding.mid for made in legs]
    assert worth == pytest.approx([-0.6, -0.5], abs=0.05)
    assert legs[0].unhedged == legs[1].unhedged == ""
    assert effects(legs[0])["effectiveness_pct"] == pytest.approx(99.0, abs=3.0)


# -- a restart ------------------------------------------------------------------------------------------------


def test_what_it_learnt_outlasts_a_restart(tmp_path: Path) -> None:
    made = played(gamma=0.05)
    origin = Origin.of(Hedger)
    kept = Checkpoint(tmp_path / "checkpoint", 60.0)
    kept.keep("key", origin, made.strategy, 1, 0)
    kept.write(0)
    found = Checkpoint(tmp_path / "checkpoint", 60.0).recall("key", origin, 0)
    assert isinstance(found, Recalled), found
    strategy: Any = found.strategy
    assert strategy._covered.ratio == made.strategy._covered.ratio
    strategy.on_interruption(0, "the node was started again")
    strategy.on_fill(Fill(0, "o", Side.BUY, 50_000.0, 0.01, 0.0, True))
    assert strategy.makers == ("mm",)
