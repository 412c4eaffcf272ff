"""The spool: whole frames survive whatever happens to the end of the file."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.errors import DataError
from ultramm.nautilus.recorder.spool import (
    Frame,
    Part,
    Spool,
    SpoolReader,
    alone_on,
    is_recording,
    require_whole,
    segments,
    spool_folder,
    unpublished,
)

frames = st.lists(
    st.builds(
        Frame,
        st.lists(
            st.builds(Part, st.sampled_from(["deltas", "trades"]), st.text(max_size=8), st.just(1), st.binary()),
            max_size=3,
        ),
        st.dictionaries(st.text(max_size=8), st.integers(1, 9), max_size=2),
    ),
    min_size=1,
    max_size=4,
)


def written(path: Path, content: list[Frame]) -> list[int]:
    """Write frames; where each of them ends."""
    spool, ends = Spool(path), []
    for frame in content:
        spool.append(frame)
        ends.append(spool.size)
    spool.close()
    return ends


def read(path: Path) -> tuple[list[Frame], int]:
    reader = SpoolReader(path)
    return list(reader), reader.torn_bytes


@given(frames)
def test_frames_come_back_as_they_were(content: list[Frame]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.spool"
        ends = written(path, content)
        assert path.stat().st_size == ends[-1]
        assert read(path) == (content, 0)


@given(frames)
def test_a_file_torn_at_any_byte_of_its_last_frame_gives_all_frames_before(content: list[Frame]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.spool"
        ends = [0, *written(path, content)]
        whole = path.read_bytes()
        for size in range(ends[-2], ends[-1]):
            path.write_bytes(whole[:size])
            assert read(path) == (content[:-1], size - ends[-2])


@given(frames, st.data())
def test_a_file_torn_anywhere_gives_the_frames_that_are_whole(content: list[Frame], data: Any) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.spool"
        ends = [0, *written(path, content)]
        size = data.draw(st.integers(0, ends[-1]))
        path.write_bytes(path.read_bytes()[:size])
        whole = max(count for count, end in enumerate(ends) if end <= size)
        assert read(path) == (content[:whole], size - ends[whole])


@given(frames, st.data())
def test_a_byte_that_changed_ends_the_file_before_its_frame(content: list[Frame], data: Any) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.spool"
        ends = [0, *written(path, content)]
        raw = bytearray(path.read_bytes())
        position = data.draw(st.integers(0, len(raw) - 1))
        raw[position] ^= data.draw(st.integers(1, 255))
        path.write_bytes(raw)
        whole = max(count for count, end in enumerate(ends) if end <= position)
        assert read(path)[0] == content[:whole]


@pytest.mark.parametrize("tail", [b"\0" * 8, b"\0" * 4096, b"\xff" * 16, b"\1"])
def test_what_a_lost_page_leaves_behind_is_no_frame(tmp_path: Path, tail: bytes) -> None:
    written(tmp_path / "a.spool", [Frame([], {"X": 1})])
    with (tmp_path / "a.spool").open("ab") as file:
        file.write(tail)
    assert read(tmp_path / "a.spool") == ([Frame([], {"X": 1})], len(tail))


def test_a_disk_that_fills_up_in_the_middle_of_a_frame_leaves_the_frames_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "a.spool")
    first, second = Frame([], {"X": 1}), Frame([], {"Y": 2})
    spool.append(first)
    write, written_bytes = os.write, []

    def full(file: int, data: Any) -> int:
        if written_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written_bytes.append(write(file, bytes(data)[:5]))
        return written_bytes[0]

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        spool.append(second)
    monkeypatch.undo()
    assert read(spool.path) == ([first], 0)
    spool.append(second)
    spool.close()
    assert read(spool.path) == ([first, second], 0)


def test_a_frame_that_the_disk_did_not_confirm_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "a.spool")

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        spool.append(Frame([], {"X": 1}))
    monkeypatch.undo()
    spool.close()
    assert read(spool.path) == ([], 0)


def test_writing_to_a_file_that_was_removed_is_an_error(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.spool")
    spool.path.unlink()
    with pytest.raises(OSError, match="removed while it was written"):
        spool.append(Frame([]))
    spool.close()


def test_a_spool_never_writes_over_another(tmp_path: Path) -> None:
    Spool(tmp_path / "a.spool").close()
    with pytest.raises(FileExistsError):
        Spool(tmp_path / "a.spool")


class TestLock:
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Path:
        spool_folder(tmp_path).mkdir()
        return tmp_path

    def test_a_second_recorder_is_refused_until_the_first_has_ended(
        self, catalog: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ultramm.nautilus.recorder.spool._LOCK_PATIENCE_S", 0.0)
        with alone_on(catalog):
            assert is_recording(catalog)
            with pytest.raises(DataError, match="another recorder writes into it"), alone_on(catalog):
                pass
        assert not is_recording(catalog)
        with alone_on(catalog):
            pass

    def test_a_catalog_that_was_never_recorded_into_is_not_being_recorded(self, tmp_path: Path) -> None:
        assert not is_recording(tmp_path)
        assert segments(tmp_path) == []
        assert unpublished(tmp_path) is None
        require_whole(tmp_path)

    def test_a_recorder_that_runs_is_told_and_refuses_nobody(self, catalog: Path) -> None:
        written(spool_folder(catalog) / "1.spool", [Frame([])])
        with alone_on(catalog):
            assert "is being recorded" in (unpublished(catalog) or "")
            require_whole(catalog)

    def test_what_is_left_behind_is_told_with_the_remedy(self, catalog: Path) -> None:
        (end,) = written(spool_folder(catalog) / "1.spool", [Frame([])])
        with pytest.raises(DataError, match=f"left {end} bytes .* `ultramm data recover {catalog}`"):
            require_whole(catalog)

    def test_segments_are_in_the_order_of_their_writing(self, catalog: Path) -> None:
        names = ["1-000002.spool", "1-000010.spool", "2-000001.spool"]
        for name in reversed(names):
            written(spool_folder(catalog) / name, [Frame([])])
        assert [path.name for path in segments(catalog)] == names
