import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Book, Instrument, Level, Quote, Side
from ultramm_strategies.cross_exchange_maker.params import CrossExchangeMakerParams
from ultramm_strategies.cross_exchange_maker.strategy import CrossExchangeMaker

S = 1_000_000_000
INSTRUMENT = Instrument(
    id="BTCUSDT.HERE",
    tick_size=0.5,
    lot_size=0.001,
    price_precision=1,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
    maker_fee=2e-4,
    min_notional=5.0,
)
PARAMS = CrossExchangeMakerParams(
    other="BTCUSDT.THERE", order_size=0.1, max_position=1.0, edge_bps=3.0, other_fee_bps=5.0, cushion=0.0,
    depth_share=1.0, join=False,
)  # fmt: skip


def book(bids, asks, ts_ns=0):
    return Book(ts_ns, tuple(Level(*level) for level in bids), tuple(Level(*level) for level in asks))


WIDE = book([(49_000.0, 5.0)], [(51_000.0, 5.0)])
THERE = book([(50_000.0, 1.0), (49_990.0, 1.0)], [(50_001.0, 1.0), (50_011.0, 1.0)])


def decided(here=WIDE, there=THERE, inventory=0.0, **params):
    strategy = CrossExchangeMaker(msgspec.structs.replace(PARAMS, **params), INSTRUMENT)
    strategy.on_book(here)
    strategy.on_reference(there)
    return strategy.decide(0, inventory)


def test_a_bid_stands_where_selling_there_leaves_the_edge() -> None:
    (bid,) = decided().side(Side.BUY)
    price = INSTRUMENT.price(bid.ticks)
    # 3 bps of edge, 2 of the fee here and 5 of the fee there, from the bid there.
    assert price == pytest.approx(50_000.0 * (1 - 10e-4), abs=0.5)
    assert price <= 50_000.0 * (1 - 10e-4)
    (ask,) = decided().side(Side.SELL)
    assert INSTRUMENT.price(ask.ticks) >= 50_001.0 * (1 + 10e-4)


def test_each_further_order_is_hedged_behind_those_before_it() -> None:
    bids = decided(levels=3, order_size=0.8, max_position=3.0, level_step_bps=0.0).side(Side.BUY)
    # The second takes the rest of the first level and some of the next; the third finds too little.
    assert len(bids) == 2
    second = (0.2 * 50_000.0 + 0.6 * 49_990.0) / 0.8
    assert INSTRUMENT.price(bids[1].ticks) == pytest.approx(second * (1 - 10e-4), abs=0.5)


def test_only_a_share_of_what_is_shown_is_counted_on() -> None:
    assert decided(order_size=1.0, depth_share=0.4).side(Side.BUY) == ()
    reason = decided(order_size=1.0, depth_share=0.4).reasons[Side.BUY]
    assert reason == "BTCUSDT.THERE shows too little to hedge an order of 1"


def test_it_joins_the_market_and_gives_no_more_away() -> None:
    near = book([(49_800.0, 5.0)], [(50_200.0, 5.0)])
    bid, ask = decided(near, join=True).quotes
    assert (INSTRUMENT.price(bid.ticks), INSTRUMENT.price(ask.ticks)) == (49_800.5, 50_199.5)


def test_it_never_takes_what_stands_here() -> None:
    rich = book([(49_000.0, 5.0)], [(49_500.0, 5.0)])
    (bid,) = decided(rich).side(Side.BUY)
    assert INSTRUMENT.price(bid.ticks) == 49_499.5


def test_the_time_to_the_hedge_widens_by_what_the_price_does_meanwhile() -> None:
    strategy = CrossExchangeMaker(msgspec.structs.replace(PARAMS, cushion=2.0, delay_s=0.25), INSTRUMENT)
    strategy.on_book(WIDE)
    strategy.on_reference(THERE)
    assert strategy.decide(0, 0.0).reasons[Side.BUY] == "waits for the volatility"
    for second in range(1, 200):
        mid = 50_000.0 + 10.0 * (second % 2)
        strategy.on_reference(book([(mid, 1.0)], [(mid + 1, 1.0)], second * S))
    decision = strategy.decide(200 * S, 0.0)
    # Ten a square root of a second, half of that in a quarter of it, twice.
    assert decision.effects["cushion_bps"] == pytest.approx(1e4 * 10.0 / 50_000.0, rel=1e-3)


def test_it_leans_towards_what_brings_the_balances_back() -> None:
    flat, long = decided(lean_bps=4.0), decided(lean_bps=4.0, inventory=0.5)
    for side in Side:
        (before,), (after,) = flat.side(side), long.side(side)
        # Half a position: two basis points lower on both sides.
        assert (before.ticks - after.ticks) * 0.5 == pytest.approx(10.0, abs=1.0)


def test_a_full_position_is_not_added_to() -> None:
    decision = decided(inventory=1.0)
    assert decision.side(Side.BUY) == ()
    assert decision.reasons[Side.BUY] == "position 1 is at its limit of 1"
    (ask,) = decision.side(Side.SELL)
    assert ask.lots == 100


@pytest.mark.parametrize(
    ("here", "there", "reason"),
    [
        (book([], []), THERE, "waits for a book"),
        (WIDE, book([(1.0, 1.0)], []), "waits for both sides of BTCUSDT.THERE"),
    ],
)
def test_without_a_book_it_says_for_which_it_waits(here, there, reason) -> None:
    assert decided(here, there).reasons[Side.BUY] == reason


def test_orders_that_are_too_large_for_the_position_are_refused() -> None:
    with pytest.raises(ValueError, match="no order would fit"):
        CrossExchangeMakerParams(other="X.Y", order_size=2.0, max_position=1.0, edge_bps=1.0)


levels = st.lists(st.tuples(st.integers(1, 60), st.floats(0.01, 2.0)), min_size=1, max_size=6)


@given(
    levels, levels, st.floats(-20.0, 50.0), st.integers(1, 4), st.floats(0.05, 1.0), st.floats(-1.0, 1.0),
    st.floats(0.01, 0.5), st.booleans(),
)  # fmt: skip
def test_whatever_is_filled_brings_the_edge_if_the_book_stays(
    below, above, edge, count, share, inventory, size, join
) -> None:
    """Filled from the touch outwards and hedged at once into what was counted on."""
    bids = sorted({50_000.0 - 5.0 * ticks: size for ticks, size in below}.items(), reverse=True)
    asks = sorted({50_000.0 + 5.0 * ticks: size for ticks, size in above}.items())
    decision = decided(
        there=book(bids, asks), edge_bps=edge, levels=count, depth_share=share, inventory=inventory, order_size=size,
        join=join, level_step_bps=0.5,
    )  # fmt: skip
    for side in Side:
        against = [[price, share * there] for price, there in (bids if side is Side.BUY else asks)]
        quotes = decision.side(side)
        assert len({quote.ticks for quote in quotes}) == len(quotes)
        assert sum(INSTRUMENT.size(quote.lots) for quote in quotes) <= 1.0 - side * inventory + 1e-9
        for quote in quotes:
            assert gain_of(quote, against) >= 1e-4 * (edge + 0.5 * quote.level) - 1e-9


def gain_of(quote: Quote, against) -> float:
    """As a share of what the hedge trades, fees taken off; takes from the levels what it needs."""
    size = left = INSTRUMENT.size(quote.lots)
    worth = 0.0
    for level in against:
        taken = min(left, level[1])
        level[1] -= taken
        left -= taken
        worth += taken * level[0]
        if left <= 1e-12:
            break
    assert left <= 1e-9
    price = INSTRUMENT.price(quote.ticks)
    return quote.side * (worth / size - price) / (worth / size) - 7e-4


def test_the_ratio_is_one() -> None:
    assert CrossExchangeMaker(PARAMS, INSTRUMENT).hedge_ratio("BTCUSDT.THERE") == 1.0
    assert math.isnan(CrossExchangeMaker(msgspec.structs.replace(PARAMS, cushion=1.0), INSTRUMENT)._cushion(1.0))


def test_a_usual_difference_is_taken_off() -> None:
    here = book([(50_149.0, 5.0)], [(50_151.0, 5.0)])
    strategy = CrossExchangeMaker(msgspec.structs.replace(PARAMS, basis_s=60.0), INSTRUMENT)
    strategy.on_book(here)
    assert strategy.decide(0, 0.0).reasons[Side.BUY] == "waits for both sides of BTCUSDT.THERE"
    strategy.on_reference(THERE)
    assert strategy.decide(0, 0.0).reasons[Side.BUY] == "waits for the usual difference of both"
    for second in range(1, 120):
        strategy.on_reference(msgspec.structs.replace(THERE, ts_ns=second * S))
    decision = strategy.decide(120 * S, 0.0)
    assert decision.fair == pytest.approx(50_150.0)
    (bid,), (ask,) = decision.side(Side.BUY), decision.side(Side.SELL)
    assert INSTRUMENT.price(bid.ticks) == pytest.approx(50_149.5 * (1 - 10e-4), abs=1.0)
    assert INSTRUMENT.price(ask.ticks) == pytest.approx(50_150.5 * (1 + 10e-4), abs=1.0)
