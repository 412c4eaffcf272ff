"""A budget of messages to the venue."""

from __future__ import annotations

import math

from ultramm.features.flow import DecayingSum

_HOUR_S = 3_600.0
FREE_MESSAGES = 1_000


class MessageBudget:
    """Token bucket: `per_second` messages in the long run, `burst` at once.

    Cancels are always allowed, yet counted: they may run the bucket into debt, which new orders then wait for. Beside
    it, what comes to each trade is counted, which venues have rules on.

    Parameters
    ----------
    per_second : float
        Refill, messages a second.
    burst : float
        Size of the bucket, messages.
    per_trade : float
        Messages to each of our trades over an hour, older ones weighing less.
    free : float
        So many need no trade.

    Examples
    --------
    >>> budget = MessageBudget(per_second=2.0, burst=1.0)
    >>> budget.take(0), budget.take(0), budget.take(500_000_000)
    (True, False, True)
    """

    __slots__ = ("_burst", "_free", "_last_ns", "_messages", "_per_ns", "_per_trade", "_tokens", "_trades", "spent")

    def __init__(
        self, per_second: float, burst: float, per_trade: float = math.inf, free: float = FREE_MESSAGES
    ) -> None:
        self._per_ns = per_second * 1e-9
        self._burst = burst
        self._tokens = burst
        self._last_ns: int | None = None
        self._per_trade, self._free = per_trade, free
        self._messages, self._trades = DecayingSum(_HOUR_S), DecayingSum(_HOUR_S)
        self.spent = ""

    def traded(self, now_ns: int) -> None:
        """One of our orders was filled."""
        self._trades.add(now_ns, 1.0)

    def take(self, now_ns: int, messages: int = 1) -> bool:
        """So many messages, or none if fewer are left: `spent` then says in words what is spent."""
        self._refill(now_ns)
        if self._beyond_trades(now_ns, messages):
            return False
        # Refilling adds binary fractions: a token short by rounding is a token.
        if self._tokens < messages - 1e-9:
            self.spent = f"message budget is spent: {self._per_ns * 1e9:g} a second, {self._burst:g} at once"
            return False
        self._count(now_ns, messages)
        return True

    def spend(self, now_ns: int, messages: int) -> None:
        """Count messages that must go out whatever the budget says."""
        self._refill(now_ns)
        self._count(now_ns, messages)

    def _count(self, now_ns: int, messages: int) -> None:
        self._tokens -= messages
        if math.isfinite(self._per_trade):
            self._messages.add(now_ns, messages)

    def _beyond_trades(self, now_ns: int, more: int) -> bool:
        if math.isinf(self._per_trade):
            return False
        messages, trades = self._messages.at(now_ns) + more, self._trades.at(now_ns)
        if messages <= max(self._free, self._per_trade * trades):
            return False
        limit = f"the limit is {self._per_trade:g} to each"
        self.spent = f"{messages:.0f} messages to {trades:.0f} trades in an hour, {limit}"
        return True

    def _refill(self, now_ns: int) -> None:
        if self._last_ns is not None and now_ns > self._last_ns:
            self._tokens = min(self._burst, self._tokens + (now_ns - self._last_ns) * self._per_ns)
        self._last_ns = now_ns if self._last_ns is None else max(now_ns, self._last_ns)
