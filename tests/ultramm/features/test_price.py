import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.price import queue_imbalance, weighted_mid
from ultramm.market import Book, Level

prices = st.floats(0.01, 1e6)
sizes = st.floats(1e-6, 1e6)


@st.composite
def touches(draw):
    low, high = sorted((draw(prices), draw(prices)))
    return touch(low, draw(sizes), high, draw(sizes))


def touch(bid, bid_size, ask, ask_size) -> Book:
    return Book(0, (Level(bid, bid_size),), (Level(ask, ask_size),))


def mirrored(book: Book) -> Book:
    """Bids become asks at the negative price."""
    bid, ask = book.bids[0], book.asks[0]
    return touch(-ask.price, ask.size, -bid.price, bid.size)


def test_known_answers():
    book = touch(99.0, 30.0, 101.0, 10.0)
    assert queue_imbalance(book) == 0.5
    assert weighted_mid(book) == 100.5


@given(touches())
def test_imbalance_lies_between_minus_one_and_one(book):
    assert -1.0 <= queue_imbalance(book) <= 1.0


@given(touches())
def test_the_mirrored_book_has_the_opposite_imbalance_and_weighted_mid(book):
    assert queue_imbalance(mirrored(book)) == -queue_imbalance(book)
    assert weighted_mid(mirrored(book)) == pytest.approx(-weighted_mid(book), rel=1e-12)


@given(touches())
def test_the_weighted_mid_lies_within_the_spread(book):
    slack = 1e-12 * book.asks[0].price
    assert book.bids[0].price - slack <= weighted_mid(book) <= book.asks[0].price + slack


@given(touches())
def test_the_weighted_mid_is_each_price_weighted_by_the_size_on_the_other_side(book):
    bid, ask = book.bids[0], book.asks[0]
    expected = (bid.price * ask.size + ask.price * bid.size) / (bid.size + ask.size)
    assert weighted_mid(book) == pytest.approx(expected, abs=1e-12 * ask.price)


@given(prices, sizes)
def test_equal_sizes_leave_the_mid(price, size):
    book = touch(price, size, price + 1.0, size)
    assert queue_imbalance(book) == 0.0
    assert weighted_mid(book) == book.mid


def test_one_side_overwhelming_moves_the_weighted_mid_to_the_other_sides_price():
    assert weighted_mid(touch(99.0, 1e9, 101.0, 1e-9)) == pytest.approx(101.0)
    assert weighted_mid(touch(99.0, 1e-9, 101.0, 1e9)) == pytest.approx(99.0)


@given(touches(), st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_unit_of_size_does_not_matter(book, scale):
    bid, ask = book.bids[0], book.asks[0]
    scaled = touch(bid.price, scale * bid.size, ask.price, scale * ask.size)
    assert queue_imbalance(scaled) == queue_imbalance(book)


@pytest.mark.parametrize(
    "book",
    [
        Book(0, (), ()),
        Book(0, (Level(99.0, 1.0),), ()),
        Book(0, (), (Level(101.0, 1.0),)),
        touch(99.0, 0.0, 101.0, 0.0),
    ],
    ids=["empty", "bids only", "asks only", "no size"],
)
def test_a_book_without_both_sides_has_neither(book):
    assert math.isnan(queue_imbalance(book))
    assert math.isnan(weighted_mid(book))
