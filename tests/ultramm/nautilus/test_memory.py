"""When what strategies learnt is kept, and what is said of it."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ultramm.checkpoint import Checkpoint
from ultramm.journal.records import MemoryEvent, Record
from ultramm.maker import Maker, MakerParams
from ultramm.market import Book, Fill, Instrument, Side, Trade
from ultramm.nautilus.memory import Memory
from ultramm.quoting.decision import Decision
from ultramm.risk.budget import MessageBudget
from ultramm.risk.limits import Limits

INSTRUMENT = Instrument(
    id="X.VENUE",
    tick_size=1.0,
    lot_size=1.0,
    price_precision=0,
    size_precision=0,
    quote_currency="USD",
    settlement_currency="USD",
)
PARAMS = MakerParams(max_position=5)
FILL = Fill(0, "o", Side.BUY, 100.0, 1.0, 0.0, True)


class Counts:
    """Learns how many fills it had."""

    remembers = True

    def __init__(self, params: MakerParams, instrument: Instrument) -> None:
        self.fills = 0
        self.secret: Any = None

    def on_book(self, book: Book) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...

    def on_reference(self, book: Book) -> None: ...

    def on_fill(self, fill: Fill) -> None:
        self.fills += 1

    def decide(self, now_ns: int, inventory: float) -> Decision:
        return Decision.nothing("counts")


class Run:
    """A run of a node with one maker."""

    def __init__(self, path: Path, every_s: float = 0.0, params: MakerParams = PARAMS, *, hears: bool = True) -> None:
        self.records: list[Record] = []
        self.memory = Memory(Checkpoint(path, 60.0), every_s, lambda _, record: self.records.append(record))
        self.strategy, told = self.memory.strategy("counts", Counts, params, INSTRUMENT)
        budget = MessageBudget(9, 9)
        self.maker = Maker("counts", INSTRUMENT, self.strategy, params, Limits(), budget, told_fills=told)
        if hears:
            self.maker.hear(time.time_ns())

    def mind(self) -> None:
        """As a node does it, until nothing is being written."""

        async def once() -> None:
            self.memory.mind([self.maker])
            if self.memory._writing is not None:
                await self.memory._writing

        asyncio.run(once())

    def close(self) -> None:
        asyncio.run(self.memory.close([self.maker]))

    def told(self) -> list[tuple[str, str]]:
        return [(record.event, record.reason) for record in self.records if isinstance(record, MemoryEvent)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.checkpoint"


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A full disk, until it is undone."""

    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    return monkeypatch


def test_the_first_run_begins_without_a_word_and_the_next_goes_on(path: Path) -> None:
    first = Run(path)
    first.maker.on_fill(FILL)
    first.maker.tell_fill(FILL)
    first.close()
    assert first.told() == []
    second = Run(path)
    assert second.told() == [("recalled", "")]
    assert second.strategy.fills == 1
    # In the ledger: the one that it knew, and one that came after it was kept.
    second.maker.restore([(FILL, 100.0), (FILL, 100.0)], 0)
    assert second.strategy.fills == 2


def test_it_is_kept_while_the_node_runs_and_no_oftener_than_asked(path: Path) -> None:
    Run(path).mind()
    assert path.exists()
    path.unlink()
    seldom = Run(path, every_s=3600.0)
    seldom.mind()
    assert not path.exists()
    seldom.close()
    assert path.exists()


def test_other_parameters_begin_anew_and_say_so(path: Path) -> None:
    Run(path).close()
    other = Run(path, params=MakerParams(max_position=6))
    assert other.told() == [("began anew", "its code, its parameters or its instrument have changed")]
    assert other.maker.remembered is other.strategy


def test_what_cannot_be_pickled_is_said_once_and_stops_nothing(path: Path) -> None:
    run = Run(path)
    run.strategy.secret = lambda: 0
    run.mind()
    run.mind()
    run.close()
    ((event, reason),) = run.told()
    assert event == "not kept"
    assert "lambda" in reason
    assert not path.exists()


def test_a_disk_that_does_not_take_it_is_said_once_until_it_does(path: Path, full: pytest.MonkeyPatch) -> None:
    run = Run(path)
    run.mind()
    run.mind()
    assert run.told() == [("not written", f"{path}: No space left on device")]
    full.undo()
    run.mind()
    assert path.exists()
    assert len(run.told()) == 1


def test_one_that_has_heard_nothing_yet_is_left_as_it_was(path: Path) -> None:
    first = Run(path)
    first.maker.on_fill(FILL)
    first.maker.tell_fill(FILL)
    first.close()
    kept = path.read_bytes()
    Run(path, hears=False).close()
    assert path.read_bytes() == kept
    assert Run(path).strategy.fills == 1


def test_its_age_is_counted_from_when_it_last_heard_of_its_market(path: Path) -> None:
    silent = Run(path, hears=False)
    silent.maker.hear(time.time_ns() - 61 * 10**9)
    silent.close()
    ((event, reason),) = Run(path).told()
    assert event == "began anew"
    assert reason.endswith("s old, 60 are allowed")


def test_one_that_failed_is_not_gone_on_with_another_time(path: Path) -> None:
    Run(path).close()
    failed = Run(path)
    failed.maker.degrade("it raised")
    failed.close()
    assert Run(path).told() == []


def test_one_that_cannot_bear_what_it_missed_begins_anew(path: Path) -> None:
    Run(path).close()
    run = Run(path)
    strategy, told = run.memory.strategy("counts", Counts, PARAMS, INSTRUMENT, "ZeroDivisionError: division by zero")
    assert (told, strategy.fills) == (None, 0)
    assert run.told() == [("recalled", ""), ("began anew", "ZeroDivisionError: division by zero")]
