"""How soon orders follow market data."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

_KEPT = 1_000_000


class Reaction(msgspec.Struct, frozen=True):
    """An order request: who sent it, what it was, and nanoseconds since the last market message was written."""

    key: str
    request: str
    ns: int


class Latency:
    """Of one product: from when a market message was last given to a socket to when a request about orders came.

    Which socket is whose, nobody can say: with several clients the last message may have been another's.

    Parameters
    ----------
    now_ns : callable
        A clock that nobody turns.
    """

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._now_ns = now_ns
        self._written_ns: int | None = None
        self._reactions: list[Reaction] = []

    def written(self) -> None:
        """A market message is written."""
        self._written_ns = self._now_ns()

    def requested(self, key: str, request: str) -> None:
        """A request about an order came."""
        if self._written_ns is not None and len(self._reactions) < _KEPT:
            self._reactions.append(Reaction(key, request, self._now_ns() - self._written_ns))

    def take(self) -> list[Reaction]:
        """What was measured since the last time."""
        taken, self._reactions = self._reactions, []
        return taken
