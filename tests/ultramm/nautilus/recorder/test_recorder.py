"""The recorder's queue and threads: never in the way, never silent."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from recorded import INSTRUMENT, held, in_catalogs_order, market, told
from waiting import until

from ultramm.errors import DataError, RunError
from ultramm.nautilus.catalog.manifest import Manifest
from ultramm.nautilus.catalog.verify import verify
from ultramm.nautilus.recorder import recorder as recorder_module
from ultramm.nautilus.recorder.publish import recover
from ultramm.nautilus.recorder.recorder import Recorder, SegmentWriter
from ultramm.nautilus.recorder.spool import SpoolReader, is_recording, segments


@pytest.fixture(scope="module")
def events() -> list[Any]:
    return market(800)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "catalog"


@pytest.fixture
def make(catalog: Path) -> Iterator[Callable[..., Recorder]]:
    made: list[Recorder] = []

    def build(**settings: Any) -> Recorder:
        recorder = Recorder(catalog, [INSTRUMENT], **settings)
        recorder.start()
        made.append(recorder)
        return recorder

    yield build
    for recorder in made:
        recorder.close()


class Gate:
    """Holds the disk until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self._open = threading.Event(), threading.Event()
        real = SegmentWriter.write

        def write(writer: SegmentWriter, *args: Any) -> None:
            if args[0]:
                self.reached.set()
                self._open.wait(60)
            real(writer, *args)

        monkeypatch.setattr(SegmentWriter, "write", write)

    def open(self) -> None:
        self._open.set()


def full_disk(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_is_put_in_is_in_the_catalog_at_the_end(make: Any, catalog: Path, events: list[Any]) -> None:
    recorder = make()
    assert all(recorder.put(event) for event in events)
    summary = recorder.close()
    assert held(catalog) == told(in_catalogs_order(events))
    assert sum(summary.rows.values()) == len(told(events)) == recorder.status().rows
    assert recorder.status().events == len(events)
    assert summary.dropped == 0
    assert recorder.problem is None
    assert segments(catalog) == []
    assert not is_recording(catalog)


def test_events_are_in_the_spool_without_a_rotation_or_an_end(make: Any, catalog: Path, events: list[Any]) -> None:
    recorder = make()
    for event in events:
        recorder.put(event)
    until(lambda: recorder.status().events == len(events), "all events are safe")
    (segment,) = segments(catalog)
    assert sum(part.events for frame in SpoolReader(segment) for part in frame.parts) == len(events)
    assert recorder.status().size_bytes == segment.stat().st_size


def test_rotations_go_on_beside_the_recording(make: Any, catalog: Path, events: list[Any]) -> None:
    recorder = make(rotate_rows=100)
    for start in range(0, len(events), 200):
        before = recorder.status().events
        for event in events[start : start + 200]:
            recorder.put(event)
        until(lambda: recorder.status().events > before, "a flush")  # noqa: B023
    until(lambda: Manifest.read(catalog).imports, "the first rotation is in the catalog")
    assert is_recording(catalog)
    summary = recorder.close()
    assert summary.files >= 4
    assert held(catalog) == told(in_catalogs_order(events))
    assert all(verdict.sound for verdict in verify(catalog))


def test_an_event_that_finds_the_queue_full_is_refused_counted_and_told(
    make: Any, catalog: Path, events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    recorder = make(capacity=10)
    recorder.put(events[0])
    assert gate.reached.wait(60)
    answers = [recorder.put(event) for event in events[1:31]]
    assert answers == [True] * 10 + [False] * 20
    assert recorder.status().dropped == 20
    gate.open()
    assert recorder.close().dropped == 20
    assert held(catalog) == told(in_catalogs_order(events[:11]))
    (record,) = Manifest.read(catalog).imports
    assert record.summary.dropped == {"the queue was full": 20}


def test_putting_never_waits_for_the_disk(make: Any, events: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk hangs for good, and the loop's thread comes back from every call."""
    gate = Gate(monkeypatch)
    recorder = make()
    recorder.put(events[0])
    assert gate.reached.wait(60)
    assert all(recorder.put(event) for event in events)
    gate.open()


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_a_full_disk_ends_the_recording_with_words_and_what_was_written_is_sound(
    make: Any, catalog: Path, events: list[Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    recorder = make()
    for event in events[:200]:
        recorder.put(event)
    until(lambda: recorder.status().events == 200, "the first events are safe")
    monkeypatch.setattr(os, step, full_disk)
    recorder.put(events[200])
    until(lambda: recorder.problem, "the problem is noticed")
    assert (
        recorder.problem == f"{catalog}: cannot be written: No space left on device; check disk space and permissions"
    )
    assert not recorder.put(events[201])
    recorder.close()
    monkeypatch.undo()
    recover(catalog)
    assert held(catalog) == told(in_catalogs_order(events[:200]))
    assert all(verdict.sound for verdict in verify(catalog))


class Panic(BaseException):
    """As the kernel's encoder raises it: no Exception."""


@pytest.mark.parametrize("error", [Panic("overflow"), ValueError("overflow"), MemoryError("overflow")])
def test_whatever_breaks_in_the_writer_ends_the_recording_with_words(
    make: Any, events: list[Any], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def breaks(*_: Any) -> None:
        raise error

    recorder = make()
    monkeypatch.setattr(SegmentWriter, "_encoded", breaks)
    recorder.put(events[0])
    until(lambda: recorder.problem, "the problem is noticed")
    assert recorder.problem == f"{type(error).__name__}: overflow"
    assert not recorder.put(events[1])


def test_a_disk_that_is_full_at_the_rotation_keeps_the_spool(
    make: Any, catalog: Path, events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = make()
    for event in events:
        recorder.put(event)
    until(lambda: recorder.status().events == len(events), "all events are safe")
    monkeypatch.setattr(recorder_module, "publish", full_disk)
    recorder.close()
    assert "No space left" in (recorder.problem or "")
    monkeypatch.undo()
    assert len(segments(catalog)) == 1
    recover(catalog)
    assert held(catalog) == told(in_catalogs_order(events))


def test_segments_behind_one_that_could_not_be_published_wait_with_it(
    make: Any, catalog: Path, events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come in one after the other: the manifest remembers only the last."""
    calls: list[Path] = []

    def fails(_: Path, segment: Path) -> None:
        calls.append(segment)
        full_disk()

    monkeypatch.setattr(recorder_module, "publish", fails)
    recorder = make(rotate_rows=50)
    for start in (0, 200):
        before = recorder.status().events
        for event in events[start : start + 200]:
            recorder.put(event)
        until(lambda: recorder.status().events > before or recorder.problem, "a flush")  # noqa: B023
    recorder.close()
    assert len(calls) == 1
    assert len(segments(catalog)) >= 1


def test_a_folder_that_is_removed_meanwhile_is_noticed(make: Any, catalog: Path, events: list[Any]) -> None:
    import shutil

    recorder = make()
    recorder.put(events[0])
    until(lambda: recorder.status().events == 1, "the first event is safe")
    shutil.rmtree(catalog)
    recorder.put(events[1])
    until(lambda: recorder.problem, "the problem is noticed")
    assert "the recording was removed while it was written" in (recorder.problem or "")


def test_the_next_recorder_recovers_what_the_last_one_left(
    make: Any, catalog: Path, events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make()
    for event in events[:300]:
        first.put(event)
    monkeypatch.setattr(recorder_module, "publish", full_disk)
    first.close()
    monkeypatch.undo()
    second = make()
    assert second.recovered is not None
    assert sum(second.recovered.rows.values()) == len(told(events[:300]))
    for event in events[300:]:
        second.put(event)
    second.close()
    assert held(catalog) == told(in_catalogs_order(events))


class TestStart:
    def test_a_second_recorder_on_the_catalog_is_refused(self, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ultramm.nautilus.recorder.spool._LOCK_PATIENCE_S", 0.0)
        make()
        with pytest.raises(DataError, match="another recorder writes into it"):
            make()

    def test_a_file_is_no_catalog(self, make: Any, catalog: Path) -> None:
        catalog.parent.mkdir()
        catalog.write_text("")
        with pytest.raises(DataError, match="is no directory"):
            make()

    def test_a_disk_that_takes_nothing_is_said_before_anything_runs(
        self, make: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "mkdir", full_disk)
        with pytest.raises(RunError, match="cannot be written: No space left on device"):
            make()

    def test_a_catalog_with_data_of_the_future_is_refused(
        self, make: Any, catalog: Path, events: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recorder = make()
        recorder.put(events[0])
        recorder.close()
        monkeypatch.setattr(time, "time_ns", lambda: events[0].ts_init - 7_000_000_000)
        with pytest.raises(DataError, match=r"has data of BTCUSDT.SIM of up to 7 s from now; set the clock"):
            make()
        monkeypatch.undo()
        assert not is_recording(catalog)

    def test_a_recorder_that_was_refused_lets_go_of_the_catalog(self, make: Any, catalog: Path) -> None:
        make().close()
        assert not is_recording(catalog)
        make()
        assert is_recording(catalog)


def test_memory_is_bounded_by_the_queue_not_by_the_recording(make: Any, events: list[Any]) -> None:
    recorder = make(rotate_rows=1_000)
    for _ in range(5):
        before = recorder.status().events
        for event in events:
            recorder.put(event)
        until(lambda: recorder.status().events == before + len(events), "all is written")  # noqa: B023
        assert len(recorder._queue) == 0
