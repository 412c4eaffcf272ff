"""Bursts of messages that trade nothing and move nothing: what quote stuffing looks like."""

from __future__ import annotations

import math

from ultramm.features.average import SampleAverage
from ultramm.features.cusum import Cusum
from ultramm.features.quantile import StreamQuantile
from ultramm.market import Side
from ultramm.risk.caution import Caution
from ultramm.risk.surveillance.response import Response, Rung

_BIN_NS = 100_000_000
_MEMORY_BINS = 6_000  # ten minutes
_WARM_BINS = 600
# Of independent bins 11.8 would be one false alarm a day; those of a market come in clusters.
_SLACK, _THRESHOLD = 0.5, 40.0
_MOST_Z = 8.0  # of one bin: a single crowded one is no burst
_RATIO_BINS = 10
_RATIO_AT = 0.999
_QUIET_S = 5.0
_LONGEST_GAP = 100
_STILL_SPREADS = 1.0


class MessageBursts:
    """Pulls both sides while there is a burst, and until it has been quiet for five seconds.

    Messages are counted in bins of 100 ms and held against a negative binomial with the mean and the variance of the
    last ten minutes; their `Cusum` alarms. It must also be so that messages per trade over a second are beyond what
    999 of 1,000 seconds see, and that the mid stays where it is: else it is news. A feed without trades says nothing.
    O(1).
    """

    name = "message burst"

    def __init__(self) -> None:
        self._bin = -1
        self._count = self._trades = 0
        self._ever_traded = False
        self._mean, self._square = SampleAverage(_MEMORY_BINS), SampleAverage(_MEMORY_BINS)
        self._cusum = Cusum(_SLACK, _THRESHOLD)
        self._ratios = StreamQuantile(_RATIO_AT)
        self._last: list[tuple[int, int, float]] = []
        self._mid = self._spread = math.nan
        self.response = Response(_QUIET_S)

    def on_message(self, now_ns: int) -> None:
        """The venue sent something about the book."""
        number = now_ns // _BIN_NS
        if number != self._bin:
            self._close(number)
        self._count += 1

    def on_trade(self, now_ns: int) -> None:
        """Somebody traded."""
        self.on_message(now_ns)
        self._trades += 1
        self._ever_traded = True

    def on_touch(self, mid: float, spread: float) -> None:
        """The touch is there."""
        self._mid, self._spread = mid, spread

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._bin = -1
        self._count = self._trades = 0
        self._last.clear()
        self._cusum.reset()

    def _close(self, number: int) -> None:
        if self._bin >= 0:
            gap = number - self._bin - 1
            if gap > _LONGEST_GAP:
                self.interrupted()
                self._bin = number
                return
            self._take(self._count, self._trades, number)
            for _ in range(gap):
                self._take(0, 0, number)
        self._bin = number
        self._count = self._trades = 0

    def _take(self, count: int, trades: int, number: int) -> None:
        """One bin is complete."""
        z = self._z(count)
        burst = self._cusum.update(min(z, _MOST_Z)) if self._mean.count >= _WARM_BINS else False
        last = self._last
        last.append((count, trades, self._mid))
        if len(last) > _RATIO_BINS:
            del last[0]
        messages = sum([each for each, _, _ in last])
        traded = sum([each for _, each, _ in last])
        ratio = messages / (1.0 + traded)
        usual = self._ratios.value
        if (
            burst
            and self._ever_traded
            and ratio > usual
            and abs(self._mid - last[0][2]) <= _STILL_SPREADS * self._spread
        ):
            self._alarm(messages, traded, number * _BIN_NS)
        elif not burst:
            # What is a burst does not become usual.
            self._ratios.update(ratio)
        # A crowded bin counts for no more than it takes to notice it.
        warm = self._mean.count >= _WARM_BINS
        counted = min(count, self._mean.value + _MOST_Z * self._sd) if warm else count
        self._mean.update(counted)
        self._square.update(counted * counted)

    def _alarm(self, messages: int, traded: int, now_ns: int) -> None:
        usual = 10.0 * self._mean.value
        reason = f"{messages} messages in a second where {usual:.0f} are usual, {traded} trades, and the mid stays"
        self.response.raise_to(Rung.PULL_ALL, Side.BUY, now_ns, reason)

    @property
    def _sd(self) -> float:
        mean = self._mean.value
        return math.sqrt(max(self._square.value - mean**2, mean, 1e-12))

    def _z(self, count: int) -> float:
        """A negative binomial's variance is ``mean + mean^2 / phi``; with `phi` by moments that is the variance."""
        return (count - self._mean.value) / self._sd

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        return self.response.cautions(now_ns)
