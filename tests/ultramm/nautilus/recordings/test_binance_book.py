"""Depth rules, on made-up messages of the spot and the USD-margined market."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas
from nautilus_trader.model.enums import BookAction, BookType, RecordFlag

from ultramm.nautilus.recordings.binance_book import RESYNC_NS, BookBuilder, Gap
from ultramm.nautilus.recordings.binance_capture import DepthDiff, DepthSnapshot
from ultramm.nautilus.recordings.binance_instruments import instrument_for

T0 = 1_700_000_000_000_000_000
SPOT = instrument_for("spot", "BTCUSDT")
Level = tuple[str, str]
Levels = list[Level]


def diff(
    first: int, last: int, bids: Sequence[Level] = (), asks: Sequence[Level] = (), previous: int | None = None
) -> DepthDiff:
    return DepthDiff("BTCUSDT", first, last, list(bids), list(asks), previous_id=previous)


def snapshot(last: int, bids: Levels | None = None, asks: Levels | None = None) -> DepthSnapshot:
    return DepthSnapshot(last, bids or [("100.00", "1.5")], asks or [("101.00", "2.5")])


@pytest.fixture
def book() -> BookBuilder:
    return BookBuilder(SPOT, await_snapshot=True, dropped=Counter())


def dropped(book: BookBuilder) -> dict[str, int]:
    return dict(book._dropped)


def shown(delta: Any) -> tuple[str, str, str, str]:
    return delta.action.name, delta.order.side.name, str(delta.order.price), str(delta.order.size)


def batches(deltas: list[Any]) -> list[list[Any]]:
    return [each.deltas for each in OrderBookDeltas.batch(deltas)] if deltas else []


class TestSnapshot:
    def test_is_one_batch_that_clears_and_adds(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0 + 1, T0 + 2)
        assert [shown(delta) for delta in book.deltas] == [
            ("CLEAR", "NO_ORDER_SIDE", "0.00", "0.00000"),
            ("ADD", "BUY", "100.00", "1.50000"),
            ("ADD", "SELL", "101.00", "2.50000"),
        ]
        flags = RecordFlag.F_SNAPSHOT
        assert [delta.flags for delta in book.deltas] == [flags, flags, flags | RecordFlag.F_LAST]
        assert {(delta.sequence, delta.ts_event, delta.ts_init) for delta in book.deltas} == {(10, T0 + 1, T0 + 2)}
        assert (book.batches, book.ready) == (1, True)

    def test_diffs_before_it_are_placed_by_their_ids(self, book: BookBuilder) -> None:
        book.diff(diff(1, 5, [("99.00", "9")]), T0, T0)
        book.diff(diff(6, 10, [("99.00", "8")]), T0 + 1, T0 + 1)
        book.diff(diff(11, 12, [("99.00", "7")]), T0 + 2, T0 + 2)
        assert not book.deltas
        assert not book.ready
        book.snapshot(snapshot(10), T0 + 3, T0 + 9)
        *_, behind = batches(book.deltas)
        assert [shown(delta) for delta in behind] == [("ADD", "BUY", "99.00", "7.00000")]
        assert (behind[0].sequence, behind[0].ts_event, behind[0].ts_init) == (12, T0 + 2, T0 + 9)
        assert dropped(book) == {"diff already in the snapshot": 2}
        assert not book.gaps

    def test_levels_of_no_size_are_dropped(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10, [("100.00", "0"), ("0.00", "1")]), T0, T0)
        assert [shown(delta)[0] for delta in book.deltas] == ["CLEAR", "ADD"]
        assert dropped(book) == {"delete of an unknown level": 1, "level price of zero": 1}

    def test_a_newer_one_replaces_the_book(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.snapshot(snapshot(20, [("90.00", "1")]), T0, T0 + 1)
        book.diff(diff(15, 20, [("80.00", "1")]), T0, T0 + 2)
        book.diff(diff(21, 21, [("100.00", "0")]), T0, T0 + 3)
        assert len(batches(book.deltas)) == 2
        assert dropped(book) == {"diff already in the snapshot": 1, "delete of an unknown level": 1}

    def test_an_older_one_is_dropped(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(11, 12, [("99.00", "1")]), T0, T0 + 1)
        book.snapshot(snapshot(11), T0, T0 + 2)
        assert dropped(book) == {"snapshot older than the book": 1}
        assert book.batches == 2


class TestDiff:
    def test_decides_add_update_delete_by_what_is_known(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        changes = [("99.50", "1"), ("100.00", "3.00000000"), ("100.00", "0.00000000"), ("98.00", "0")]
        book.diff(diff(11, 14, changes, [("101.00", "0")]), T0 + 4, T0 + 5)
        _, batch = batches(book.deltas)
        assert [shown(delta) for delta in batch] == [
            ("ADD", "BUY", "99.50", "1.00000"),
            ("UPDATE", "BUY", "100.00", "3.00000"),
            ("DELETE", "BUY", "100.00", "0.00000"),
            ("DELETE", "SELL", "101.00", "0.00000"),
        ]
        assert [delta.flags for delta in batch] == [0, 0, 0, RecordFlag.F_LAST]
        assert {(delta.sequence, delta.ts_event, delta.ts_init) for delta in batch} == {(14, T0 + 4, T0 + 5)}
        assert dropped(book) == {"delete of an unknown level": 1}

    def test_that_changes_nothing_emits_nothing_but_moves_the_ids_on(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(11, 12, [("98.00", "0")]), T0, T0)
        book.diff(diff(13, 13), T0, T0)
        book.diff(diff(14, 14, [("98.00", "1")]), T0, T0)
        assert book.batches == 2
        assert not book.gaps

    def test_off_the_grid_is_dropped_and_leaves_the_level(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(11, 12, [("100.001", "1"), ("100.00", "1.000001")]), T0, T0)
        book.diff(diff(13, 13, [("100.00", "1")]), T0, T0)
        assert [shown(delta)[0] for delta in book.deltas[3:]] == ["UPDATE"]
        assert dropped(book) == {"level price off the grid": 1, "level size off the grid": 1}

    def test_repeated_is_dropped(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        for _ in range(2):
            book.diff(diff(11, 12, [("99.00", "1")]), T0, T0)
        assert dropped(book) == {"diff repeated": 1}
        assert not book.gaps

    def test_crossed_book_is_counted_and_kept(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(11, 11, [("101.00", "1")]), T0, T0)
        book.diff(diff(12, 12, [], [("102.00", "1")]), T0, T0)
        book.diff(diff(13, 13, [("101.00", "0")]), T0, T0)
        assert (book.batches, book.crossed_batches) == (4, 2)

    def test_bad_number_is_refused(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        with pytest.raises(ValueError, match="no decimal number"):
            book.diff(diff(11, 11, [("-1", "1")]), T0, T0)


class TestChain:
    def test_spot_first_diff_may_begin_before_the_snapshot(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(8, 12, [("99.00", "1")]), T0, T0)
        book.diff(diff(13, 13, [("99.00", "2")]), T0, T0)
        assert not book.gaps

    def test_spot_gap_behind_the_snapshot(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(13, 14, [("99.00", "1")]), T0, T0 + 5)
        assert book.gaps == [Gap("depth", T0 + 5, 10, 13, 2)]
        assert book.batches == 2  # the book goes on

    def test_spot_overlap_is_reported(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(11, 14), T0, T0)
        book.diff(diff(14, 15), T0, T0)
        assert book.gaps == [Gap("depth", T0, 14, 14, -1)]

    def test_futures_chain_by_the_previous_id(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(7, 12, previous=5), T0, T0)
        book.diff(diff(20, 25, previous=12), T0, T0)
        assert not book.gaps
        book.diff(diff(30, 35, previous=27), T0, T0)
        assert book.gaps == [Gap("depth", T0, 25, 27, 2)]

    def test_futures_snapshot_between_two_diffs_is_no_gap(self, book: BookBuilder) -> None:
        book.diff(diff(2, 5, previous=1), T0, T0)
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(14, 15, previous=5), T0, T0)
        assert not book.gaps

    def test_futures_gap_behind_the_snapshot(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(14, 15, previous=12), T0, T0)
        assert book.gaps == [Gap("depth", T0, 10, 12, 2)]

    def test_list_of_gaps_is_bounded_and_the_count_is_not(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        for number in range(20, 4_020, 2):
            book.diff(diff(number, number), T0, T0)
        assert (len(book.gaps), book.gap_count) == (1_000, 2_000)


class TestResync:
    def test_older_snapshot_behind_a_gap_heals_the_book(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(20, 20, [("99.00", "1")]), T0, T0 + 1)
        book.diff(diff(21, 21, [("98.00", "1")]), T0, T0 + 2)
        book.snapshot(snapshot(20, [("97.00", "1")]), T0, T0 + 3)
        *_, healed, behind = batches(book.deltas)
        assert healed[0].action == BookAction.CLEAR
        assert [(shown(delta)[:3], delta.ts_init) for delta in behind] == [(("ADD", "BUY", "98.00"), T0 + 3)]
        assert (book.gap_count, dropped(book)) == (1, {})

    def test_snapshot_from_before_the_gap_does_not(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(20, 20, [("99.00", "1")]), T0, T0)
        book.snapshot(snapshot(15), T0, T0)
        assert dropped(book) == {"snapshot older than the book": 1}

    def test_too_late_a_snapshot_does_not(self, book: BookBuilder) -> None:
        book.snapshot(snapshot(10), T0, T0)
        book.diff(diff(20, 20, [("99.00", "1")]), T0, T0)
        book.diff(diff(21, 21, [("99.00", "1")]), T0, T0 + RESYNC_NS + 1)
        book.snapshot(snapshot(19), T0, T0 + RESYNC_NS + 2)
        assert dropped(book) == {"snapshot older than the book": 1}


class TestWithoutSnapshot:
    @pytest.fixture
    def book(self) -> BookBuilder:
        return BookBuilder(SPOT, await_snapshot=False, dropped=Counter())

    def test_starts_with_a_clear_and_the_first_diff(self, book: BookBuilder) -> None:
        book.diff(diff(5, 6, [("99.00", "1"), ("98.00", "0")]), T0, T0)
        assert [shown(delta)[0] for delta in book.deltas] == ["CLEAR", "ADD"]
        assert [delta.flags for delta in book.deltas] == [0, RecordFlag.F_LAST]
        assert book.ready
        book.diff(diff(7, 7, [("99.00", "0")]), T0, T0)
        assert [shown(delta)[0] for delta in book.deltas] == ["CLEAR", "ADD", "DELETE"]

    def test_late_snapshot_completes_the_book(self, book: BookBuilder) -> None:
        for number in range(5, 9):
            book.diff(diff(number, number, [(f"{number}.00", "1")]), T0, T0 + number)
        book.snapshot(snapshot(6), T0, T0 + 9)
        *_, full, seventh, eighth = batches(book.deltas)
        assert full[0].action == BookAction.CLEAR
        assert [shown(batch[0])[2] for batch in (seventh, eighth)] == ["7.00", "8.00"]


def _levels(low: int, high: int) -> st.SearchStrategy[Levels]:
    price = st.integers(low, high).map(lambda cents: f"{cents // 100}.{cents % 100:02d}000000")
    size = st.sampled_from(["0.00000000", "0.00001000", "1.25000000", "7"])
    return st.lists(st.tuples(price, size), max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_levels(9_990, 9_999), _levels(10_000, 10_009)), min_size=1, max_size=20))
def test_replayed_deltas_give_the_plain_book(updates: list[tuple[Levels, Levels]]) -> None:
    builder = BookBuilder(SPOT, await_snapshot=True, dropped=Counter())
    builder.snapshot(DepthSnapshot(0, *updates[0]), T0, T0)
    for number, (bids, asks) in enumerate(updates[1:], start=1):
        builder.diff(diff(number, number, bids, asks), T0 + number, T0 + number)
    expected: list[dict[float, float]] = [{}, {}]
    for update in updates:
        for side, levels in zip(expected, update, strict=True):
            for price, size in levels:
                side[float(price)] = float(size)
    replayed = OrderBook(SPOT.id, BookType.L2_MBP)
    for batch in OrderBookDeltas.batch(builder.deltas):
        replayed.apply_deltas(batch)
    for side, levels in zip(expected, (replayed.bids(), replayed.asks()), strict=True):
        assert {float(level.price): level.size() for level in levels} == {p: s for p, s in side.items() if s}
    assert builder.crossed_batches == 0
    assert builder.batches == len(OrderBookDeltas.batch(builder.deltas))


@settings(deadline=None)
@given(st.lists(st.tuples(_levels(9_995, 10_005), _levels(9_995, 10_005)), min_size=1, max_size=15))
def test_crossed_batches_are_those_where_the_plain_book_crosses(updates: list[tuple[Levels, Levels]]) -> None:
    builder = BookBuilder(SPOT, await_snapshot=False, dropped=Counter())
    sides: list[dict[float, float]] = [{}, {}]
    crossed = 0
    for number, update in enumerate(updates):
        before = builder.batches
        builder.diff(diff(number, number, *update), T0, T0)
        for side, levels in zip(sides, update, strict=True):
            side.update({float(price): float(size) for price, size in levels})
        bids, asks = ([price for price, size in side.items() if size] for side in sides)
        crossed += builder.batches > before and bool(bids) and bool(asks) and max(bids) >= min(asks)
    assert builder.crossed_batches == crossed
