"""A sudden run of the price that takers push through a thinning book: what momentum ignition looks like."""

from __future__ import annotations

import math
from collections import deque

from ultramm.features.average import EwAverage
from ultramm.features.flow import DecayingSum
from ultramm.market import Book, Side, Trade
from ultramm.risk.caution import Caution
from ultramm.risk.surveillance.response import Response, Rung

_SAMPLE_NS = 100_000_000
_WINDOW_SAMPLES = 20  # two seconds
_WINDOW_S = 2.0
_MEMORY_S = 600.0
_WARM_SAMPLES = 600
_MOVE_SIGMAS = 4.0
_FLOW_SIGMAS = 4.0
_THIN = 0.5
_DEPTH_LEVELS = 5
_DEPTH_MEMORY_S = 30.0
_STEP_BACK_S = 5.0
_CLIP = 4.0
_LEAST_TICKS = 2.0


class SuddenRuns:
    """Steps back on the side that a run hits, and pulls it where the book ahead of the run thins.

    A run is a move of the mid over two seconds beyond four of its standard deviations of the last ten minutes, with
    signed volume of two seconds beyond four of its own the same way; the book ahead is thin once its five levels show
    half of what they usually do. O(1).

    Parameters
    ----------
    tick_size : float
        A move below two ticks is none.
    """

    name = "sudden run"

    def __init__(self, tick_size: float) -> None:
        self._least = _LEAST_TICKS * tick_size
        self._next_ns = 0
        self._mids: deque[float] = deque(maxlen=_WINDOW_SAMPLES + 1)
        self._mid = math.nan
        self._variance = EwAverage(_MEMORY_S)
        self._flow_square = EwAverage(_MEMORY_S)
        self._samples = 0
        self._flow = DecayingSum(_WINDOW_S)
        self._depth = dict.fromkeys(Side, math.nan)
        self._usual_depth = {side: EwAverage(_DEPTH_MEMORY_S) for side in Side}
        self.response = Response(_STEP_BACK_S)

    def on_touch(self, book: Book) -> None:
        """The touch changed."""
        mid = book.mid
        if math.isnan(mid):
            return
        if book.ts_ns >= self._next_ns:
            self._sample(book.ts_ns)
        self._mid = mid
        if self._samples >= _WARM_SAMPLES:
            self._judge(book.ts_ns)

    def on_depth(self, book: Book) -> None:
        """A book, as deep as decisions read it."""
        for side, levels in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
            depth = sum([level.size for level in levels[:_DEPTH_LEVELS]])
            self._depth[side] = depth
            self._usual_depth[side].update(book.ts_ns, depth)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._flow.add(trade.ts_ns, trade.side * trade.size)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._mids.clear()
        self._mid = math.nan
        self._next_ns = 0

    def _sample(self, now_ns: int) -> None:
        """The mid as it stood, once every 100 ms of the market; a move counts for no more than four usual ones."""
        steps = 1 if not self._next_ns else min(_WINDOW_SAMPLES + 1, 1 + (now_ns - self._next_ns) // _SAMPLE_NS)
        self._next_ns = (now_ns // _SAMPLE_NS + 1) * _SAMPLE_NS
        if math.isnan(self._mid):
            return
        for _ in range(steps):
            self._mids.append(self._mid)
        if len(self._mids) <= _WINDOW_SAMPLES:
            return
        square, flow = (self._mids[-1] - self._mids[0]) ** 2, self._flow.at(now_ns) ** 2
        if self._samples >= _WARM_SAMPLES:
            square = min(square, _CLIP**2 * self._variance.value)
            flow = min(flow, _CLIP**2 * self._flow_square.value)
        self._variance.update(now_ns, square)
        self._flow_square.update(now_ns, flow)
        self._samples += 1

    def _judge(self, now_ns: int) -> None:
        move = self._mid - self._mids[0] if self._mids else 0.0
        sigma = math.sqrt(self._variance.value)
        if abs(move) <= max(self._least, _MOVE_SIGMAS * sigma):
            return
        # Rising, takers hit our asks.
        hit = Side.SELL if move > 0.0 else Side.BUY
        flow, usual = self._flow.at(now_ns), math.sqrt(self._flow_square.value)
        if -hit * flow <= _FLOW_SIGMAS * usual:
            return
        depth, before = self._depth[hit], self._usual_depth[hit].value
        moved, pushed = _times(abs(move), sigma), _times(abs(flow), usual)
        words = f"the mid moved {moved:.1f} sigma in two seconds, on {pushed:.1f} sigma of trades"
        if depth < _THIN * before:
            words += f", into {depth / before:.0%} of the usual depth"
            self.response.raise_to(Rung.PULL_SIDE, hit, now_ns, words)
        else:
            self.response.raise_to(Rung.WIDEN, hit, now_ns, words)

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        return self.response.cautions(now_ns)


def _times(value: float, of: float) -> float:
    return value / of if of > 0.0 else math.inf
