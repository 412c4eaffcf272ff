"""What a node shows of its recording, and of nothing when nobody looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from ultramm.cli.live_view import Background, PlainView, render
from ultramm.cli.record import line
from ultramm.journal.records import RecordingEvent, Status
from ultramm.nautilus.recorder.recorder import RecorderStatus


def shown(recording: str) -> str:
    console = Console(width=100, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    with console.file:
        console.print(render(Status(state="running", makers=(), books=(), balances={}, recording=recording), "demo"))
        return console.export_text()


def test_a_page_has_a_line_of_the_recording_where_there_is_one() -> None:
    assert "recording into cat: 7 rows" in shown("recording into cat: 7 rows")
    assert "recording" not in shown("")


def test_without_a_terminal_news_of_the_recording_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainView()
    view.on_record(RecordingEvent(catalog="cat", event="started"))
    view.on_record(RecordingEvent(catalog="cat", event="stopped", reason="the disk is full"))
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(" recording started: cat")
    assert second.endswith(" recording stopped: the disk is full")


def test_the_line_of_a_recording_has_speed_rows_size_and_rotation_and_what_was_dropped() -> None:
    status = RecorderStatus(events=9, rows=12_345, size_bytes=6_700_000, rotated_s=61.2, dropped=0, problem=None)
    assert line(Path("cat"), status, 1_234.5).plain == (
        "recording into cat: 1,234 events/s · 12,345 rows · 6.7 MB · rotated 61 s ago"
    )
    late = RecorderStatus(events=9, rows=1, size_bytes=1, rotated_s=0.0, dropped=8, problem=None)
    assert line(Path("cat"), late, 0.0).plain.endswith(" · 8 events dropped")


def test_what_a_view_that_has_stopped_does_not_show_does_not_pile_up() -> None:
    view = Background(PlainView())
    for _ in range(3_000):
        view.on_record(RecordingEvent(catalog="cat", event="started"))
    assert view._items.qsize() == 1_000
