"""Observations whose outcome is the mid a fixed time later."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator


class Maturing[T]:
    """Keeps items until their horizon has passed, and gives them back with the mid that stood then.

    The mid at ``t + horizon`` is the last one at or before it: nothing later is looked at. An item that was added
    after its horizon, or at whose horizon there was no mid, is dropped. With `patience_s` it is the first one at or
    after it instead, where the last may be stale: a feed of one quote a minute shows late what trades have done.
    Amortised O(1).

    Parameters
    ----------
    horizon_s : float
        Seconds.
    patience_s : float
        How long after the horizon a mid may come; 0 takes the last one before.

    Examples
    --------
    >>> moves = Maturing[str](horizon_s=1.0)
    >>> list(moves.on_mid(0, 100.0)), moves.add(0, "sold"), list(moves.on_mid(5 * 10**8, 101.0))
    ([], None, [])
    >>> list(moves.on_mid(2 * 10**9, 105.0))
    [('sold', 101.0)]
    """

    __slots__ = ("_horizon_ns", "_mid", "_mid_ns", "_patience_ns", "_pending", "horizon_s")

    def __init__(self, horizon_s: float, patience_s: float = 0.0) -> None:
        self.horizon_s = horizon_s
        self._patience_ns = round(patience_s * 1e9)
        self._horizon_ns = round(horizon_s * 1e9)
        self._pending: deque[tuple[int, T]] = deque()
        self._mid = math.nan
        self._mid_ns = 0

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def due_ns(self) -> float:
        """When the next item is due; infinite without one."""
        return self._pending[0][0] if self._pending else math.inf

    def add(self, ts_ns: int, item: T) -> None:
        """An item of the moment `ts_ns`; in order of time."""
        self._pending.append((ts_ns + self._horizon_ns, item))

    def on_mid(self, ts_ns: int, mid: float) -> Iterator[tuple[T, float]]:
        """From `ts_ns` on the mid is `mid` (NaN changes nothing); gives what fell due before, to its end."""
        if self._patience_ns:
            return self._on_fresh(ts_ns, mid)
        due = self.due_before(ts_ns, self._mid, self._mid_ns)
        if not math.isnan(mid):
            self._mid = mid
            self._mid_ns = ts_ns
        return due

    def interrupted(self) -> None:
        """The market was not seen for a time: what falls due before the next mid is dropped."""
        self._mid = math.nan

    def due_before(self, ts_ns: int, mid: float, mid_ns: int) -> Iterator[tuple[T, float]]:
        """Gives what fell due before `ts_ns`, by a `mid` that has stood since `mid_ns`: for who keeps it anyway."""
        while self._pending and self._pending[0][0] < ts_ns:
            due_ns, item = self._pending.popleft()
            if mid_ns <= due_ns and not math.isnan(mid):
                yield item, mid

    def _on_fresh(self, ts_ns: int, mid: float) -> Iterator[tuple[T, float]]:
        if math.isnan(mid):
            return
        while self._pending and self._pending[0][0] <= ts_ns:
            due_ns, item = self._pending.popleft()
            if ts_ns <= due_ns + self._patience_ns:
                yield item, mid
