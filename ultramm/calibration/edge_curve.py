"""What a quote at each depth would have earned: virtual quotes on a grid, filled by what really traded.

The arbiter of any model: a depth at which fills were under water in the market itself is not worth quoting, whatever a
formula says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from ultramm.features.maturing import Maturing
from ultramm.market import Book, Side, Trade

Floats = NDArray[np.float64]

_SIDES = (Side.BUY, Side.SELL)
_GRID_SLACK = 1e-6
_OWN_Z = 2.0
_LEAST_BLOCKS = 20.0  # fewer have no error that could be believed
_PATIENCE = 20.0  # horizons to wait for a mid that is not stale


class EdgePoint(msgspec.Struct, frozen=True):
    """One depth of one side.

    Parameters
    ----------
    depth : float
        From fair value, price.
    fill_rate : float
        Fills a second.
    edge : float
        Mean of ``depth - s (M_{t + h} - fair_t)``, price, before fees: what a fill is worth h later. NaN without fills.
    error : float
        Standard error of `edge`, robust to fills that come together; NaN for fewer than twenty blocks of them.
    fills : float
        Fills that count, decayed.
    """

    depth: float
    fill_rate: float
    edge: float
    error: float
    fills: float

    def lower(self, z: float) -> float:
        """The edge less `z` errors, price; minus infinity where it is not known."""
        bound = self.edge - z * self.error
        return -math.inf if math.isnan(bound) else bound

    def upper(self, z: float) -> float:
        """The edge and `z` errors, price; infinity where it is not known."""
        bound = self.edge + z * self.error
        return math.inf if math.isnan(bound) else bound


class EdgeCurve:
    """Edge of virtual quotes by depth, for each side, a time after they were placed.

    With the first mid `horizon_s` after a quote was placed its edge is known. Fills of one block of `horizon_s` share
    their outcome: errors are of a ratio over blocks. Forgets with `tau_s`.

    Parameters
    ----------
    depths : sequence of float
        The grid, price, ascending.
    horizon_s, tau_s : float
        Seconds.

    References
    ----------
    Errors: W. Cochran, *Sampling Techniques*, 3rd ed. (1977), section 6.4, ratio estimates over clusters.
    """

    def __init__(self, depths: Sequence[float], *, horizon_s: float = 5.0, tau_s: float = 1_800.0) -> None:
        self.depths = tuple(depths)
        self.horizon_s = horizon_s
        self._block_ns = round(horizon_s * 1e9)
        self._tau_ns = tau_s * 1e9
        self._pending = Maturing[tuple[Side, float, Floats]](horizon_s, _PATIENCE * horizon_s)
        self._sides = {side: _Sums(len(depths)) for side in Side}
        # A drift of the market is a gain of one side and a loss of the other: together they know more.
        self._both = _Sums(len(depths))
        self._block_end_ns = 0
        self._seconds = 0.0
        self._last_ns = -1
        # Of the blocks that have ended: asked for several times until the next one does.
        self._points: dict[Side | None, tuple[EdgePoint, ...]] = {}

    def on_fill(self, ts_ns: int, side: Side, fair: float, distances: Floats) -> None:
        """The nearest quotes of a side, placed at `ts_ns` at these distances from `fair`, were filled."""
        self._pending.add(ts_ns, (side, fair, distances))

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`."""
        for (side, fair, distances), after in self._pending.on_mid(ts_ns, mid):
            # Our side gains when the mid moves its way: a bid was hit, and the mid rises.
            self._sides[side].add(distances + side * (after - fair))

    def on_exposure(self, ts_ns: int, lasted_ns: int) -> None:
        """Until `ts_ns` quotes stood for a time, filled or not."""
        self._seconds += min(lasted_ns, self._block_ns) * 1e-9
        if ts_ns >= self._block_end_ns:
            self._end_block(ts_ns)

    def _end_block(self, ts_ns: int) -> None:
        elapsed = 0.0 if self._last_ns < 0 else (ts_ns - self._last_ns) / self._tau_ns
        keep = math.exp(-elapsed)
        self._both.block = self._sides[Side.BUY].block + self._sides[Side.SELL].block
        self._both.end_block(keep, 2.0 * self._seconds)
        for sums in self._sides.values():
            sums.end_block(keep, self._seconds)
        self._seconds = 0.0
        self._points.clear()
        self._last_ns = ts_ns
        self._block_end_ns = ts_ns + self._block_ns

    def points(self, side: Side | None = None) -> tuple[EdgePoint, ...]:
        """The curve of our quotes on `side`, or of both together, one point a depth."""
        if side not in self._points:
            self._points[side] = (self._both if side is None else self._sides[side]).points(self.depths)
        return self._points[side]

    def best(self, side: Side, fee: float, z: float) -> EdgePoint | None:
        """The depth that earns most a second after fees, of those whose edge pays for sure; None if none does.

        Parameters
        ----------
        fee : float
            For each unit filled, price.
        z : float
            Errors by which the edge must be above the fee.
        """
        paying = [point for point in self.points(side) if point.lower(z) > fee]
        return max(paying, key=lambda point: point.fill_rate * (point.edge - fee), default=None)

    def least_depth(self, side: Side, fee: float, z: float) -> float:
        """The nearest depth from which on quotes pay the fee, price; infinite if none does.

        Those of both sides together must have paid it by `z` errors, and those of `side` must not have failed to by
        two: alone, a side gains or loses by chance as the market drifts.
        """
        least = math.inf
        for both, own in zip(reversed(self.points()), reversed(self.points(side)), strict=True):
            if both.lower(z) > fee and own.upper(_OWN_Z) > fee:
                least = both.depth
            elif not math.isnan(both.error):
                break
        return least

    def unrefuted_depth(self, side: Side, fee: float, z: float, blocks: float) -> float:
        """The nearest depth from which on it is not refuted that quotes pay the fee, price; infinite if there is none.

        Refuted it is where those of both sides together failed to by `z` errors, or by their mean while that has no
        error yet, or those of `side` by two. Depths with fewer than so many `blocks` say nothing.
        """
        least = math.inf
        rows = zip(self.points(), self.points(side), self._both.blocks.tolist(), strict=True)
        for both, own, known in reversed(list(rows)):
            if known >= blocks:
                bound = both.edge if math.isnan(both.error) else both.upper(z)
                if bound <= fee or own.upper(_OWN_Z) <= fee:
                    break
                least = both.depth
        return least


class _Sums:
    """Decayed sums of one side by depth: over fills and over blocks of them."""

    def __init__(self, count: int) -> None:
        # Of the block that runs: fills and edges.
        self.block = np.zeros((2, count))
        # Fills n, edges m, and over blocks n^2, n m, m^2.
        self._total = np.zeros((5, count))
        self.blocks = np.zeros(count)  # with a fill
        self._seconds = 0.0

    def add(self, edges: Floats) -> None:
        """A fill of as many of the nearest depths, and what each was worth."""
        self.block[0, : len(edges)] += 1.0
        self.block[1, : len(edges)] += edges

    def end_block(self, keep: float, seconds: float) -> None:
        self._total *= keep
        self.blocks *= keep
        self._seconds = keep * self._seconds + seconds
        fills, edges = self.block
        if fills[0]:
            self._total += (fills, edges, fills * fills, fills * edges, edges * edges)
            self.blocks += fills > 0
            self.block[:] = 0.0

    def points(self, depths: Sequence[float]) -> tuple[EdgePoint, ...]:
        fills, edges, nn, nm, mm = (row.tolist() for row in self._total)
        blocks = self.blocks.tolist()
        found = []
        for index, depth in enumerate(depths):
            n = fills[index]
            if n <= 1e-9 or self._seconds <= 0:
                found.append(EdgePoint(depth, 0.0, math.nan, math.nan, 0.0))
                continue
            edge = edges[index] / n
            squares = mm[index] - 2.0 * edge * nm[index] + edge * edge * nn[index]
            b = blocks[index]
            error = math.sqrt(max(0.0, squares) * b / (b - 1.0)) / n if b >= _LEAST_BLOCKS else math.nan
            found.append(EdgePoint(depth, n / self._seconds, edge, error, n))
        return tuple(found)


class VirtualQuotes:
    """Places a quote at each depth again and again, and tells edge curves what was filled.

    Every `window_s` a quote is placed at each depth of the grid from fair value, rounded away from it to whole ticks
    and never taking, as a real one would be. It is filled if a trade, or the best price of the other side, goes
    strictly through it within the window: the last in any queue.

    Parameters
    ----------
    curves : sequence of EdgeCurve
        Of the same depths, each with its own horizon.
    tick_size : float
        Price; 0 rounds nothing.
    window_s : float
        Seconds.
    """

    def __init__(self, curves: Sequence[EdgeCurve], *, tick_size: float = 0.0, window_s: float = 0.1) -> None:
        self._curves = tuple(curves)
        self._window_ns = round(window_s * 1e9)
        self._tick_size = tick_size
        self._grid = np.asarray(self._curves[0].depths, dtype=float)
        self._fair = self._reference = math.nan
        self._best_bid, self._best_ask = -math.inf, math.inf
        # Of bids and asks: how far the market came, and from the reference to where the quotes stand, price.
        self._reach = [-math.inf, -math.inf]
        self._placed = np.vstack([self._grid, self._grid])
        self._window_end_ns = 0

    def on_book(self, book: Book, fair: float) -> None:
        """The touch changed, and quotes would be placed around `fair`; NaN places none."""
        ts_ns = book.ts_ns
        if book.bids and book.asks:
            # Through what rests on the other side a quote would have been filled, traded or not; also one whose window
            # ends only now, because nothing was heard.
            self._best_bid, self._best_ask = book.bids[0].price, book.asks[0].price
            self._through(0, self._reference - self._best_ask)
            self._through(1, self._best_bid - self._reference)
        self._fair = fair
        if ts_ns >= self._window_end_ns:
            self._end_window(ts_ns)
        mid = book.mid
        for curve in self._curves:
            curve.on_mid(ts_ns, mid)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded; fills the quotes of the other side that it went through."""
        if trade.ts_ns >= self._window_end_ns:
            self._end_window(trade.ts_ns)
        side = trade.side
        self._through(0 if side is Side.SELL else 1, side * (trade.price - self._reference))

    def interrupted(self) -> None:
        """The market was not seen for a time: no quote stands until the next book."""
        self._fair = self._reference = math.nan
        self._reach = [-math.inf, -math.inf]

    def _through(self, row: int, reach: float) -> None:
        self._reach[row] = max(self._reach[row], reach)

    def _end_window(self, ts_ns: int) -> None:
        """Tell what was filled, and place the quotes anew around fair value as it stands.

        A silence is part of the window before it: nothing traded, and the quotes would have stood.
        """
        started_ns = self._window_end_ns - self._window_ns
        if not math.isnan(self._reference):
            for row, side in enumerate(_SIDES):
                self._tell_fills(started_ns, side, row)
            for curve in self._curves:
                curve.on_exposure(ts_ns, ts_ns - started_ns)
        self._place()
        self._window_end_ns = ts_ns + self._window_ns

    def _tell_fills(self, started_ns: int, side: Side, row: int) -> None:
        reach, placed = self._reach[row], self._placed[row]
        if reach <= placed[0]:
            return
        filled = placed[: int(np.searchsorted(placed, reach, side="left"))]
        for curve in self._curves:
            curve.on_fill(started_ns, side, self._reference, filled)

    def _place(self) -> None:
        reference, tick = self._fair, self._tick_size
        self._reference = reference
        self._reach = [-math.inf, -math.inf]
        if tick > 0 and not math.isnan(reference):
            # Prices times the side's sign: rounding away and standing behind are the same for both.
            signed = np.array([[reference], [-reference]])
            behind = np.array([[tick - self._best_ask], [tick + self._best_bid]])
            away = np.ceil((self._grid - signed) / tick - _GRID_SLACK) * tick
            self._placed = np.maximum(away, behind) + signed
