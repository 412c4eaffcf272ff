from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Side
from ultramm.simulation.book import BookSide
from ultramm.simulation.events import LevelChange

levels = st.dictionaries(st.integers(-20, 20), st.integers(1, 9), min_size=1)


def book_of(lots_by_rank: dict[int, int], side: Side = Side.BUY) -> BookSide:
    book = BookSide(side)
    for rank, lots in lots_by_rank.items():
        book.add(rank, lots)
    return book


@given(levels)
def test_best_is_the_highest_rank_and_lots_the_sum(lots_by_rank):
    book = book_of(lots_by_rank)
    assert book.best == max(lots_by_rank)
    assert book.lots == sum(lots_by_rank.values())


@given(levels, st.data())
def test_removing_lots_keeps_best_sum_and_positive_sizes(lots_by_rank, data):
    book = book_of(lots_by_rank)
    rank = data.draw(st.sampled_from(sorted(lots_by_rank)))
    book.remove(rank, data.draw(st.integers(1, lots_by_rank[rank])))
    assert book.lots == sum(book.levels.values())
    assert all(lots > 0 for lots in book.levels.values())
    assert not book.levels or book.best == max(book.levels)


@given(levels, st.floats(-25, 25))
def test_lots_above_counts_strictly_better_ranks(lots_by_rank, limit):
    expected = sum(lots for rank, lots in lots_by_rank.items() if rank > limit)
    assert book_of(lots_by_rank).lots_above(limit) == expected


@given(levels)
def test_every_lot_has_its_rank_counted_from_the_best(lots_by_rank):
    book = book_of(lots_by_rank)
    expected = [rank for rank in sorted(lots_by_rank, reverse=True) for _ in range(lots_by_rank[rank])]
    assert [book.rank_of_lot(index) for index in range(book.lots)] == expected


def test_the_ask_side_is_mirrored():
    book = book_of({-101: 2, -103: 5}, Side.SELL)
    assert book.best == -101
    assert list(book.by_ticks().items()) == [(101, 2), (103, 5)]
    assert book.change(-103) == LevelChange(Side.SELL, 103, 5)
    assert book.change(-102) == LevelChange(Side.SELL, 102, 0)
