"""Exponentially weighted averages on irregular times."""

from __future__ import annotations

import math
from collections import deque


class EwAverage:
    """Exponentially weighted average of samples that arrive at irregular times.

    ``value += (1 - exp(-dt / tau)) * (x - value)``; the first sample is taken whole.

    Parameters
    ----------
    tau_s : float
        Time constant, seconds.

    Examples
    --------
    >>> average = EwAverage(tau_s=10.0)
    >>> for t_s, x in ((0, 0.0), (3, 2.0), (10, 0.0)):
    ...     average.update(t_s * 10**9, x)
    >>> round(average.value, 4)
    0.2574
    """

    __slots__ = ("_last_ns", "_tau_ns", "value")

    def __init__(self, tau_s: float) -> None:
        self._tau_ns = tau_s * 1e9
        self._last_ns = 0
        self.value = math.nan

    def update(self, ts_ns: int, x: float) -> None:
        """Take one sample; a time before the last counts as the last."""
        if math.isnan(self.value):
            self.value = x
            self._last_ns = ts_ns
            return
        elapsed_ns = max(0, ts_ns - self._last_ns)
        self.value += -math.expm1(-elapsed_ns / self._tau_ns) * (x - self.value)
        self._last_ns = max(ts_ns, self._last_ns)


class SampleAverage:
    """Average of samples, one as good as another: of all of them at first, then exponentially weighted.

    ``value += max(1 / count, 1 / memory) * (x - value)``, so that the first does not weigh for a whole memory.

    Parameters
    ----------
    memory : float
        Samples.
    """

    __slots__ = ("_least", "count", "value")

    def __init__(self, memory: float) -> None:
        self._least = 1.0 / memory
        self.count = 0
        self.value = 0.0

    def update(self, x: float) -> None:
        """Take one sample."""
        self.count += 1
        self.value += max(1.0 / self.count, self._least) * (x - self.value)


class TimeAverage:
    """Average of a step function over time: each value counts for as long as it stood.

    The mean spread of a book is this, not a mean over events, which would weigh busy moments more.

    Parameters
    ----------
    tau_s : float, optional
        Forget exponentially with this time constant, seconds; the default never forgets.
    """

    __slots__ = ("_last_ns", "_tau_ns", "_weight_ns", "_weighted", "_x")

    def __init__(self, tau_s: float = math.inf) -> None:
        self._tau_ns = tau_s * 1e9
        self._last_ns = -1
        self._x = math.nan
        self._weight_ns = 0.0
        self._weighted = 0.0

    def update(self, ts_ns: int, x: float) -> None:
        """From `ts_ns` on the function has the value `x`; NaN marks a time without value, which counts nothing."""
        if self._last_ns >= 0 and ts_ns > self._last_ns:
            elapsed_ns = ts_ns - self._last_ns
            keep, span_ns = 1.0, float(elapsed_ns)
            if self._tau_ns != math.inf:
                keep = math.exp(-elapsed_ns / self._tau_ns)
                span_ns = -self._tau_ns * math.expm1(-elapsed_ns / self._tau_ns)
            self._weight_ns *= keep
            self._weighted *= keep
            if not math.isnan(self._x):
                self._weight_ns += span_ns
                self._weighted += span_ns * self._x
        self._last_ns = max(ts_ns, self._last_ns)
        self._x = x

    def interrupted(self) -> None:
        """Nobody knows what the function was from the last value to the next: that time counts nothing."""
        self._x = math.nan

    @property
    def value(self) -> float:
        """The average so far, in the unit of `x`; NaN before any time passed."""
        return self._weighted / self._weight_ns if self._weight_ns > 0 else math.nan


class RollingSum:
    """Sum of the last `count` samples, amortised O(1).

    Taking off what leaves lets rounding pile up, so the sum is made anew whenever the whole window has been replaced.

    Parameters
    ----------
    count : int
        Length of the window, samples.

    Examples
    --------
    >>> rolling = RollingSum(2)
    >>> for x in (1.0, 2.0, 3.0):
    ...     rolling.update(x)
    >>> rolling.value, rolling.full
    (5.0, True)
    """

    __slots__ = ("_since", "_window", "value")

    def __init__(self, count: int) -> None:
        self._window: deque[float] = deque(maxlen=count)
        self._since = 0
        self.value = 0.0

    def __len__(self) -> int:
        return len(self._window)

    def update(self, x: float) -> None:
        """Take a sample; the oldest leaves a full window."""
        window = self._window
        leaving = window[0] if len(window) == window.maxlen else 0.0
        window.append(x)
        self._since += 1
        if self._since >= len(window) and self.full:
            self._since = 0
            self.value = math.fsum(window)
        else:
            self.value += x - leaving

    @property
    def full(self) -> bool:
        return len(self._window) == self._window.maxlen

    @property
    def mean(self) -> float:
        """Sum over samples; NaN without any."""
        return self.value / len(self._window) if self._window else math.nan
