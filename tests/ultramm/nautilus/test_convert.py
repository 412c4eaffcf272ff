import pytest
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.enums import BookType

from ultramm.market import Book, Level
from ultramm.nautilus.convert import to_book, touch_reader


class Venue:
    """A kernel's book that a tape is applied to."""

    def __init__(self, tape) -> None:
        self.tape = tape
        self.kernel = OrderBook(tape.instrument.id, BookType.L2_MBP)

    def book(self, ms: int, *levels) -> None:
        self.tape.book(ms, *levels)
        self.kernel.apply_deltas(self.tape.events[-1])


@pytest.fixture
def venue(tape) -> Venue:
    venue = Venue(tape)
    venue.book(0, ("bid", 99, 5), ("bid", 98, 7), ("ask", 101, 4), ("ask", 103, 6))
    return venue


def levels(*pairs: tuple[float, float]) -> tuple[Level, ...]:
    return tuple(Level(price, size) for price, size in pairs)


def test_the_touch_is_read_once_for_each_change(venue):
    read = touch_reader(venue.kernel)
    assert read(7) == Book(7, levels((99, 5)), levels((101, 4)))
    assert read(8) is None
    venue.book(1, ("bid", 98, 8), ("ask", 103, 0))  # behind the touch
    assert read(9) is None
    venue.book(2, ("ask", 101, 3))
    assert read(10) == Book(10, levels((99, 5)), levels((101, 3)))
    venue.book(3, ("ask", 101, 4))  # as before the last change: a change all the same
    assert read(11) == Book(11, levels((99, 5)), levels((101, 4)))


def test_a_side_that_empties_is_a_change(venue):
    read = touch_reader(venue.kernel)
    read(0)
    venue.book(1, ("ask", 101, 0), ("ask", 103, 0))
    assert read(1).asks == ()
    assert read(2) is None
    venue.book(2, ("bid", 99, 0), ("bid", 98, 0))
    assert read(3) == Book(3, (), ())


def test_so_many_levels_are_read(venue):
    assert to_book(venue.kernel, 7, 1) == Book(7, levels((99, 5)), levels((101, 4)))
    assert to_book(venue.kernel, 7, 9) == Book(7, levels((99, 5), (98, 7)), levels((101, 4), (103, 6)))


def test_a_market_without_any_level_is_read_as_empty(tape):
    read = touch_reader(OrderBook(tape.instrument.id, BookType.L2_MBP))
    assert read(0) == Book(0, (), ())
