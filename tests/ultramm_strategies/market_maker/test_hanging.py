import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Book, Fill, Instrument, Level, Quote, Side
from ultramm_strategies.market_maker.hanging import HANGING, HangingOrders
from ultramm_strategies.market_maker.params import MarketMakerParams
from ultramm_strategies.market_maker.strategy import MarketMaker

X = Instrument(
    id="X.SIM",
    tick_size=0.01,
    lot_size=1.0,
    price_precision=2,
    size_precision=0,
    quote_currency="USD",
    settlement_currency="USD",
)
LADDER = (
    Quote(Side.BUY, 9_990, 10, 0),
    Quote(Side.BUY, 9_980, 20, 1),
    Quote(Side.SELL, 10_010, 10, 0),
    Quote(Side.SELL, 10_020, 20, 1),
)


def fill(side: Side, price: float, size: float) -> Fill:
    return Fill(0, "o", side, price, size, 0.0, True)


@pytest.fixture
def hanging() -> HangingOrders:
    made = HangingOrders(X, cancel_bps=50.0)
    made.quoted(LADDER)
    return made


EMPTY = Book(0, (), ())


def held(hanging: HangingOrders, fair: float = 100.0, book: Book = EMPTY) -> list[tuple[Side, int, int]]:
    """What stands beside no ladder at all."""
    found = hanging.beside({Side.BUY: (), Side.SELL: ()}, fair, book)
    return [(quote.side, quote.ticks, quote.lots) for side in Side for quote in found[side]]


def test_nothing_hangs_before_a_fill(hanging):
    assert held(hanging) == []


def test_the_opposite_order_of_the_filled_level_hangs_with_its_whole_size(hanging):
    hanging.on_fill(fill(Side.BUY, 99.8, 5.0))
    assert held(hanging) == [(Side.SELL, 10_020, 20)]
    (quote,) = hanging.beside({Side.SELL: ()}, 100.0, EMPTY)[Side.SELL]
    assert quote.level == HANGING


def test_an_order_that_stood_a_tick_beside_its_quote_is_of_that_quote(hanging):
    hanging.on_fill(fill(Side.SELL, 100.11, 10.0))
    assert held(hanging) == [(Side.BUY, 9_990, 10)]


def test_several_fills_of_a_level_leave_one_order(hanging):
    for _ in range(3):
        hanging.on_fill(fill(Side.BUY, 99.9, 2.0))
    assert held(hanging) == [(Side.SELL, 10_010, 10)]


def test_what_hangs_is_gone_when_it_is_filled(hanging):
    hanging.on_fill(fill(Side.BUY, 99.9, 10.0))
    hanging.quoted((*LADDER[:2], Quote(Side.SELL, 10_010, 10, HANGING), Quote(Side.SELL, 10_030, 10, 0)))
    hanging.on_fill(fill(Side.SELL, 100.1, 4.0))
    assert held(hanging) == [(Side.SELL, 10_010, 6)]
    hanging.on_fill(fill(Side.SELL, 100.1, 6.0))
    assert held(hanging) == []  # and no partner of it was hung in turn


def test_it_is_given_up_when_fair_value_is_far_from_it(hanging):
    hanging.on_fill(fill(Side.BUY, 99.9, 10.0))
    assert held(hanging, fair=99.65) == [(Side.SELL, 10_010, 10)]
    assert held(hanging, fair=99.5) == []
    assert held(hanging, fair=100.0) == []  # for good


def test_a_fill_of_nothing_that_was_quoted_changes_nothing():
    hanging = HangingOrders(X, cancel_bps=50.0)
    hanging.on_fill(fill(Side.BUY, 99.9, 10.0))
    assert held(hanging) == []


def test_their_number_is_bounded_and_the_farthest_go_first():
    hanging = HangingOrders(X, cancel_bps=10_000.0)
    for ask in range(10_001, 10_101):
        hanging.quoted((Quote(Side.BUY, 9_000, 10, 0), Quote(Side.SELL, ask, 10, 0)))
        hanging.on_fill(fill(Side.BUY, 90.0, 10.0))
    assert [ticks for _, ticks, _ in held(hanging)] == list(range(10_001, 10_051))


def test_a_fill_that_took_hangs_nothing(hanging):
    """A flatten at market trades at whatever price: it is of no level."""
    hanging.on_fill(Fill(0, "o", Side.BUY, 99.9, 10.0, 0.0, False))
    assert held(hanging) == []


def test_one_that_is_filled_while_its_side_is_closed_is_gone_too(hanging):
    hanging.on_fill(fill(Side.BUY, 99.9, 10.0))
    hanging.quoted(LADDER[:2])  # no asks
    hanging.on_fill(fill(Side.SELL, 100.1, 10.0))
    assert held(hanging) == []


def test_a_rest_below_the_smallest_order_is_given_up():
    picky = msgspec.structs.replace(X, min_size=5.0)
    hanging = HangingOrders(picky, cancel_bps=50.0)
    hanging.quoted(LADDER)
    hanging.on_fill(fill(Side.BUY, 99.9, 10.0))
    hanging.on_fill(fill(Side.SELL, 100.1, 6.0))
    assert held(hanging) == []


def test_what_the_market_has_passed_is_forgotten(hanging):
    hanging.on_fill(fill(Side.BUY, 99.9, 10.0))
    passed = Book(0, (Level(100.1, 1.0),), (Level(100.2, 1.0),))
    assert held(hanging, book=passed) == []
    assert held(hanging) == []  # for good


def test_what_would_meet_our_own_other_side_is_forgotten(hanging):
    hanging.on_fill(fill(Side.BUY, 99.9, 10.0))
    bids = (Quote(Side.BUY, 10_015, 10, 0),)
    assert hanging.beside({Side.BUY: bids, Side.SELL: ()}, 100.0, EMPTY) == {Side.BUY: bids, Side.SELL: ()}


def test_two_that_hang_and_meet_do_not_both_stay(hanging):
    hanging.on_fill(fill(Side.BUY, 99.9, 10.0))  # an ask at 100.10
    hanging.quoted((Quote(Side.BUY, 10_020, 10, 0), Quote(Side.SELL, 10_040, 10, 0)))
    hanging.on_fill(fill(Side.SELL, 100.4, 10.0))  # a bid at 100.20
    assert held(hanging) == [(Side.BUY, 10_020, 10)]


fills = st.tuples(st.sampled_from(list(Side)), st.integers(9_900, 10_100), st.integers(1, 20), st.booleans())
moves = st.integers(9_900, 10_100)


@given(st.lists(st.one_of(fills, moves), max_size=60), st.booleans(), st.integers(1, 3))
def test_whatever_happens_no_two_wanted_quotes_meet_and_none_is_through_the_market(events, gated, levels):
    strategy = maker(levels=levels, level_step_bps=3, price_floor=99.5 if gated else None, hanging_cancel_bps=5_000)
    mid, inventory = 10_000, 0.0
    for event in events:
        if isinstance(event, int):
            mid = event
        else:
            side, ticks, lots, passive = event
            strategy.on_fill(Fill(0, "o", side, X.price(ticks), float(lots), 0.0, passive))
            inventory = max(-100.0, min(100.0, inventory + side * lots))
        strategy.on_book(Book(0, (Level(X.price(mid - 1), 5.0),), (Level(X.price(mid + 1), 5.0),)))
        decision = strategy.decide(0, inventory)
        bids = [quote.ticks for quote in decision.side(Side.BUY)]
        asks = [quote.ticks for quote in decision.side(Side.SELL)]
        assert max(bids, default=0) < min(asks, default=10**6)
        assert max(bids, default=0) <= mid
        assert min(asks, default=10**6) >= mid
        assert sum(quote.lots for quote in decision.side(Side.BUY)) <= 100 - inventory
        assert sum(quote.lots for quote in decision.side(Side.SELL)) <= 100 + inventory


# -- in the strategy -----------------------------------------------------------------------------------------


def book(mid: float) -> Book:
    return Book(0, (Level(mid - 0.01, 5.0),), (Level(mid + 0.01, 5.0),))


def maker(**values) -> MarketMaker:
    params = {"order_size": 10, "max_position": 100, "half_spread_bps": 10, "skew": 0, "hanging_orders": True}
    return MarketMaker(MarketMakerParams(**{**params, **values}), X)


def asks(strategy: MarketMaker, inventory: float, now_ns: int = 0) -> list[tuple[int, int]]:
    return [(quote.ticks, quote.lots) for quote in strategy.decide(now_ns, inventory).side(Side.SELL)]


def test_after_a_fill_the_partner_stays_where_it_is_while_the_ladder_moves_on():
    strategy = maker()
    strategy.on_book(book(100.0))
    assert asks(strategy, 0.0) == [(10_010, 10)]
    strategy.on_fill(fill(Side.BUY, 99.9, 10.0))
    strategy.on_book(book(99.8))
    assert asks(strategy, 10.0) == [(9_990, 10), (10_010, 10)]
    strategy.on_fill(fill(Side.SELL, 100.1, 10.0))
    assert asks(strategy, 0.0) == [(9_990, 10)]


def test_a_price_that_ladder_and_hanging_share_is_quoted_once():
    strategy = maker()
    strategy.on_book(book(100.0))
    strategy.decide(0, 0.0)
    strategy.on_fill(fill(Side.BUY, 99.9, 10.0))
    assert asks(strategy, 10.0) == [(10_010, 10)]


def test_what_hangs_counts_for_the_position_limit():
    strategy = maker(max_position=15.0)
    strategy.on_book(book(100.0))
    strategy.decide(0, 0.0)
    strategy.on_fill(fill(Side.BUY, 99.9, 10.0))
    strategy.on_book(book(99.8))
    assert asks(strategy, 0.0) == [(9_990, 10), (10_010, 5)]
    assert asks(strategy, -15.0) == []


def test_a_side_that_rests_keeps_what_hangs_and_one_that_is_closed_does_not():
    strategy = maker(fill_pause_s=60, price_floor=99.0)
    strategy.on_book(book(100.0))
    strategy.decide(0, 0.0)
    strategy.on_fill(fill(Side.BUY, 99.9, 10.0))
    strategy.on_book(book(99.8))
    strategy.decide(0, 10.0)
    strategy.on_fill(fill(Side.SELL, 99.9, 10.0))
    assert asks(strategy, 0.0, now_ns=1) == [(10_010, 10)]  # the ladder's asks rest
    strategy.on_book(book(98.9))
    assert asks(strategy, 0.0, now_ns=2) == []


def test_it_is_off_unless_it_is_wanted():
    strategy = maker(hanging_orders=False)
    strategy.on_book(book(100.0))
    strategy.decide(0, 0.0)
    strategy.on_fill(fill(Side.BUY, 99.9, 10.0))
    strategy.on_book(book(99.8))
    assert asks(strategy, 10.0) == [(9_990, 10)]
