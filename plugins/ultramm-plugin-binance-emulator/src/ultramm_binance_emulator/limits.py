"""How much a member may ask in a minute, and what happens to who asks more."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from ultramm_binance_emulator.errors import VenueError

_MINUTE_MS = 60_000
# Milliseconds, and orders in them at most.
Windows = Mapping[str, tuple[int, int]]
SPOT_WINDOWS: Windows = {"10S": (10_000, 100), "1D": (86_400_000, 200_000)}
FUTURES_WINDOWS: Windows = {"10S": (10_000, 300), "1M": (60_000, 1_200)}
_FIRST_BAN_MS, _LONGEST_BAN_MS = 120_000, 3 * 86_400_000


class RequestWeight:
    """The weight that one address has used in the minute that runs, and its ban.

    Who goes on beyond the limit is refused (429), who does so in spite of that is banned (418), for longer each time.

    Parameters
    ----------
    limit : int
        Weight a minute.
    patience : int
        Refusals before the ban.
    """

    def __init__(self, limit: int = 6_000, patience: int = 10) -> None:
        self.limit = limit
        self._patience = patience
        self._minute = -1
        self.used = 0
        self._refused = 0
        self._ban_ms = _FIRST_BAN_MS
        self.banned_until_ms = 0

    def spend(self, now_ms: int, weight: int) -> None:
        """Count a request; see `VenueError`."""
        if now_ms < self.banned_until_ms:
            raise self._banned()
        minute = now_ms // _MINUTE_MS
        if minute != self._minute:
            self._minute, self.used, self._refused = minute, 0, 0
        self.used += weight
        if self.used <= self.limit:
            return
        self._refused += 1
        if self._refused > self._patience:
            self.ban(now_ms)
            raise self._banned()
        raise VenueError(
            -1003, f"Too many requests; current limit of IP is {self.limit} requests per 1 MINUTE.", status=429
        )

    def ban(self, now_ms: int) -> None:
        """Refuse everything for a while."""
        self.banned_until_ms = now_ms + self._ban_ms
        self._ban_ms = min(2 * self._ban_ms, _LONGEST_BAN_MS)

    def _banned(self) -> VenueError:
        until = self.banned_until_ms
        return VenueError(-1003, f"Way too many requests; IP banned until {until}.", status=418)

    def retry_after_s(self, now_ms: int) -> int:
        """How long to wait, seconds."""
        wait_ms = self.banned_until_ms - now_ms if now_ms < self.banned_until_ms else _MINUTE_MS - now_ms % _MINUTE_MS
        return max(1, -(-wait_ms // 1000))


class OrderCount:
    """Orders that a member has sent lately.

    Parameters
    ----------
    windows : mapping of str to tuple of int
        Names, milliseconds, and how many orders in these at most.
    """

    def __init__(self, windows: Windows = SPOT_WINDOWS) -> None:
        self._windows = windows
        self._longest_ms = max(length_ms for length_ms, _ in windows.values())
        self._sent: deque[int] = deque()

    def count(self, now_ms: int) -> dict[str, int]:
        """Orders in each window."""
        while self._sent and self._sent[0] <= now_ms - self._longest_ms:
            self._sent.popleft()
        return {name: self._within(now_ms - length_ms) for name, (length_ms, _) in self._windows.items()}

    def _within(self, since_ms: int) -> int:
        recent = 0
        for sent_ms in reversed(self._sent):
            if sent_ms <= since_ms:
                break
            recent += 1
        return recent

    def add(self, now_ms: int) -> None:
        """Count an order; see `VenueError`."""
        found = self.count(now_ms)
        for name, (_, most) in self._windows.items():
            if found[name] >= most:
                raise VenueError(-1015, f"Too many new orders; current limit is {most} orders per {name}.", status=429)
        self._sent.append(now_ms)
