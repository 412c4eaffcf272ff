"""A long surge of price and volume together: what a pump, and the dump after it, look like."""

from __future__ import annotations

import math
from collections import deque

from ultramm.features.flow import DecayingSum
from ultramm.market import Book, Side, Trade
from ultramm.risk.caution import Caution
from ultramm.risk.surveillance.response import Response, Rung

_SAMPLE_NS = 10_000_000_000
_WINDOW_SAMPLES = 60  # ten minutes
_MEMORY_SAMPLES = 8_640.0  # a day
_WARM_SAMPLES = 180
_MOVE_SIGMAS = 6.0
_VOLUME_TIMES = 8.0
_WINDOW_S, _USUAL_S = 300.0, 14_400.0
_HOLD_S = 300.0
_CLIP = 4.0


class Surges:
    """Only makes positions smaller while there is a surge, either way.

    A surge is a move over ten minutes beyond six of its standard deviations, by the variance of moves of ten seconds,
    with the volume of five minutes more than eight times that of four hours. O(1), once every ten seconds.
    """

    name = "surge"

    def __init__(self) -> None:
        self._next_ns = 0
        self._mids: deque[float] = deque(maxlen=_WINDOW_SAMPLES + 1)
        self._variance = 0.0
        self._samples = 0
        self._volume, self._usual = DecayingSum(_WINDOW_S), DecayingSum(_USUAL_S)
        self._first_ns = 0
        self.response = Response(_HOLD_S)

    def on_touch(self, book: Book) -> None:
        """The touch changed."""
        if book.ts_ns >= self._next_ns and not math.isnan(book.mid):
            self._sample(book.ts_ns, book.mid)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._first_ns = self._first_ns or trade.ts_ns
        self._volume.add(trade.ts_ns, trade.size)
        self._usual.add(trade.ts_ns, trade.size)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._mids.clear()
        self._next_ns = 0

    def _sample(self, now_ns: int, mid: float) -> None:
        self._next_ns = (now_ns // _SAMPLE_NS + 1) * _SAMPLE_NS
        mids = self._mids
        if mids:
            square = (mid - mids[-1]) ** 2
            if self._samples >= _WARM_SAMPLES:
                square = min(square, _CLIP**2 * self._variance)
            self._samples += 1
            self._variance += max(1.0 / self._samples, 1.0 / _MEMORY_SAMPLES) * (square - self._variance)
        mids.append(mid)
        if self._samples >= _WARM_SAMPLES and len(mids) == mids.maxlen:
            self._judge(now_ns, mid - mids[0])

    def _judge(self, now_ns: int, move: float) -> None:
        sigma = math.sqrt(_WINDOW_SAMPLES * self._variance)
        times = self._volume_times(now_ns)
        if abs(move) <= _MOVE_SIGMAS * sigma or times <= _VOLUME_TIMES:
            return
        sigmas = abs(move) / sigma if sigma else math.inf
        words = f"the mid moved {sigmas:.1f} sigma in ten minutes on {times:.0f} times the usual volume"
        for side in Side:
            self.response.raise_to(Rung.REDUCE, side, now_ns, words)

    def _volume_times(self, now_ns: int) -> float:
        """Rate of the last minutes to that of hours, each of as much as its memory has seen."""
        seen_s = (now_ns - self._first_ns) * 1e-9
        now = self._volume.at(now_ns) / (-_WINDOW_S * math.expm1(-seen_s / _WINDOW_S))
        usual = self._usual.at(now_ns) / (-_USUAL_S * math.expm1(-seen_s / _USUAL_S))
        return now / usual if usual > 0.0 else 0.0

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        return self.response.cautions(now_ns)
