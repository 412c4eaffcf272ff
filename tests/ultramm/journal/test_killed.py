"""A journal whose writer is killed at any moment has every record that was acknowledged, and opens."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ultramm.journal.open import open_journal
from ultramm.journal.records import RunEnded

pytestmark = pytest.mark.integration

KILLS = 100


def write(path: str, seed: int, told: Connection) -> None:
    """Write numbers on from the last one there in batches, and tell of each batch when it is in."""
    journal = open_journal(path, create=True)
    last = journal.last("run-ended")
    number = 0 if not last else _number(last[0].record) + 1
    sizes = random.Random(seed)
    while True:
        batch = range(number, number + sizes.choice((1, 3, 40, 400)))
        journal.append([(f"run {seed}", each, RunEnded(reason="x" * 200, open_orders=each)) for each in batch])
        number = batch.stop
        told.send(number - 1)
        if sizes.random() < 0.05:
            journal.tidy(number)


def _number(record: object) -> int:
    assert isinstance(record, RunEnded)
    assert record.open_orders is not None
    return record.open_orders


def test_nothing_acknowledged_is_lost_in_a_hundred_kills(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "ultramm.journal.sqlite"])
    path, moments = tmp_path / "journal.db", random.Random(5)
    for kill in range(KILLS):
        ours, theirs = context.Pipe(duplex=False)
        writer = context.Process(target=write, args=(str(path), kill, theirs))
        writer.start()
        theirs.close()
        acknowledged = -1
        for _ in range(moments.randrange(1, 12)):
            acknowledged = ours.recv()
        # Somewhere in the next batch, or between two.
        ours.poll(moments.random() * 0.002)
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        with suppress(EOFError):  # the end, or where it was killed while it told
            while True:
                acknowledged = ours.recv()
        journal = open_journal(str(path))
        assert _number(journal.last("run-ended")[0].record) >= acknowledged
        journal.close()
    journal = open_journal(str(path))
    after, expected = 0, 0
    while entries := journal.read(after=after, limit=5_000):
        numbers = [_number(entry.record) for entry in entries]
        assert numbers == list(range(expected, expected + len(numbers)))
        after, expected = entries[-1].sequence, expected + len(numbers)
    journal.close()
    assert expected > KILLS
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
