"""From spool to catalog: nothing twice, nothing lost, wherever it is interrupted."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, QuoteTick, TradeTick
from nautilus_trader.model.enums import AggressorSide
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from recorded import (
    INSTRUMENT,
    Clock,
    books,
    flushed,
    held,
    in_catalogs_order,
    market,
    spooler,
    told,
)

from ultramm.errors import DataError, RunError
from ultramm.nautilus.catalog.manifest import Manifest
from ultramm.nautilus.catalog.read import holdings, load
from ultramm.nautilus.catalog.synthetic import generate
from ultramm.nautilus.catalog.verify import verify
from ultramm.nautilus.recorder.publish import Publication, define, publish, recover
from ultramm.nautilus.recorder.spool import segments, spool_folder
from ultramm.nautilus.synthetic import EPOCH_NS, synthetic_instrument


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    spool_folder(folder).mkdir(parents=True)
    define(folder, [INSTRUMENT])
    return folder


@pytest.fixture(scope="module")
def events() -> list[Any]:
    return market(1_500)


def trade(ts_ns: int, number: int = 0, instrument: Any = INSTRUMENT) -> Any:
    price, size = Price(50_000, instrument.price_precision), Quantity(1, instrument.size_precision)
    return TradeTick(instrument.id, price, size, AggressorSide.BUYER, TradeId(str(number)), ts_ns, ts_ns)


def sound(catalog: Path) -> bool:
    return all(verdict.sound for verdict in verify(catalog))


def recorded(catalog: Path, events: list[Any], **limits: Any) -> None:
    """Leave events in the spool."""
    writer = spooler(catalog, **limits)
    flushed(writer, events)
    writer.close()


class TestContents:
    def test_every_row_comes_back_and_the_books_are_the_same(self, catalog: Path, events: list[Any]) -> None:
        recorded(catalog, events)
        published = recover(catalog)
        assert published is not None
        assert held(catalog) == told(in_catalogs_order(events))
        assert books(list(load(catalog, [INSTRUMENT.id.value]))) == books(events)
        trades = sum(isinstance(event, TradeTick) for event in events)
        assert published.rows == {"deltas": len(told(events)) - trades, "trades": trades}
        assert (published.first_ns, published.last_ns) == (events[0].ts_init, events[-1].ts_init)
        assert published.files == 2
        assert published.dropped == published.mended == published.torn_bytes == 0
        assert segments(catalog) == []
        assert sound(catalog)

    def test_the_kernels_own_catalog_reads_it(self, catalog: Path, events: list[Any]) -> None:
        recorded(catalog, events)
        recover(catalog)
        store = ParquetDataCatalog(catalog)
        assert [instrument.id for instrument in store.instruments()] == [INSTRUMENT.id]
        assert told(store.trade_ticks()) == told([event for event in events if isinstance(event, TradeTick)])
        deltas = store.query(OrderBookDelta, identifiers=[INSTRUMENT.id.value])
        assert told(deltas) == told([event for event in events if isinstance(event, OrderBookDeltas)])

    def test_the_manifest_counts_events_and_rows(self, catalog: Path, events: list[Any]) -> None:
        recorded(catalog, events)
        recover(catalog)
        (record,) = Manifest.read(catalog).imports
        batches = sum(isinstance(event, OrderBookDeltas) for event in events)
        assert record.summary.rows == len(events)
        assert record.summary.kept["batches"] == batches
        assert record.summary.product == "recording"
        assert (record.summary.first_ns, record.summary.last_ns) == (events[0].ts_init, events[-1].ts_init)

    def test_a_row_that_is_missing_is_noticed(self, catalog: Path, events: list[Any]) -> None:
        recorded(catalog, events)
        recover(catalog)
        next((catalog / "data" / "trade_tick").rglob("*.parquet")).unlink()
        (verdict,) = verify(catalog)
        assert not verdict.sound
        assert verdict.miscounted["trades"][1] == 0

    def test_several_instruments_and_kinds_have_folders_of_their_own(self, catalog: Path) -> None:
        euro = synthetic_instrument("EUR/USD", "FX", 1.0, 1.0, 0.01)
        define(catalog, [INSTRUMENT, euro])
        quote = QuoteTick(
            euro.id,
            Price(1, euro.price_precision),
            Price(2, euro.price_precision),
            Quantity(3, euro.size_precision),
            Quantity(4, euro.size_precision),
            EPOCH_NS,
            EPOCH_NS + 5,
        )
        mixed = [trade(EPOCH_NS), quote, trade(EPOCH_NS + 7, 1, euro)]
        recorded(catalog, mixed, instruments=[INSTRUMENT, euro])
        recover(catalog)
        assert [(h.instrument_id, h.kind, h.rows) for h in holdings(catalog)] == [
            (INSTRUMENT.id.value, "trades", 1),
            (euro.id.value, "quotes", 1),
            (euro.id.value, "trades", 1),
        ]
        loaded = load(catalog, [INSTRUMENT.id.value, euro.id.value], kinds=("trades", "quotes"))
        assert told(list(loaded)) == told(mixed)
        assert {r.instrument_id: r.summary.kept for r in Manifest.read(catalog).imports} == {
            INSTRUMENT.id.value: {"trades": 1},
            euro.id.value: {"quotes": 1, "trades": 1},
        }

    def test_a_clear_by_itself_keeps_the_precisions(self, catalog: Path, events: list[Any]) -> None:
        """The kernel's encoder takes them from the levels, and a CLEAR has none."""
        first = events[0]
        cleared = OrderBookDeltas(INSTRUMENT.id, [OrderBookDelta.clear(INSTRUMENT.id, 0, EPOCH_NS - 9, EPOCH_NS - 9)])
        writer = spooler(catalog)
        writer.write([cleared], {})
        writer.write([first], {})
        writer.close()
        recover(catalog)
        assert held(catalog)[1:] == told([first])

    def test_dropped_events_are_in_the_account(self, catalog: Path) -> None:
        writer = spooler(catalog)
        writer.write([trade(EPOCH_NS)], {INSTRUMENT.id.value: 3})
        writer.write([], {INSTRUMENT.id.value: 4, "OTHER.SIM": 1})
        writer.close()
        published = recover(catalog)
        assert published is not None
        assert published.dropped == 8
        accounts = {record.instrument_id: record.summary for record in Manifest.read(catalog).imports}
        assert accounts[INSTRUMENT.id.value].dropped == {"the queue was full": 7}
        assert accounts[INSTRUMENT.id.value].rows == 8
        assert accounts["OTHER.SIM"].dropped == {"the queue was full": 1}
        assert sound(catalog)


class TestRotation:
    def rotated(self, catalog: Path, events: list[Any], **limits: Any) -> list[Path]:
        """Record with a second passing at each flush; the segments in order."""
        clock, complete = Clock(), []
        writer = spooler(catalog, complete.append, clock=clock, **limits)
        for start in range(0, len(events), 40):
            clock.now_s += 1.0
            writer.write(events[start : start + 40], {})
        writer.close()
        return complete

    @pytest.mark.parametrize("limits", [{"rotate_s": 5.0}, {"rotate_rows": 200}, {"rotate_s": 3.0, "rotate_rows": 90}])
    def test_files_share_no_time_and_hold_everything(
        self, catalog: Path, events: list[Any], limits: dict[str, Any]
    ) -> None:
        complete = self.rotated(catalog, events, **limits)
        assert complete == segments(catalog)
        assert len(complete) > 5
        published = sum((publish(catalog, segment) for segment in complete), Publication())
        assert held(catalog) == told(in_catalogs_order(events))
        for kind in ("order_book_deltas", "trade_tick"):
            spans = sorted(path.stem.split("_") for path in (catalog / "data" / kind).rglob("*.parquet"))
            assert all(first[1] < second[0] for first, second in zip(spans, spans[1:], strict=False))
            assert len(spans) > 1
        assert published.files == len(list((catalog / "data").rglob("*.parquet"))) - 1  # the instrument's
        (record,) = Manifest.read(catalog).imports
        assert record.summary.rows == len(events)
        assert sound(catalog)

    @given(
        steps=st.lists(st.sampled_from([0, 0, 1, 7, -3]), min_size=1, max_size=40),
        flushes=st.lists(st.integers(1, 6), min_size=40, max_size=40),
        rotate_rows=st.integers(1, 9),
    )
    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    def test_whatever_the_times_and_the_flushes_all_rows_come_in_order_into_files_that_share_no_time(
        self, tmp_path: Path, steps: list[int], flushes: list[int], rotate_rows: int
    ) -> None:
        catalog = Path(tempfile.mkdtemp(dir=tmp_path))
        complete: list[Path] = []
        writer = spooler(catalog, complete.append, rotate_rows=rotate_rows)
        define(catalog, [INSTRUMENT])
        times = [EPOCH_NS + offset for offset in accumulate(steps)]
        waiting = [trade(ts_ns, number) for number, ts_ns in enumerate(times)]
        for size in flushes:
            writer.write(waiting[:size], {})
            del waiting[:size]
        writer.close()
        for segment in complete:
            publish(catalog, segment)
        found = list(load(catalog, [INSTRUMENT.id.value]))
        assert [int(event.trade_id.value) for event in found] == list(range(len(steps)))
        assert all(event.ts_init >= ts_ns for event, ts_ns in zip(found, times, strict=True))
        if min(steps) >= 0:
            assert [event.ts_init for event in found] == times
        spans = sorted(path.stem.split("_") for path in (catalog / "data" / "trade_tick").rglob("*.parquet"))
        assert all(first[1] < second[0] for first, second in pairwise(spans))
        assert sound(catalog)

    def test_events_of_one_moment_stay_in_one_file(self, catalog: Path) -> None:
        clock, complete = Clock(), []
        writer = spooler(catalog, complete.append, clock=clock, rotate_s=1.0)
        writer.write([trade(EPOCH_NS, 0)], {})
        clock.now_s = 5.0
        writer.write([trade(EPOCH_NS, 1)], {})
        assert complete == []
        writer.write([trade(EPOCH_NS, 2), trade(EPOCH_NS + 1, 3)], {})
        assert len(complete) == 1
        writer.close()
        for segment in complete:
            publish(catalog, segment)
        assert len(list(load(catalog, [INSTRUMENT.id.value], end_ns=EPOCH_NS))) == 3
        assert len(list((catalog / "data" / "trade_tick").rglob("*.parquet"))) == 2

    def test_nothing_is_rotated_while_nothing_comes(self, catalog: Path) -> None:
        clock, complete = Clock(), []
        writer = spooler(catalog, complete.append, clock=clock, rotate_s=1.0)
        for _ in range(5):
            clock.now_s += 10
            writer.write([], {})
        writer.close()
        assert len(complete) == 1
        assert complete[0].stat().st_size == 0

    def test_an_empty_recording_leaves_a_catalog_that_is_empty(self, catalog: Path) -> None:
        recorded(catalog, [])
        assert recover(catalog) == Publication()
        assert holdings(catalog) == []
        assert segments(catalog) == []


class TestTimes:
    def test_a_clock_that_goes_back_raises_times_and_is_counted(self, catalog: Path) -> None:
        recorded(catalog, [trade(EPOCH_NS + ns, ns) for ns in (10, 20, 15, 12, 30)])
        published = recover(catalog)
        assert published is not None
        assert published.mended == 2
        assert [event.ts_init - EPOCH_NS for event in load(catalog, [INSTRUMENT.id.value])] == [10, 20, 20, 20, 30]
        (record,) = Manifest.read(catalog).imports
        assert record.summary.mended == {"the clock went back": 2}
        assert sound(catalog)

    def test_a_clock_that_goes_back_between_two_files_does_not_make_them_overlap(self, catalog: Path) -> None:
        recorded(catalog, [trade(EPOCH_NS + 100, 0), trade(EPOCH_NS + 200, 1)])
        recover(catalog)
        recorded(catalog, [trade(EPOCH_NS + 150, 2), trade(EPOCH_NS + 300, 3)])
        recover(catalog)
        times = [event.ts_init - EPOCH_NS for event in load(catalog, [INSTRUMENT.id.value])]
        assert times == [100, 200, 201, 300]
        assert sound(catalog)

    def test_other_data_of_the_same_times_are_refused_and_the_spool_stays(self, catalog: Path) -> None:
        generate(catalog, INSTRUMENT.id.value, "benign", seed=1, duration_s=600)
        before = held(catalog)
        recorded(catalog, [trade(EPOCH_NS + 200 * 10**9), trade(EPOCH_NS + 300 * 10**9, 1)])
        with pytest.raises(DataError, match="which overlaps"):
            recover(catalog)
        assert held(catalog) == before
        assert len(segments(catalog)) == 1


def test_an_import_beside_a_recording_leaves_both(catalog: Path, events: list[Any]) -> None:
    complete: list[Path] = []
    writer = spooler(catalog, complete.append)
    writer.write(events[:300], {})
    writer.close()
    publish(catalog, complete[0])
    generate(catalog, "ETHUSDT.SIM", "benign", seed=1, duration_s=20)
    writer = spooler(catalog, complete.append)
    writer.write(events[300:600], {})
    writer.close()
    publish(catalog, complete[1])
    assert held(catalog) == told(in_catalogs_order(events[:600]))
    assert {holding.instrument_id for holding in holdings(catalog)} == {INSTRUMENT.id.value, "ETHUSDT.SIM"}
    assert len(Manifest.read(catalog).imports) == 3
    assert sound(catalog)


def test_an_import_does_not_make_a_published_segment_come_in_again(catalog: Path, events: list[Any]) -> None:
    """The kill came before the segment was removed, and an import writes the manifest in between."""
    recorded(catalog, events[:300])
    (segment,) = segments(catalog)
    copy = segment.read_bytes()
    recover(catalog)
    segment.write_bytes(copy)
    generate(catalog, "ETHUSDT.SIM", "benign", seed=1, duration_s=20)
    assert recover(catalog) == Publication()
    assert held(catalog) == told(in_catalogs_order(events[:300]))
    assert segments(catalog) == []


class TestDefinitions:
    def test_an_instrument_with_another_tick_is_refused_before_anything_is_recorded(self, catalog: Path) -> None:
        with pytest.raises(DataError, match="another tick, lot or contract"):
            define(catalog, [synthetic_instrument("BTCUSDT", "SIM", 50_000.0, 2.0, 0.01)])

    def test_defining_again_changes_nothing(self, catalog: Path) -> None:
        before = sorted(catalog.rglob("*.parquet"))
        define(catalog, [INSTRUMENT])
        assert sorted(catalog.rglob("*.parquet")) == before


class TestTornEnds:
    def test_whole_batches_are_kept_the_torn_one_is_cut_and_told(self, catalog: Path, events: list[Any]) -> None:
        writer = spooler(catalog)
        writer.write(events[:300], {})
        size = writer.spooled_bytes
        writer.write(events[300:400], {})
        writer._spool.close()
        (segment,) = segments(catalog)
        os.truncate(segment, segment.stat().st_size - 1)
        torn = segment.stat().st_size - size
        published = recover(catalog)
        assert published is not None
        assert published.torn_bytes == torn > 0
        assert held(catalog) == told(in_catalogs_order(events[:300]))
        assert sound(catalog)

    def test_recovering_twice_is_recovering_once(self, catalog: Path, events: list[Any]) -> None:
        recorded(catalog, events[:200])
        recover(catalog)
        before = sorted((path, path.stat().st_mtime_ns) for path in catalog.rglob("*.parquet"))
        assert recover(catalog) is None
        assert sorted((path, path.stat().st_mtime_ns) for path in catalog.rglob("*.parquet")) == before

    def test_a_folder_that_is_no_recording_has_nothing_to_recover(self, tmp_path: Path) -> None:
        assert recover(tmp_path) is None
        with pytest.raises(DataError, match="no such directory"):
            recover(tmp_path / "nowhere")

    def test_a_read_only_disk_is_one_line(self, catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        recorded(catalog, [trade(EPOCH_NS)])

        def read_only(*_: Any, **__: Any) -> None:
            raise OSError(30, os.strerror(30))

        monkeypatch.setattr(os, "mkdir", read_only)
        with pytest.raises(RunError, match="cannot be written: Read-only file system; check disk space"):
            recover(catalog)
        monkeypatch.undo()
        assert recover(catalog) is not None
        assert sound(catalog)


class Killed(BaseException):
    """The process is gone: no handler of it does anything any more."""


STEPS = [(os, "rename"), (os, "replace"), (os, "unlink"), (os, "fsync"), (os, "mkdir"), (os, "rmdir")]


@contextmanager
def killed_at(step: int, *, after: bool) -> Iterator[list[str]]:
    """Let the file system do `step` more steps; then it does nothing more, as after kill -9.

    With `after`, the last step is done and only its return never comes.
    """
    done: list[str] = []
    real = {name: getattr(module, name) for module, name in STEPS}

    def counted(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if len(done) >= step:
                if after and len(done) == step:
                    done.append(name)
                    real[name](*args, **kwargs)
                raise Killed
            done.append(name)
            return real[name](*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, name in STEPS:
            patch.setattr(module, name, counted(name))
        yield done


def steps_of(catalog: Path) -> int:
    """How many steps it takes to publish what is left in a copy of a catalog."""
    copy = catalog.with_name("counted")
    shutil.copytree(catalog, copy)
    with killed_at(10**9, after=False) as done:
        recover(copy)
    shutil.rmtree(copy)
    return len(done)


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_between_any_two_steps_neither_loses_nor_doubles_a_row(tmp_path: Path, *, after: bool) -> None:
    """Two segments wait; the kill comes at every step of their publication, and then the next start recovers."""
    original = tmp_path / "original"
    spool_folder(original).mkdir(parents=True)
    define(original, [INSTRUMENT])
    early, events = market(2_000)[:400], market(2_000)[400:700]
    recorded(original, early)
    recover(original)
    complete: list[Path] = []
    writer = spooler(original, complete.append, rotate_rows=100)
    flushed(writer, events, at_once=150)
    writer.close()
    assert len(complete) == 2
    expected, steps = told(in_catalogs_order(early + events)), steps_of(original)
    assert steps > 20
    seen = set()
    for step in range(steps):
        catalog = tmp_path / "catalog"
        shutil.copytree(original, catalog)
        with killed_at(step, after=after) as done, pytest.raises(Killed):
            recover(catalog)
        seen.add((len(segments(catalog)), bool(Manifest.read(catalog).pending)))
        recover(catalog)
        assert held(catalog) == expected, f"killed at step {step}: {done}"
        assert sound(catalog)
        assert segments(catalog) == []
        assert len(Manifest.read(catalog).imports) == 2  # one of each recording
        assert recover(catalog) is None
        shutil.rmtree(catalog)
    # The kills came in the middle of things indeed.
    assert seen >= {(2, False), (2, True), (1, False), (1, True)}


def test_a_second_kill_during_the_recovery_is_survived_as_well(tmp_path: Path) -> None:
    original = tmp_path / "original"
    spool_folder(original).mkdir(parents=True)
    define(original, [INSTRUMENT])
    events = market(300)
    recorded(original, events)
    steps = steps_of(original)
    for first in range(0, steps, 3):
        for second in range(1, steps, 4):
            catalog = tmp_path / "catalog"
            shutil.copytree(original, catalog)
            for step in (first, second):
                with killed_at(step, after=False):
                    try:
                        recover(catalog)
                    except Killed:
                        continue
            recover(catalog)
            assert held(catalog) == told(in_catalogs_order(events)), (first, second)
            shutil.rmtree(catalog)
