"""A long surge of price and volume together: what a pump, and the dump after it, look like."""

from __future__ import annotations

import math
from collections import deque

from ultramm.features.average import RollingSum, SampleAverage
from ultramm.market import Book, Side, Trade
from ultramm.risk.caution import Caution
from ultramm.risk.surveillance.response import Response, Rung

_SAMPLE_NS = 10_000_000_000
_WINDOW_SAMPLES = 60  # ten minutes
_MEMORY_SAMPLES = 8_640.0  # a day
_WARM_SAMPLES = 180
_MOVE_SIGMAS = 6.0
_VOLUME_TIMES = 8.0
_VOLUME_SAMPLES = 30  # five minutes
_USUAL_SAMPLES = 1_440.0  # four hours
_HOLD_S = 300.0
_MOST_TIMES = 4.0


class Surges:
    """Only makes positions smaller while there is a surge, either way.

    A surge is a move over ten minutes beyond six of its standard deviations, by the variance of moves of ten seconds,
    with the volume of five minutes more than eight times that of four hours. What is usual is learned from moves and
    volumes that count for no more than four usual ones. O(1), once every ten seconds.
    """

    name = "surge"

    def __init__(self) -> None:
        self._next_ns = 0
        self._mids: deque[float] = deque(maxlen=_WINDOW_SAMPLES + 1)
        self._variance, self._usual_volume = SampleAverage(_MEMORY_SAMPLES), SampleAverage(_USUAL_SAMPLES)
        self._traded = 0.0
        self._volumes = RollingSum(_VOLUME_SAMPLES)
        self.response = Response(_HOLD_S)

    def on_touch(self, book: Book) -> None:
        """The touch changed."""
        if book.ts_ns >= self._next_ns and not math.isnan(book.mid):
            self._sample(book.ts_ns, book.mid)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._traded += trade.size

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._mids.clear()
        self._next_ns = 0

    def _sample(self, now_ns: int, mid: float) -> None:
        self._next_ns = (now_ns // _SAMPLE_NS + 1) * _SAMPLE_NS
        mids, volume, self._traded = self._mids, self._traded, 0.0
        self._volumes.update(volume)
        if mids:
            self._learn((mid - mids[-1]) ** 2, volume)
        mids.append(mid)
        if self._variance.count >= _WARM_SAMPLES and len(mids) == mids.maxlen:
            self._judge(now_ns, mid - mids[0])

    def _learn(self, square: float, volume: float) -> None:
        if self._variance.count >= _WARM_SAMPLES:
            square = min(square, _MOST_TIMES**2 * self._variance.value)
            volume = min(volume, _MOST_TIMES * self._usual_volume.value)
        self._variance.update(square)
        self._usual_volume.update(volume)

    def _judge(self, now_ns: int, move: float) -> None:
        sigma, usual = math.sqrt(_WINDOW_SAMPLES * self._variance.value), self._usual_volume.value
        times = self._volumes.mean / usual if usual > 0.0 else 0.0
        if abs(move) <= _MOVE_SIGMAS * sigma or times <= _VOLUME_TIMES:
            return
        sigmas = abs(move) / sigma if sigma else math.inf
        words = f"the mid moved {sigmas:.1f} sigma in ten minutes on {times:.0f} times the usual volume"
        for side in Side:
            self.response.raise_to(Rung.REDUCE, side, now_ns, words)

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        return self.response.cautions(now_ns)
