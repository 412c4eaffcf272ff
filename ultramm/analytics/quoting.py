"""How well the quoting was kept up."""

from __future__ import annotations

import msgspec


class QuotingStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Orders and presence on the market.

    Parameters
    ----------
    fill_ratio : float or None
        Share of accepted orders that were filled at least in part.
    uptime : float or None
        Share of the time that the market was open with an open order on both sides; `bid_uptime`, `ask_uptime` on that
        side.
    """

    orders_submitted: int
    orders_accepted: int
    orders_rejected: int
    orders_cancelled: int
    orders_filled: int
    fill_ratio: float | None
    uptime: float | None
    bid_uptime: float | None
    ask_uptime: float | None


class Uptime:
    """Share of time that something was on the bid, on the ask, and on both."""

    def __init__(self) -> None:
        self._state = (False, False)
        self._since_ns: int | None = None
        self._paused = False
        self._total_ns = 0
        self._bid_ns = self._ask_ns = self._both_ns = 0

    def update(self, ts_ns: int, bid: bool, ask: bool) -> None:
        """From `ts_ns` on there is an order on the bid, on the ask, or not."""
        if self._since_ns is not None and not self._paused:
            elapsed_ns = max(0, ts_ns - self._since_ns)
            had_bid, had_ask = self._state
            self._total_ns += elapsed_ns
            self._bid_ns += elapsed_ns * had_bid
            self._ask_ns += elapsed_ns * had_ask
            self._both_ns += elapsed_ns * (had_bid and had_ask)
        self._since_ns = ts_ns if self._since_ns is None else max(ts_ns, self._since_ns)
        self._state = (bid, ask)

    def pause(self, ts_ns: int) -> None:
        """From `ts_ns` on the market is closed: no time counts."""
        if not self._paused:
            self.until(ts_ns)
            self._paused = True

    def resume(self, ts_ns: int) -> None:
        """From `ts_ns` on the market is open again."""
        if self._paused:
            self._paused = False
            self._since_ns = ts_ns

    def until(self, ts_ns: int) -> None:
        """Count what stands up to `ts_ns`."""
        if self._since_ns is not None:
            self.update(ts_ns, *self._state)

    @property
    def bid(self) -> float | None:
        return self._share(self._bid_ns)

    @property
    def ask(self) -> float | None:
        return self._share(self._ask_ns)

    @property
    def both(self) -> float | None:
        return self._share(self._both_ns)

    def _share(self, part_ns: int) -> float | None:
        return part_ns / self._total_ns if self._total_ns else None
