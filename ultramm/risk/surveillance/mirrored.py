"""Much volume that goes nowhere, bought and sold in equal sizes at once: what wash trading looks like."""

from __future__ import annotations

import math
from collections import deque

from ultramm.features.average import SampleAverage
from ultramm.features.flow import DecayingSum
from ultramm.features.quantile import StreamQuantile
from ultramm.market import Side, Trade
from ultramm.risk.caution import Caution
from ultramm.risk.surveillance.response import Response, Rung

_TOGETHER_NS = 50_000_000
_WINDOW_S, _USUAL_S = 10.0, 600.0
_SAMPLE_NS = 1_000_000_000
_WARM_SAMPLES = 300
_VOLUME_SIGMAS = 4.0
_SHARE = 0.5
_BALANCED_AT = 0.01
_HOLD_S = 30.0
_CLIP = 4.0


class MirroredTrades:
    """Halves both sides while volume is no measure of anything.

    Two trades within 50 ms, of one size and of opposite sides, are a pair. Once a second, over the last ten: pairs are
    more than half of the volume, the volume is beyond four standard deviations of the usual, and buys and sells are
    more balanced than in 99 of 100 seconds. O(1).

    Attributes
    ----------
    doubtful : bool
        Whether volume should not be believed now.
    """

    name = "mirrored trades"

    def __init__(self) -> None:
        self._recent: deque[Trade] = deque(maxlen=50)
        self._volume, self._signed, self._paired = (DecayingSum(_WINDOW_S) for _ in range(3))
        self._next_ns = 0
        self._mean, self._square = SampleAverage(_USUAL_S), SampleAverage(_USUAL_S)
        self._balance = StreamQuantile(_BALANCED_AT)
        self.doubtful = False
        self.response = Response(_HOLD_S)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        now_ns = trade.ts_ns
        if now_ns >= self._next_ns:
            self._sample(now_ns)
        self._volume.add(now_ns, trade.size)
        self._signed.add(now_ns, trade.side * trade.size)
        recent = self._recent
        while recent and now_ns - recent[0].ts_ns > _TOGETHER_NS:
            recent.popleft()
        mirrored = next((each for each in recent if each.size == trade.size and each.side is not trade.side), None)
        if mirrored is None:
            recent.append(trade)
        else:
            recent.remove(mirrored)
            self._paired.add(now_ns, 2.0 * trade.size)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._next_ns = 0
        self._recent.clear()

    def _sample(self, now_ns: int) -> None:
        self._next_ns = (now_ns // _SAMPLE_NS + 1) * _SAMPLE_NS
        volume, signed, paired = (total.at(now_ns) for total in (self._volume, self._signed, self._paired))
        if volume <= 0.0:
            return
        mean = self._mean.value
        sd = math.sqrt(max(self._square.value - mean**2, 0.0))
        balance, usual = abs(signed) / volume, self._balance.value
        busy = self._mean.count >= _WARM_SAMPLES and volume > mean + _VOLUME_SIGMAS * sd
        self.doubtful = busy and paired > _SHARE * volume and balance <= usual
        if self.doubtful:
            reason = (
                f"volume is {volume / mean:.1f} times the usual, {paired / volume:.0%} of it bought and sold at "
                f"once in one size, {balance:.1%} net"
            )
            for side in Side:
                self.response.raise_to(Rung.HALVE, side, now_ns, reason)
        if paired <= _SHARE * volume:
            # Else it does not become usual.
            self._learn(volume, balance, sd)

    def _learn(self, volume: float, balance: float, sd: float) -> None:
        if self._mean.count >= _WARM_SAMPLES:
            volume = min(volume, self._mean.value + _CLIP * sd)
        self._mean.update(volume)
        self._square.update(volume**2)
        self._balance.update(balance)

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        return self.response.cautions(now_ns)
