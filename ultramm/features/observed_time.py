"""Time without the times in which nothing could be seen."""

from __future__ import annotations


class ObservedTime:
    """A market's time that stands still from an interruption until the market is seen again.

    What counts events over time would take a gap for a time in which nothing happened; on this clock there is none.

    Examples
    --------
    >>> time = ObservedTime()
    >>> time.seen(100), time.at(110)
    (100, 110)
    >>> time.interrupted()
    >>> time.at(500), time.seen(1_000), time.at(1_010)
    (100, 100, 110)
    """

    __slots__ = ("_away", "_gone_ns", "_last_ns")

    def __init__(self) -> None:
        self._last_ns = -1
        self._gone_ns = 0
        self._away = False

    def seen(self, ts_ns: int) -> int:
        """The market is seen at `ts_ns`: what time that is here, nanoseconds."""
        if self._away:
            self._away = False
            if self._last_ns >= 0:
                self._gone_ns += max(0, ts_ns - self._last_ns)
        self._last_ns = ts_ns
        return ts_ns - self._gone_ns

    def at(self, ts_ns: int) -> int:
        """What time `ts_ns` is here, nanoseconds; while the market is away, when it was seen last."""
        return (self._last_ns if self._away else ts_ns) - self._gone_ns

    def interrupted(self) -> None:
        """From when the market was seen last, it is away."""
        self._away = True
