"""Recording through a live node: alone, and beside one that trades."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.data import OrderBookDeltas
from recorded import books, in_catalogs_order, told

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.errors import DataError, RunError
from ultramm.journal.records import FillEvent, RecordingEvent, Status
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.build import feeds
from ultramm.nautilus.catalog.read import holdings, load, load_instruments
from ultramm.nautilus.catalog.synthetic import generate
from ultramm.nautilus.catalog.verify import verify
from ultramm.nautilus.feed import Player, restamped
from ultramm.nautilus.node import NodeRunner, NodeSummary
from ultramm.nautilus.recorder.node import RecordRunner, RecordSummary
from ultramm.nautilus.recorder.publish import recover
from ultramm.nautilus.recorder.recorder import Recorder, SegmentWriter

pytestmark = pytest.mark.integration

FAST = "venues.SIM.params.pace=20"


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Resolved]:
    def build(*overrides: str) -> Resolved:
        return resolve(read(None, [f"logging.directory={tmp_path}/logs", *overrides]))

    return build


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return tmp_path / "catalog"


def record(resolved: Resolved, catalog: Path, events: int, **settings: Any) -> RecordSummary:
    """Record until so many events are safe."""
    made: list[Recorder] = []

    def recorder(instruments: list[Any]) -> Recorder:
        made.append(Recorder(catalog, instruments, **settings))
        return made[0]

    runner = RecordRunner(resolved, recorder)

    async def until() -> RecordSummary:
        running = asyncio.create_task(runner.run())
        while not running.done() and (not made or made[0]._segments is None or made[0].status().events < events):
            await asyncio.sleep(0.02)
        runner.stop("enough")
        return await running

    return asyncio.run(until())


def truth(resolved: Resolved, count: int) -> list[Any]:
    """An independent run of the same market."""
    (feed,) = feeds(resolved)
    return list(islice(feed.source.events(endless=True), count))


def test_the_recording_is_the_market_one_for_one_and_its_books_are_the_live_ones(
    configured: Any, catalog: Path
) -> None:
    resolved = configured(FAST)
    summary = record(resolved, catalog, 3_000, rotate_s=0.5)
    recorded = list(load(catalog, ["BTCUSDT.SIM"]))
    assert len(recorded) >= 3_000
    assert summary.reason == "enough"
    assert summary.recorded.files > 2
    generated = truth(resolved, len(recorded))
    offset = recorded[0].ts_init - generated[0].ts_init
    expected = in_catalogs_order([restamped(event, offset) for event in generated])
    assert told(recorded) == told(expected)
    assert books(recorded) == books(expected)
    assert all(verdict.sound for verdict in verify(catalog))


def test_two_instruments_of_two_venues_are_recorded_together(configured: Any, catalog: Path) -> None:
    paper = "{starting_balances: [1 USDT]}"
    other = f"{{adapter: synthetic, instruments: [ETHUSDT, BTCUSDT], params: {{pace: 20}}, paper: {paper}}}"
    record(configured(FAST, f"venues.OTHER={other}"), catalog, 3_000)
    assert [(h.instrument_id, h.kind) for h in holdings(catalog)] == [
        (name, kind) for name in ("BTCUSDT.OTHER", "BTCUSDT.SIM", "ETHUSDT.OTHER") for kind in ("deltas", "trades")
    ]
    assert all(verdict.sound for verdict in verify(catalog))


def test_a_replay_is_recorded_as_it_was_and_its_end_ends_the_recording(
    configured: Any, catalog: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    generate(source, "BTCUSDT.SIM", "benign", seed=5, duration_s=30, pace=4)
    resolved = configured(
        "venues.SIM.adapter=replay",
        f"venues.SIM.params={{catalog: '{source}', speed: 0}}",
        "venues.SIM.paper.latency_ms=0",
    )
    runner = RecordRunner(resolved, lambda instruments: Recorder(catalog, instruments))
    assert asyncio.run(runner.run()).reason == "the data ended"
    original, copy = list(load(source, ["BTCUSDT.SIM"])), list(load(catalog, ["BTCUSDT.SIM"]))
    offset = copy[0].ts_init - original[0].ts_init
    assert told(copy) == told([restamped(event, offset) for event in original])


def test_a_recording_that_joins_a_replay_in_the_middle_has_the_right_book(
    configured: Any, catalog: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    generate(source, "BTCUSDT.SIM", "benign", seed=5, duration_s=30, pace=4)
    resolved = configured(
        "venues.SIM.adapter=replay",
        f"venues.SIM.params={{catalog: '{source}', speed: 0, start: '2024-01-01T00:00:10'}}",
        "venues.SIM.paper.latency_ms=0",
    )
    runner = RecordRunner(resolved, lambda instruments: Recorder(catalog, instruments))
    asyncio.run(runner.run())
    original, copy = books(list(load(source, ["BTCUSDT.SIM"])), 1), books(list(load(catalog, ["BTCUSDT.SIM"])), 1)
    assert [book[1:] for book in copy[-100:]] == [book[1:] for book in original[-100:]]


def test_an_instrument_keeps_its_own_fees_whatever_the_configuration_pays(configured: Any, catalog: Path) -> None:
    record(configured(FAST, "venues.SIM.paper.taker_fee_bps=77"), catalog, 10)
    (instrument,) = load_instruments(catalog, ["BTCUSDT.SIM"])
    assert instrument.taker_fee == 0


def test_a_second_session_goes_into_the_same_catalog_and_begins_with_a_book(configured: Any, catalog: Path) -> None:
    for seed in (1, 2):
        record(configured(FAST, f"seed={seed}"), catalog, 500)
    events = list(load(catalog, ["BTCUSDT.SIM"]))
    assert len(events) >= 1_000
    assert sum(e.deltas[0].action == 4 for e in events if isinstance(e, OrderBookDeltas)) == 2
    assert all(verdict.sound for verdict in verify(catalog))


def test_a_feed_that_breaks_ends_the_recording_and_keeps_what_came(
    configured: Any, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Player._play

    async def breaks(self: Player, events: Any, now_ns: int) -> None:
        def some() -> Any:
            for count, event in enumerate(events):
                if count == 500:
                    raise OSError("the line is dead")
                yield event

        await real(self, some(), now_ns)

    monkeypatch.setattr(Player, "_play", breaks)
    runner = RecordRunner(configured(FAST), lambda instruments: Recorder(catalog, instruments))
    with pytest.raises(RunError, match="ended early: OSError: the line is dead"):
        asyncio.run(runner.run())
    assert len(list(load(catalog, ["BTCUSDT.SIM"]))) == 500


# -- beside a node that trades --------------------------------------------------------------------------------------


def run(runner: NodeRunner, scenario: Callable[[NodeRunner], Any]) -> NodeSummary:
    async def both() -> NodeSummary:
        node = asyncio.create_task(runner.run())
        try:
            await scenario(runner)
        finally:
            runner.stop("the scenario is over")
        return await node

    return asyncio.run(both())


async def eventually(condition: Callable[[], object]) -> None:
    deadline = asyncio.get_running_loop().time() + 60.0
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "never happened"
        await asyncio.sleep(0.02)


class Journal(Collector):
    """Keeps what the node tells of its recording too."""

    def __init__(self) -> None:
        super().__init__()
        self.recording: list[RecordingEvent] = []
        self.status: Status | None = None

    def __call__(self, ts_ns: int, record: Any) -> None:
        super().__call__(ts_ns, record)
        if isinstance(record, RecordingEvent):
            self.recording.append(record)
        elif isinstance(record, Status):
            self.status = record


def traded(runner: NodeRunner, fills: int) -> Callable[[], bool]:
    return lambda: sum(shell.maker.score.score(shell.now_ns).fills for shell in runner.shells if shell.started) >= fills


def test_a_trading_node_records_and_a_backtest_of_the_recording_fills_as_the_node_did(
    configured: Any, catalog: Path
) -> None:
    journal = Journal()
    settings = ["venues.SIM.params.pace=8", "venues.SIM.paper.latency_ms=0", "strategies.0.params.refresh_ms=100"]
    runner = NodeRunner(configured(*settings, f"recorder.catalog={catalog}", "recorder.rotate_s=1"), journal)

    async def scenario(runner: NodeRunner) -> None:
        await eventually(traded(runner, 12))

    summary = run(runner, scenario)
    assert summary.open_orders == 0
    assert summary.recording.startswith(f"recording into {catalog}: ")
    assert [event.event for event in journal.recording] == ["started"]
    assert journal.status is not None
    assert "rows" in journal.status.recording
    assert all(verdict.sound for verdict in verify(catalog))

    backtest = Collector()
    run_backtest(
        configured(
            "mode=backtest",
            *settings[1:],
            "venues.SIM.adapter=replay",
            f"venues.SIM.params={{catalog: '{catalog}'}}",
        ),
        collector=backtest,
    )
    live, again = fills(journal), fills(backtest)
    assert len(live) >= 12
    assert again[: len(live)] == live


def fills(collector: Collector) -> list[tuple[Any, ...]]:
    found: list[tuple[int, FillEvent]] = collector.fills
    return [(ts_ns, f.side, f.price, f.size, f.fee, f.maker) for ts_ns, f in found]


def test_a_full_disk_stops_the_recording_and_not_the_trading(
    configured: Any, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal()
    runner = NodeRunner(configured("venues.SIM.params.pace=8", f"recorder.catalog={catalog}"), journal)
    real = SegmentWriter.write

    def full(writer: SegmentWriter, *args: Any) -> None:
        if writer.events > 500:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(writer, *args)

    monkeypatch.setattr(SegmentWriter, "write", full)

    async def scenario(runner: NodeRunner) -> None:
        await eventually(lambda: any(event.event == "stopped" for event in journal.recording))
        before = sum(shell.maker.score.score(shell.now_ns).fills for shell in runner.shells)
        await eventually(traded(runner, before + 3))
        (shell,) = runner.shells
        assert not shell.maker.halts

    summary = run(runner, scenario)
    assert summary.open_orders == 0
    assert summary.recording == (
        f"recording stopped: {catalog}: cannot be written: No space left on device; check disk space and permissions"
    )
    assert [event.event for event in journal.recording] == ["started", "stopped"]
    assert journal.status is not None
    assert journal.status.recording == summary.recording
    monkeypatch.undo()
    recover(catalog)
    assert all(verdict.sound for verdict in verify(catalog))


def test_events_that_are_dropped_are_in_the_journal(
    configured: Any, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal()
    monkeypatch.setattr("ultramm.nautilus.recorder.beside_node.Recorder", lambda *a, **k: Recorder(*a, **k, capacity=1))
    runner = NodeRunner(configured(FAST, f"recorder.catalog={catalog}"), journal)

    async def scenario(_runner: NodeRunner) -> None:
        await eventually(lambda: any(event.event == "dropped" for event in journal.recording))

    summary = run(runner, scenario)
    assert "events dropped" in summary.recording
    assert "the disk does not keep up" in journal.recording[1].reason
    assert all(verdict.sound for verdict in verify(catalog))


def test_a_node_whose_catalog_cannot_be_had_does_not_start(configured: Any, catalog: Path) -> None:
    catalog.write_text("")
    with pytest.raises(DataError, match="is no directory"):
        asyncio.run(NodeRunner(configured(f"recorder.catalog={catalog}"), Collector()).run())


def test_without_the_section_nothing_is_recorded(configured: Any, tmp_path: Path) -> None:
    runner = NodeRunner(configured(FAST), Journal())

    async def scenario(runner: NodeRunner) -> None:
        await eventually(lambda: all(shell.started for shell in runner.shells))

    assert run(runner, scenario).recording == ""
    assert not list(tmp_path.rglob("*.parquet"))
