"""What a node that starts anew must not forget."""

from __future__ import annotations

from typing import Any

from ultramm.journal.records import HaltEvent
from ultramm.journal.stopped import stopped


def halt(strategy: str, instrument: str, *, active: bool, source: str = "stops", reason: str = "") -> HaltEvent:
    return HaltEvent(strategy=strategy, source=source, active=active, reason=reason, instrument=instrument)


def write(journal: Any, *halts: HaltEvent) -> None:
    journal.append([("run", number, each) for number, each in enumerate(halts)])


def test_who_stopped_and_was_not_armed_is_still_stopped(journal: Any, reader: Any) -> None:
    write(
        journal,
        halt("mm", "X.SIM", active=True, reason="lost 5 today"),
        halt("mm", "Y.SIM", active=True, reason="lost 6 today"),
        halt("mm", "Y.SIM", active=False),
        halt("other", "X.SIM", active=True, source="feed", reason="cut"),
    )
    assert stopped(journal) == {("mm", "X.SIM"): "lost 5 today"}


def test_the_last_word_counts(journal: Any, reader: Any) -> None:
    write(
        journal,
        halt("mm", "X.SIM", active=True, reason="first"),
        halt("mm", "X.SIM", active=False),
        halt("mm", "X.SIM", active=True, reason="second"),
    )
    assert stopped(journal) == {("mm", "X.SIM"): "second"}
    assert stopped(reader) == stopped(journal)
