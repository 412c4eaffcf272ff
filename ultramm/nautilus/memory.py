"""What the strategies of a node remember of its earlier runs, and when that is written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

from ultramm.checkpoint import Checkpoint, Origin
from ultramm.journal.records import MemoryEvent, Record
from ultramm.maker import Maker, MakerParams
from ultramm.market import Instrument


class Memory:
    """Makes the strategies of a node as they were, and keeps them as they are.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where they are kept.
    every_s : float
        How often, seconds; a node that is killed loses no more than that of what it learnt.
    record : callable
        Takes (ts_ns, record) for the journal.
    """

    def __init__(self, checkpoint: Checkpoint, every_s: float, record: Callable[[int, Record], None]) -> None:
        self._checkpoint = checkpoint
        self._every_s = every_s
        self._record = record
        self._origins: dict[str, Origin] = {}
        self._due_s = time.monotonic() + every_s
        self._writing: asyncio.Task[None] | None = None
        self._problem = ""

    def strategy(
        self, name: str, quoting: type, params: MakerParams, instrument: Instrument, problem: str = ""
    ) -> tuple[Any, int | None]:
        """A strategy, and how many fills of its own it knows; None for one that begins anew, as with a `problem`."""
        key = _key(name, instrument)
        origin = self._origins[key] = Origin.of(quoting, params, instrument)
        found = problem or self._checkpoint.recall(key, origin, time.time_ns())
        if isinstance(found, str):
            if found:
                self._tell(name, instrument.id, "began anew", found)
            return quoting(params, instrument), None
        self._tell(name, instrument.id, "recalled")
        return found.strategy, found.fills

    def mind(self, makers: Iterable[Maker]) -> None:
        """To be called often: keeps them when it is time, and writes beside the loop."""
        if time.monotonic() >= self._due_s and (self._writing is None or self._writing.done()):
            self._due_s = time.monotonic() + self._every_s
            if self._keep(makers):
                self._writing = asyncio.create_task(self._write())

    async def close(self, makers: Iterable[Maker]) -> None:
        """Keep them as they are in the end."""
        if self._writing is not None:
            await self._writing
        if self._keep(makers):
            await self._write()

    def _keep(self, makers: Iterable[Maker]) -> bool:
        """Whether there is something to write."""
        kept = False
        for maker in makers:
            key, strategy = _key(maker.name, maker.instrument), maker.remembered
            if maker.degraded:
                kept = self._checkpoint.forget(key) or kept
            # One that has heard nothing yet is no newer than what is there.
            if strategy is None or key not in self._origins or not maker.heard_ns:
                continue
            try:
                self._checkpoint.keep(key, self._origins[key], strategy, maker.score.fills, maker.heard_ns)
                kept = True
            except Exception as exc:
                # It will be no better the next time.
                del self._origins[key]
                self._tell(maker.name, maker.instrument.id, "not kept", f"{type(exc).__name__}: {exc}")
        return kept

    async def _write(self) -> None:
        try:
            await asyncio.to_thread(self._checkpoint.write, time.time_ns())
        except OSError as exc:
            if not self._problem:
                self._tell("", "", "not written", f"{self._checkpoint.path}: {exc.strerror or exc}")
            self._problem = str(exc)
        else:
            self._problem = ""

    def _tell(self, strategy: str, instrument: str, event: str, reason: str = "") -> None:
        self._record(time.time_ns(), MemoryEvent(strategy=strategy, instrument=instrument, event=event, reason=reason))


def _key(name: str, instrument: Instrument) -> str:
    return f"{name} {instrument.id}"
