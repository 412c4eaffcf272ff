import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ultramm.market import Book, Instrument, Level, Side
from ultramm.plugin import load
from ultramm.quoting.decision import Decision
from ultramm_strategies.market_maker import PLUGIN
from ultramm_strategies.market_maker.params import MarketMakerParams
from ultramm_strategies.market_maker.strategy import MarketMaker

BTC = Instrument(
    id="BTCUSDT.SIM",
    tick_size=0.01,
    lot_size=0.001,
    price_precision=2,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)


def book(bid=99.99, ask=100.01, bid_size=5.0, ask_size=5.0) -> Book:
    return Book(0, (Level(bid, bid_size),), (Level(ask, ask_size),))


def maker(instrument: Instrument = BTC, **params) -> MarketMaker:
    least = {"order_size": 0.01, "half_spread_bps": 10.0, "max_position": 1.0}
    return MarketMaker(msgspec.convert({**least, **params}, MarketMakerParams), instrument)


def decided(of: Book | None = None, inventory: float = 0.0, instrument: Instrument = BTC, **params) -> Decision:
    strategy = maker(instrument, **params)
    strategy.on_book(of or book())
    return strategy.decide(0, inventory)


def prices(decision: Decision, side: Side) -> list[float]:
    return [BTC.price(quote.ticks) for quote in decision.side(side)]


# -- known answers -------------------------------------------------------------------------------------------


def test_the_plugin_leads_here():
    assert load(PLUGIN.params) is MarketMakerParams
    assert load(PLUGIN.strategy) is MarketMaker


def test_it_quotes_a_half_spread_around_the_mid():
    decision = decided()
    assert decision.fair == decision.reservation_price == 100.0
    assert prices(decision, Side.BUY) == [99.9]
    assert prices(decision, Side.SELL) == [100.1]
    assert [quote.lots for quote in decision.quotes] == [10, 10]
    assert decision.reasons == {}


def test_levels_step_and_grow_outwards():
    decision = decided(levels=3, level_step_bps=5.0, level_growth=2.0)
    assert prices(decision, Side.BUY) == [99.9, 99.85, 99.8]
    assert prices(decision, Side.SELL) == [100.1, 100.15, 100.2]
    assert [quote.lots for quote in decision.side(Side.BUY)] == [10, 20, 40]


def test_the_weighted_mid_leans_to_the_thinner_side():
    decision = decided(book(99.0, 101.0, 30.0, 10.0), fair_value="weighted-mid")
    assert decision.fair == 100.5
    assert decided(book(99.0, 101.0, 30.0, 10.0), fair_value="mid").fair == 100.0


@pytest.mark.parametrize(("inventory", "reservation"), [(0.5, 99.95), (1.0, 99.9), (-0.5, 100.05), (0.0, 100.0)])
def test_inventory_moves_both_quotes_against_it(inventory, reservation):
    decision = decided(inventory=inventory)
    assert decision.reservation_price == pytest.approx(reservation)
    assert decision.fair == 100.0


def test_at_full_position_the_reducing_side_quotes_at_fair_value_and_the_other_says_why_not():
    decision = decided(inventory=1.0)
    assert prices(decision, Side.SELL) == [100.0]
    assert prices(decision, Side.BUY) == []
    assert decision.reasons == {Side.BUY: "position 1 is at its limit of 1"}
    decision = decided(inventory=-1.0)
    assert prices(decision, Side.BUY) == [100.0]
    assert decision.reasons == {Side.SELL: "position -1 is at its limit of 1"}


def test_beyond_the_limit_only_the_reducing_side_is_quoted():
    assert prices(decided(inventory=3.0), Side.BUY) == []
    assert prices(decided(inventory=3.0), Side.SELL) != []


def test_the_target_is_what_the_skew_leans_towards():
    assert decided(inventory=0.5, target_inventory=0.5).reservation_price == 100.0
    assert decided(inventory=0.0, target_inventory=0.5).reservation_price > 100.0


def test_fees_and_edge_are_the_least_distance_unless_not_wanted():
    costly = msgspec.structs.replace(BTC, maker_fee=0.002)
    assert prices(decided(instrument=costly), Side.BUY) == [99.8]
    assert prices(decided(instrument=costly, min_edge_bps=5.0), Side.BUY) == [99.75]
    assert prices(decided(instrument=costly, min_edge_bps=5.0, cover_fees=False), Side.BUY) == [99.9]


def test_what_is_left_of_the_limit_is_given_to_the_nearest_levels():
    decision = decided(inventory=0.985, levels=3, level_step_bps=1.0)
    assert [quote.lots for quote in decision.side(Side.BUY)] == [10, 5]
    assert [quote.lots for quote in decision.side(Side.SELL)] == [10, 10, 10]


def test_without_a_book_or_a_fair_value_it_quotes_nothing_in_words():
    assert maker().decide(0, 0.0).reasons == dict.fromkeys(Side, "waits for the first book")
    empty = decided(book(bid_size=0.0, ask_size=0.0), fair_value="weighted-mid")
    assert empty.reasons == dict.fromkeys(Side, "fair value is unknown")
    assert empty.quotes == ()


def test_an_order_below_the_smallest_of_the_venue_is_named():
    picky = msgspec.structs.replace(BTC, min_size=0.05)
    decision = decided(instrument=picky)
    assert decision.quotes == ()
    assert all("order_size 0.01 is below the smallest order of BTCUSDT.SIM" in r for r in decision.reasons.values())


# -- properties ----------------------------------------------------------------------------------------------


class Case(msgspec.Struct, frozen=True, kw_only=True):
    bid_ticks: int = 9_999
    spread_ticks: int = 2
    bid_size: float = 5.0
    ask_size: float = 5.0
    inventory_lots: int = 0
    half_spread_bps: float = 10.0
    levels: int = 1
    level_step_bps: float = 0.0
    level_growth: float = 1.0
    order_lots: int = 10
    skew: float = 1.0
    target_lots: int = 0
    maker_fee: float = 0.0
    min_size: float = 0.0
    min_notional: float = 0.0
    fair_value: str = "mid"

    @property
    def instrument(self) -> Instrument:
        return msgspec.structs.replace(
            BTC, maker_fee=self.maker_fee, min_size=self.min_size, min_notional=self.min_notional
        )

    @property
    def book(self) -> Book:
        ask = self.bid_ticks + self.spread_ticks
        return book(BTC.price(self.bid_ticks), BTC.price(ask), self.bid_size, self.ask_size)

    def decide(self) -> Decision:
        return decided(
            self.book,
            BTC.size(self.inventory_lots),
            self.instrument,
            half_spread_bps=self.half_spread_bps,
            levels=self.levels,
            level_step_bps=self.level_step_bps,
            level_growth=self.level_growth,
            order_size=BTC.size(self.order_lots),
            skew=self.skew,
            target_inventory=BTC.size(self.target_lots),
            fair_value=self.fair_value,
        )


cases = st.builds(
    Case,
    bid_ticks=st.integers(5_000, 50_000),
    spread_ticks=st.integers(1, 50),
    bid_size=st.floats(0.001, 50.0),
    ask_size=st.floats(0.001, 50.0),
    inventory_lots=st.integers(-1_100, 1_100),
    half_spread_bps=st.sampled_from([0.0, 0.1, 1.0, 2.5, 10.0, 60.0]),
    levels=st.integers(1, 6),
    level_step_bps=st.sampled_from([0.0, 1.0, 7.0]),
    level_growth=st.sampled_from([0.5, 1.0, 1.5]),
    order_lots=st.integers(1, 400),
    skew=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    target_lots=st.integers(-500, 500),
    maker_fee=st.sampled_from([-0.0001, 0.0, 0.0002]),
    min_size=st.sampled_from([0.0, 0.005, 0.02]),
    min_notional=st.sampled_from([0.0, 5.0]),
    fair_value=st.sampled_from(["mid", "weighted-mid"]),
)


@given(cases)
@example(Case(half_spread_bps=0.0))
def test_our_bids_stay_below_our_asks(case):
    decision = case.decide()
    bids = [quote.ticks for quote in decision.side(Side.BUY)]
    asks = [quote.ticks for quote in decision.side(Side.SELL)]
    assert not bids or not asks or max(bids) < min(asks)


@given(cases)
def test_no_quote_would_take(case):
    decision = case.decide()
    assert all(quote.ticks < case.bid_ticks + case.spread_ticks for quote in decision.side(Side.BUY))
    assert all(quote.ticks > case.bid_ticks for quote in decision.side(Side.SELL))


@given(cases)
def test_no_side_can_carry_the_position_past_its_limit(case):
    decision = case.decide()
    for side in Side:
        reach = side * case.inventory_lots + sum(quote.lots for quote in decision.side(side))
        assert reach <= max(1_000, side * case.inventory_lots)


@given(cases)
@example(Case(inventory_lots=997, min_size=0.005))
@example(Case(inventory_lots=998, min_notional=5.0))
def test_every_order_is_large_enough_for_the_venue(case):
    for quote in case.decide().quotes:
        size = BTC.size(quote.lots)
        assert size >= case.min_size
        assert BTC.notional(BTC.price(quote.ticks), size) >= case.min_notional


@given(cases)
def test_quotes_or_a_reason_on_each_side_never_both(case):
    decision = case.decide()
    for side in Side:
        assert bool(decision.side(side)) is (side not in decision.reasons)


@given(cases)
@example(Case(inventory_lots=997, min_size=0.005))
def test_the_reason_is_the_true_one(case):
    for side, reason in case.decide().reasons.items():
        room = 1_000 - side * case.inventory_lots
        if "at its limit" in reason:
            assert room <= 0
        if "below the smallest order" in reason:
            size = BTC.size(case.order_lots)
            price = BTC.price(case.bid_ticks)
            assert size < case.min_size or size * price * 0.9 < case.min_notional


@given(cases)
def test_each_level_stands_behind_the_one_before(case):
    decision = case.decide()
    for side in Side:
        for nearer, farther in pairwise(decision.side(side)):
            assert side * (nearer.ticks - farther.ticks) >= 1


@given(cases, st.integers(1, 300))
def test_more_inventory_never_raises_a_quote(case, more_lots):
    longer = msgspec.structs.replace(case, inventory_lots=case.inventory_lots + more_lots)
    assert longer.decide().reservation_price <= case.decide().reservation_price
    for side in Side:
        before, after = case.decide().side(side), longer.decide().side(side)
        if before and after:
            assert after[0].ticks <= before[0].ticks


@given(cases)
def test_asking_twice_gives_the_same_answer(case):
    strategy = maker(case.instrument, levels=case.levels)
    strategy.on_book(case.book)
    assert strategy.decide(0, 0.1) == strategy.decide(10**9, 0.1)


@given(cases)
def test_the_mirrored_market_gets_the_mirrored_quotes(case):
    """Around the mid: what was long is short, and bids and asks change places."""
    case = msgspec.structs.replace(case, fair_value="mid", min_notional=0.0)
    turned = msgspec.structs.replace(case, inventory_lots=-case.inventory_lots, target_lots=-case.target_lots)
    plain, flipped = case.decide(), turned.decide()
    twice_fair = 2 * case.bid_ticks + case.spread_ticks
    assert plain.fair == flipped.fair
    for side in Side:
        one = plain.side(side)
        other = flipped.side(side.opposite)
        assert len(one) == len(other)
        for quote, mirror in zip(one, other, strict=True):
            assert quote.lots == mirror.lots
            # Rounding noise at the edge of a tick may fall either way.
            assert abs(quote.ticks + mirror.ticks - twice_fair) <= 1


@pytest.mark.parametrize("key", ["max_position", "order_size", "half_spread_bps", "level_step_bps", "skew"])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_parameters_without_end_are_refused_or_quote_nothing_silly(key, value):
    """YAML writes infinity as .inf; a strategy that breaks at its first decision is no answer."""
    try:
        params = msgspec.convert(
            {"order_size": 0.01, "half_spread_bps": 10.0, "max_position": 1.0, key: value}, MarketMakerParams
        )
    except msgspec.ValidationError:
        return
    strategy = MarketMaker(params, BTC)
    strategy.on_book(book())
    assert isinstance(strategy.decide(0, 0.5), Decision)


# -- levels one by one ---------------------------------------------------------------------------------------


def test_levels_may_be_given_one_by_one_for_a_side():
    decision = decided(bid_levels=[{"at_bps": 5, "size": 0.02}, {"at_bps": 20, "size": 0.05}], levels=2)
    assert prices(decision, Side.BUY) == [99.95, 99.8]
    assert [quote.lots for quote in decision.side(Side.BUY)] == [20, 50]
    assert prices(decision, Side.SELL) == [100.1, 100.11]  # as without
    assert [quote.lots for quote in decision.side(Side.SELL)] == [10, 10]


def test_levels_given_one_by_one_cover_the_fee_too():
    costly = msgspec.structs.replace(BTC, maker_fee=0.001)
    levels = [{"at_bps": 5, "size": 0.02}, {"at_bps": 20, "size": 0.02}]
    assert prices(decided(instrument=costly, ask_levels=levels), Side.SELL) == [100.1, 100.2]
    assert prices(decided(instrument=costly, ask_levels=levels, cover_fees=False), Side.SELL) == [100.05, 100.2]


# -- sizes by inventory --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inventory", "bid_lots", "ask_lots"),
    [(0.0, 10, 10), (0.5, 5, 15), (-0.5, 15, 5), (0.25, 7, 12), (-1.0, 20, 0)],
)
def test_sizes_lean_against_the_inventory(inventory, bid_lots, ask_lots):
    decision = decided(inventory=inventory, size_skew=1.0, skew=0.0)
    assert sum(quote.lots for quote in decision.side(Side.BUY)) == bid_lots
    assert sum(quote.lots for quote in decision.side(Side.SELL)) == ask_lots


def test_a_side_whose_size_has_shrunk_to_nothing_says_so():
    decision = decided(inventory=0.96, size_skew=1.2, skew=0.0)
    assert decision.reasons == {Side.BUY: "position 0.96 leaves no size to this side"}


# -- placement among others ----------------------------------------------------------------------------------

DEEP = Book(
    0,
    (Level(99.9, 1.0), Level(99.7, 4.0), Level(99.0, 9.0)),
    (Level(100.1, 2.0), Level(100.4, 9.0), Level(101.0, 9.0)),
)


@pytest.mark.parametrize(
    ("placement", "depth", "bid", "ask"),
    [
        ("spread", 0.0, 99.95, 100.05),
        ("join", 0.0, 99.9, 100.1),
        ("improve", 0.0, 99.91, 100.09),
        ("join", 1.5, 99.7, 100.1),
        ("improve", 2.0, 99.71, 100.39),
    ],
)
def test_the_first_level_is_no_nearer_than_others_let_it(placement, depth, bid, ask):
    decision = decided(DEEP, half_spread_bps=5, placement=placement, placement_depth=depth)
    assert (prices(decision, Side.BUY), prices(decision, Side.SELL)) == ([bid], [ask])


def test_a_spread_wider_than_that_of_others_stays():
    for placement in ("join", "improve"):
        decision = decided(DEEP, half_spread_bps=50, placement=placement)
        assert (prices(decision, Side.BUY), prices(decision, Side.SELL)) == ([99.5], [100.5])


def test_further_levels_keep_their_distance_from_the_first():
    decision = decided(DEEP, half_spread_bps=5, placement="join", levels=3, level_step_bps=10)
    assert prices(decision, Side.BUY) == [99.9, 99.8, 99.7]


def test_asks_may_look_through_another_size_than_bids():
    decision = decided(DEEP, half_spread_bps=5, placement="join", placement_depth=1.5, ask_placement_depth=0.5)
    assert (prices(decision, Side.BUY), prices(decision, Side.SELL)) == ([99.7], [100.1])
    decision = decided(DEEP, half_spread_bps=5, placement="join", placement_depth=0.5, ask_placement_depth=2.5)
    assert (prices(decision, Side.BUY), prices(decision, Side.SELL)) == ([99.9], [100.4])


def test_only_a_placement_among_others_reads_more_than_the_touch():
    assert maker()._params.depth_levels == 1
    assert maker(placement="join")._params.depth_levels > 1


# -- taking --------------------------------------------------------------------------------------------------


def crossed(reference: float, instrument: Instrument = BTC, **params) -> Decision:
    """Quotes around a reference beside a market at 99.99 to 100.01."""
    strategy = maker(instrument, fair_value="reference", reference="Y.SIM", skew=0.0, **params)
    strategy.on_book(book(bid_size=0.004, ask_size=0.2))
    strategy.on_reference(Book(0, (Level(reference - 0.01, 1.0),), (Level(reference + 0.01, 1.0),)))
    return strategy.decide(0, 0.0)


def test_a_quote_through_the_market_steps_behind_it_unless_it_may_take():
    decision = crossed(101.0)
    assert prices(decision, Side.BUY) == [100.0]
    assert not any(quote.taking for quote in decision.quotes)


def test_where_it_may_the_first_level_takes_what_stands_there():
    decision = crossed(101.0, take_if_crossed=True, levels=2)
    first, second = decision.side(Side.BUY)
    assert (first.ticks, first.lots, first.taking) == (BTC.ticks(100.01), 10, True)
    assert not second.taking
    assert second.ticks < first.ticks
    assert not any(quote.taking for quote in decision.side(Side.SELL))


def test_it_takes_no_more_than_stands_there():
    (first,) = crossed(99.0, take_if_crossed=True).side(Side.SELL)
    assert (first.ticks, first.lots, first.taking) == (BTC.ticks(99.99), 4, True)


@pytest.mark.parametrize(("fee", "takes"), [(0.0, True), (0.009, True), (0.0099, False), (0.02, False)])
def test_it_takes_only_where_the_takers_fee_is_earned(fee, takes):
    costly = msgspec.structs.replace(BTC, taker_fee=fee)
    assert crossed(101.0, costly, take_if_crossed=True).side(Side.BUY)[0].taking is takes
    assert crossed(101.0, costly, take_if_crossed=True, cover_fees=False).side(Side.BUY)[0].taking


def test_a_market_that_is_not_crossed_is_not_taken():
    decision = crossed(100.0, take_if_crossed=True)
    assert prices(decision, Side.BUY) == [99.9]
    assert not any(quote.taking for quote in decision.quotes)


def test_less_than_the_smallest_order_is_not_taken():
    """A level of a fraction of a lot, or worth less than the least notional: the quote steps behind it."""
    for instrument, size in ((BTC, 0.0004), (msgspec.structs.replace(BTC, min_notional=50.0), 0.1)):
        reference = {"fair_value": "reference", "reference": "Y.SIM"}
        strategy = maker(instrument, **reference, skew=0.0, take_if_crossed=True, order_size=1)
        strategy.on_book(book(ask_size=size))
        strategy.on_reference(book(100.99, 101.01))
        assert [quote.taking for quote in strategy.decide(0, 0.0).side(Side.BUY)] == [False]
