"""A budget of messages to the venue."""

from __future__ import annotations


class MessageBudget:
    """Token bucket: `per_second` messages in the long run, `burst` at once.

    Cancels are always allowed, yet counted: they may run the bucket into debt, which new orders then wait for.

    Parameters
    ----------
    per_second : float
        Refill, messages a second.
    burst : float
        Size of the bucket, messages.

    Examples
    --------
    >>> budget = MessageBudget(per_second=2.0, burst=1.0)
    >>> budget.take(0), budget.take(0), budget.take(500_000_000)
    (True, False, True)
    """

    __slots__ = ("_burst", "_last_ns", "_per_ns", "_tokens")

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_ns = per_second * 1e-9
        self._burst = burst
        self._tokens = burst
        self._last_ns: int | None = None

    def take(self, now_ns: int, messages: int = 1) -> bool:
        """So many messages, or none if fewer are left."""
        self._refill(now_ns)
        # Refilling adds binary fractions: a token short by rounding is a token.
        if self._tokens < messages - 1e-9:
            return False
        self._tokens -= messages
        return True

    @property
    def spent(self) -> str:
        """In words why one more message may not go."""
        return f"message budget is spent: {self._per_ns * 1e9:g} a second, {self._burst:g} at once"

    def spend(self, now_ns: int, messages: int) -> None:
        """Count messages that must go out whatever the budget says."""
        self._refill(now_ns)
        self._tokens -= messages

    def _refill(self, now_ns: int) -> None:
        if self._last_ns is not None and now_ns > self._last_ns:
            self._tokens = min(self._burst, self._tokens + (now_ns - self._last_ns) * self._per_ns)
        self._last_ns = now_ns if self._last_ns is None else max(now_ns, self._last_ns)
