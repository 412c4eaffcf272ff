"""Who cancels what a node leaves: at a node that is played, and at real ones that die and hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until

from ultramm.cli.watchdog import BEAT, BEGUN, ENDING, FAREWELL, Beats, watch
from ultramm.journal.sqlite import SqliteJournal


class Played:
    """A node of which there is only a process and a pipe."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        reading, self._writing = os.pipe()
        self.reading = os.fdopen(reading, "rb")
        self.told: list[str] = []

    def says(self, *said: bytes) -> None:
        os.write(self._writing, b"".join(said))

    def dies(self) -> None:
        os.close(self._writing)

    def watched(self, hang_s: float = 600.0) -> str:
        return watch(Beats(self.reading), hang_s, self.process.pid, self.told.append)


@pytest.fixture
def played() -> Iterator[Played]:
    made = Played()
    yield made
    made.process.kill()
    made.process.wait()
    made.reading.close()


def test_one_that_took_leave_left_nothing(played: Played) -> None:
    played.says(BEGUN, BEAT, ENDING, FAREWELL)
    played.dies()
    assert played.watched() == ""


def test_one_that_never_began_left_nothing(played: Played) -> None:
    played.dies()
    assert played.watched() == ""


@pytest.mark.parametrize("said", [(BEGUN,), (BEGUN, BEAT, BEAT), (BEGUN, BEAT, ENDING)])
def test_one_that_went_without_a_word_died(played: Played, said: tuple[bytes, ...]) -> None:
    played.says(*said)
    played.dies()
    assert played.watched() == "it died"
    assert played.process.poll() is None


def test_one_whose_loop_hangs_is_ended(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    played.says(BEGUN, BEAT)
    killed: list[tuple[int, int]] = []

    def kill(process: int, number: int) -> None:
        killed.append((process, number))
        played.dies()  # its end of the pipe goes with it

    monkeypatch.setattr(os, "kill", kill)
    assert played.watched(hang_s=0.3) == "its loop hung for 0.3 s"
    assert killed == [(played.process.pid, signal.SIGKILL)]


# -- real nodes ----------------------------------------------------------------------------------------------------


def told(folder: Path) -> list[str]:
    store = SqliteJournal(folder / "data" / "journal.db")
    found = [alert.title for alert in store.alerts(10)]
    store.close()
    return found


@pytest.mark.integration
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
def test_what_a_node_leaves_is_cancelled_without_another(node: Any, served: Any, how: signal.Signals) -> None:
    from live_node import quoting

    quoting(node, served, "watchdog.hang_s=3")
    node.process.send_signal(how)
    node.process.wait(60)  # one that hangs is ended too
    until(lambda: served.open_orders() == [], "nothing of it is open", 60.0)
    until(lambda: told(node.folder), "it is in the journal")
    assert told(node.folder) == ["binance-emulator: the node died, its orders are cancelled"]
    # The next one goes on as after any kill.
    quoting(node, served)
    assert node.stop() == 0


@pytest.mark.integration
def test_a_node_that_ends_in_order_needs_nobody(node: Any, served: Any) -> None:
    from live_node import quoting

    quoting(node, served, "watchdog.enabled=true")
    assert node.stop() == 0
    assert "watchdog" not in node.output
    assert told(node.folder) == []
    assert (node.folder / "logs" / "watchdog.log").read_text() == ""
