import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Book, Instrument, Level, Side
from ultramm.quoting.placement import front

X = Instrument(
    id="X.SIM",
    tick_size=0.1,
    lot_size=1.0,
    price_precision=1,
    size_precision=0,
    quote_currency="USD",
    settlement_currency="USD",
)
MARKET = Book(
    0,
    (Level(99.9, 1.0), Level(99.8, 4.0), Level(99.5, 10.0)),
    (Level(100.1, 2.0), Level(100.4, 5.0), Level(100.5, 9.0)),
)


@pytest.mark.parametrize(
    ("side", "ignored", "join", "improve"),
    [
        (Side.BUY, 0.0, 99.9, 100.0),
        (Side.BUY, 0.5, 99.9, 100.0),
        (Side.BUY, 1.0, 99.8, 99.9),  # the single lot in front is looked through
        (Side.BUY, 5.0, 99.5, 99.6),
        (Side.BUY, 1_000.0, 99.5, 99.6),  # beyond all that is known
        (Side.SELL, 0.0, 100.1, 100.0),
        (Side.SELL, 2.0, 100.4, 100.3),
        (Side.SELL, 7.0, 100.5, 100.4),
    ],
)
def test_the_price_that_joins_or_improves_others(side, ignored, join, improve):
    assert front(X, side, MARKET, ignored, improve=False) == join
    assert front(X, side, MARKET, ignored, improve=True) == improve


@pytest.mark.parametrize("side", list(Side))
def test_where_others_have_nothing_there_is_no_front(side):
    assert front(X, side, Book(0, (), ()), 0.0, improve=True) is None


books = st.lists(st.tuples(st.integers(1, 5), st.floats(0.1, 50.0)), min_size=1, max_size=10)


@given(books, st.floats(0.0, 200.0), st.sampled_from(list(Side)))
def test_more_than_the_ignored_size_stands_no_further_than_the_front(gaps, ignored, side):
    levels, ticks = [], 1_000
    for gap, size in gaps:
        ticks -= side * gap
        levels.append(Level(X.price(ticks), size))
    book = Book(0, tuple(levels), ()) if side is Side.BUY else Book(0, (), tuple(levels))
    at = front(X, side, book, ignored, improve=False)
    before = sum(level.size for level in levels if side * (level.price - at) > 0)
    with_it = sum(level.size for level in levels if side * (level.price - at) >= 0)
    assert before <= ignored + 1e-9
    assert with_it > ignored - 1e-9 or at == levels[-1].price
    assert front(X, side, book, ignored, improve=True) == X.price(X.ticks(at) + side)
