"""The recorder's ear, inside the kernel: books of which it missed the beginning come as snapshots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.common.actor import Actor
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AccountType, BookAction, BookType, OmsType, RecordFlag
from nautilus_trader.model.objects import Money
from recorded import INSTRUMENT, books, levels, market, told

from ultramm.nautilus.recorder.actor import RecorderActor

pytestmark = pytest.mark.integration


class Taker:
    """Stands where the recorder would: takes what `takes` lets through."""

    def __init__(self, takes: Callable[[int], bool] = lambda _: True) -> None:
        self.catalog = Path("catalog")
        self.instruments = [INSTRUMENT]
        self.problem: str | None = None
        self.taken: list[Any] = []
        self.offered = 0
        self._takes = takes

    def put(self, event: Any) -> bool:
        self.offered += 1
        if not self._takes(self.offered - 1):
            return False
        self.taken.append(event)
        return True

    def fail(self, problem: str) -> None:
        self.problem = self.problem or problem


def play(events: list[Any], *actors: Actor) -> None:
    """Let the kernel play a market to some actors."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        INSTRUMENT.id.venue, OmsType.NETTING, AccountType.CASH, [Money.from_str("1 USDT")], book_type=BookType.L2_MBP
    )
    engine.add_instrument(INSTRUMENT)
    engine.add_data(list(events))
    for actor in actors:
        engine.add_actor(actor)
    engine.run()
    engine.dispose()


@pytest.fixture(scope="module")
def events() -> list[Any]:
    return market(1_200)


def last_book(events: list[Any]) -> Any:
    return books(events)[-1][1:]


def test_a_market_from_its_beginning_is_taken_as_it_is(events: list[Any]) -> None:
    taker = Taker()
    play(events, RecorderActor(taker))  # type: ignore[arg-type]
    assert told(taker.taken) == told(events)
    assert taker.problem is None


class Trader(Actor):
    """Trades on the kernel's book since long before the recording begins."""

    def __init__(self, begin: Callable[[], None], after: int) -> None:
        super().__init__()
        self.books: list[Any] = []
        self._begin, self._after = begin, after

    def on_start(self) -> None:
        self.subscribe_order_book_deltas(INSTRUMENT.id, BookType.L2_MBP)

    def on_order_book_deltas(self, deltas: Any) -> None:
        book = self.cache.order_book(INSTRUMENT.id)
        self.books.append((deltas.ts_init, levels(book.bids()), levels(book.asks())))
        if len(self.books) == self._after:
            self._begin()


class LateRecorder(RecorderActor):
    def on_start(self) -> None:
        """Begins when it is told to."""


def test_a_recording_that_begins_later_begins_with_the_whole_book_and_leaves_it_to_the_trader(
    events: list[Any],
) -> None:
    taker = Taker()
    recorder = LateRecorder(taker)  # type: ignore[arg-type]
    trader = Trader(lambda: RecorderActor.on_start(recorder), after=200)
    play(events, trader, recorder)
    truth = books(events, every=1)
    # The second subscription must not have emptied the book that the first one reads.
    assert trader.books == truth[:-1]
    first = next(event for event in taker.taken if isinstance(event, OrderBookDeltas))
    assert first.deltas[0].action == BookAction.CLEAR
    recorded = books(taker.taken, every=1)
    assert len(recorded) > 500
    assert recorded == [book for book in truth if book[0] >= first.ts_init]
    assert taker.problem is None


def test_after_a_loss_the_book_comes_as_a_snapshot_and_is_right_again(events: list[Any]) -> None:
    lost = range(300, 420)
    taker = Taker(lambda number: number not in lost)
    play(events, RecorderActor(taker))  # type: ignore[arg-type]
    back = next(event for event in events[lost.stop :] if isinstance(event, OrderBookDeltas))
    snapshots = [
        e for e in taker.taken[1:] if isinstance(e, OrderBookDeltas) and e.deltas[0].action == BookAction.CLEAR
    ]
    assert [snapshot.ts_init for snapshot in snapshots] == [back.ts_init]
    assert books(taker.taken, every=1)[-400:] == books(events, every=1)[-400:]


def test_a_snapshot_is_one_batch_of_levels_without_the_kernels_order_ids(events: list[Any]) -> None:
    taker = Taker(lambda number: number != 0)
    play(events, RecorderActor(taker))  # type: ignore[arg-type]
    first = next(event for event in taker.taken if isinstance(event, OrderBookDeltas))
    assert [bool(delta.flags & RecordFlag.F_LAST) for delta in first.deltas] == [False] * (len(first.deltas) - 1) + [
        True
    ]
    assert {delta.order.order_id for delta in first.deltas[1:]} == {0}
    assert {delta.ts_init for delta in first.deltas} == {first.ts_init}
    assert first.is_snapshot


def test_a_book_that_is_empty_is_a_snapshot_too() -> None:
    """The level that the deltas took away was the last."""
    add = next(
        delta
        for event in market(3)
        if isinstance(event, OrderBookDeltas)
        for delta in event.deltas
        if delta.action == BookAction.ADD
    )
    add = OrderBookDelta(INSTRUMENT.id, BookAction.ADD, add.order, RecordFlag.F_LAST, 0, add.ts_event, add.ts_init)
    gone = OrderBookDelta(
        INSTRUMENT.id, BookAction.DELETE, add.order, RecordFlag.F_LAST, 1, add.ts_event + 1, add.ts_init + 1
    )
    taker = Taker(lambda number: number != 0)
    play(
        [OrderBookDeltas(INSTRUMENT.id, [add]), OrderBookDeltas(INSTRUMENT.id, [gone])],
        RecorderActor(taker),  # type: ignore[arg-type]
    )
    (empty,) = taker.taken
    assert [delta.action for delta in empty.deltas] == [BookAction.CLEAR]
    assert empty.deltas[0].flags & RecordFlag.F_LAST


def test_a_fault_of_the_recorder_ends_the_recording_and_not_the_kernel(events: list[Any]) -> None:
    def breaks(number: int) -> bool:
        if number > 100:
            raise ValueError("this recorder is broken")
        return True

    taker = Taker(breaks)
    trader = Trader(lambda: None, after=0)
    play(events, RecorderActor(taker), trader)  # type: ignore[arg-type]
    assert taker.problem == "catalog: ValueError: this recorder is broken"
    assert len(trader.books) == sum(isinstance(event, OrderBookDeltas) for event in events)


def test_trades_that_were_lost_need_no_snapshot(events: list[Any]) -> None:
    trades = [index for index, event in enumerate(events) if isinstance(event, TradeTick)]
    taker = Taker(lambda number: number not in trades)
    play(events, RecorderActor(taker))  # type: ignore[arg-type]
    assert told(taker.taken) == told([event for event in events if isinstance(event, OrderBookDeltas)])
