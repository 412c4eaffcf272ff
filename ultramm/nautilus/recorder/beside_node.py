"""The recording that a trading node makes beside its work, when its configuration says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ultramm.config.schema import Recorder as Settings
from ultramm.journal.records import Record, RecordingEvent
from ultramm.nautilus.recorder.actor import RecorderActor
from ultramm.nautilus.recorder.recorder import Recorder


class NodeRecording:
    """Starts, watches and ends a recorder; does nothing without settings.

    Whatever becomes of the recording, the node trades on: it is told in the journal and in the status.

    Parameters
    ----------
    settings : Settings or None
        The configuration's ``recorder``.
    instruments : list
        Nautilus instruments, as their sources define them.
    record : callable
        Takes (ts_ns, record) for the journal.
    """

    def __init__(
        self, settings: Settings | None, instruments: list[Any], record: Callable[[int, Record], None]
    ) -> None:
        self._record = record
        self._recorder: Recorder | None = None
        self._told: tuple[str, str] | None = None
        if settings is not None:
            self._recorder = Recorder(Path(settings.catalog), instruments, rotate_s=settings.rotate_s)

    def start(self) -> None:
        """Begin; errors as `Recorder.start`, before anything is traded."""
        if self._recorder is not None:
            self._recorder.start()

    def actors(self) -> list[Any]:
        """What has to join the node."""
        return [] if self._recorder is None else [RecorderActor(self._recorder)]

    def mind(self, now_ns: int) -> None:
        """Tell the journal when the recording begins, loses events or breaks off."""
        if self._recorder is None:
            return
        status = self._recorder.status()
        if status.problem is not None:
            news = "stopped", status.problem
        elif status.dropped:
            news = "dropped", f"{status.dropped:,} events so far: the disk does not keep up"
        else:
            news = "started", ""
        if news != self._told:
            self._told = news
            self._record(now_ns, RecordingEvent(catalog=str(self._recorder.catalog), event=news[0], reason=news[1]))

    def words(self) -> str:
        """How it goes, for people; empty without a recording."""
        if self._recorder is None:
            return ""
        status = self._recorder.status()
        if status.problem is not None:
            return f"recording stopped: {status.problem}"
        dropped = f", {status.dropped:,} events dropped" if status.dropped else ""
        return f"recording into {self._recorder.catalog}: {status.rows:,} rows{dropped}"

    def close(self) -> None:
        """Publish what is left; waits for the disk."""
        if self._recorder is not None:
            self._recorder.close()
