from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Book, Instrument, Level, Quote, Side
from ultramm.orders.live import LiveOrders
from ultramm.orders.others import others

X = Instrument(
    id="X.SIM",
    tick_size=0.1,
    lot_size=0.001,
    price_precision=1,
    size_precision=3,
    quote_currency="USD",
    settlement_currency="USD",
)


def resting(*quotes: Quote) -> LiveOrders:
    live = LiveOrders()
    for number, quote in enumerate(quotes):
        live.sent(f"o{number}", quote, 0)
        live.accepted(f"o{number}")
    return live


def book(bids: dict[int, int], asks: dict[int, int]) -> Book:
    """Levels from ticks and lots."""
    return Book(
        7,
        tuple(Level(X.price(ticks), X.size(bids[ticks])) for ticks in sorted(bids, reverse=True)),
        tuple(Level(X.price(ticks), X.size(asks[ticks])) for ticks in sorted(asks)),
    )


MARKET = book({99: 5_000, 98: 7_000}, {101: 3_000})


def test_without_orders_the_book_is_that_of_others():
    assert others(MARKET, LiveOrders(), X) is MARKET


def test_what_is_ours_at_a_price_is_taken_off():
    found = others(MARKET, resting(Quote(Side.BUY, 99, 2_000), Quote(Side.SELL, 101, 1_000)), X)
    assert found == book({99: 3_000, 98: 7_000}, {101: 2_000})


def test_a_level_that_is_ours_alone_is_not_there():
    assert others(MARKET, resting(Quote(Side.BUY, 99, 5_000)), X) == book({98: 7_000}, {101: 3_000})
    assert others(MARKET, resting(Quote(Side.SELL, 101, 3_000)), X).asks == ()


def test_several_orders_at_a_price_count_together():
    ours = resting(Quote(Side.BUY, 99, 2_000), Quote(Side.BUY, 99, 2_500))
    assert others(MARKET, ours, X).bids[0] == Level(9.9, 0.5)


def test_an_order_that_is_being_cancelled_is_still_in_the_book_and_one_in_flight_is_not_yet():
    live = resting(Quote(Side.BUY, 99, 2_000))
    live.cancelling("o0")
    live.sent("flying", Quote(Side.SELL, 101, 1_000), 0)
    assert others(MARKET, live, X) == book({99: 3_000, 98: 7_000}, {101: 3_000})


def test_of_a_partly_filled_order_the_rest_is_taken_off():
    live = resting(Quote(Side.BUY, 99, 2_000))
    live.filled("o0", 500)
    assert others(MARKET, live, X).bids[0] == Level(9.9, 3.5)


def test_an_order_elsewhere_or_of_the_other_side_changes_nothing():
    assert others(MARKET, resting(Quote(Side.SELL, 105, 1_000), Quote(Side.BUY, 90, 1_000)), X) == MARKET


lots = st.integers(1, 10**6)
sides = st.dictionaries(st.integers(1, 30), lots, max_size=6)


@given(
    sides,
    st.dictionaries(st.integers(31, 60), lots, max_size=6),
    st.lists(st.tuples(st.integers(1, 60), lots), max_size=8),
)
def test_ours_on_top_of_others_leaves_others(theirs_bid, theirs_ask, orders):
    """Whatever we add to a book, taking it off gives the book that was there before."""
    bids, asks, quotes = dict(theirs_bid), dict(theirs_ask), []
    for ticks, size in orders:
        side = Side.BUY if ticks <= 30 else Side.SELL
        at = bids if side is Side.BUY else asks
        at[ticks] = at.get(ticks, 0) + size
        quotes.append(Quote(side, ticks, size))
    assert others(book(bids, asks), resting(*quotes), X) == book(theirs_bid, theirs_ask)
