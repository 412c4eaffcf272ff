"""What a quote at each depth would have earned: virtual quotes on a grid, filled by what really traded.

The arbiter of any model: a depth at which fills were under water in the market itself is not worth quoting, whatever a
formula says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from ultramm.features.maturing import Maturing
from ultramm.market import Side, Trade


class EdgePoint(msgspec.Struct, frozen=True):
    """One depth of one side.

    Parameters
    ----------
    depth : float
        From the mid, price.
    fill_rate : float
        Fills a second.
    edge : float
        Mean of ``depth - s (M_{t + h} - M_t)``, price, before fees: what a fill is worth h later. NaN without fills.
    error : float
        Standard error of `edge`, robust to fills that come together; NaN for fewer than two blocks of them.
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


class EdgeCurve:
    """Edge of virtual quotes by depth, for each side.

    Every `window_s` a quote is placed at each depth of the grid from the mid, and filled if a trade prints strictly
    through it within the window: the last in any queue. `horizon_s` after it was placed, its edge is known. Fills of
    one block of `horizon_s` share their outcome: errors are of a ratio over blocks. Forgets with `tau_s`.

    Parameters
    ----------
    depths : sequence of float
        The grid, price, ascending.
    horizon_s, window_s, tau_s : float
        Seconds.

    References
    ----------
    Errors: W. Cochran, *Sampling Techniques*, 3rd ed. (1977), section 6.4, ratio estimates over clusters.
    """

    def __init__(
        self, depths: Sequence[float], *, horizon_s: float = 5.0, window_s: float = 0.1, tau_s: float = 1_800.0
    ) -> None:
        self.depths = tuple(depths)
        self._grid = np.asarray(depths, dtype=float)
        self._window_ns = round(window_s * 1e9)
        self._block_ns = round(horizon_s * 1e9)
        self._tau_ns = tau_s * 1e9
        self._pending = Maturing[tuple[Side, float, float]](horizon_s)
        self._sides = {side: _Sums(len(depths)) for side in Side}
        self._mid = math.nan
        self._reference = math.nan
        self._window_end_ns = 0
        self._reach = {Side.BUY: 0.0, Side.SELL: 0.0}
        self._block_end_ns = 0
        self._seconds = 0.0
        self._last_ns = -1

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`; NaN places no quotes."""
        over = ts_ns >= self._window_end_ns
        if over:
            self._end_window(ts_ns)
        for (side, before, reach), after in self._pending.on_mid(ts_ns, mid):
            # Our side gains when the mid moves its way: a bid was hit, and the mid rises.
            filled = int(np.searchsorted(self._grid, reach, side="left"))
            self._sides[side].add(filled, side * (after - before))
        self._mid = mid
        if over:
            self._reference = mid

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded; fills the quotes of the other side that it went through."""
        if trade.ts_ns >= self._window_end_ns:
            self._end_window(trade.ts_ns)
        reach = trade.side * (trade.price - self._reference)
        filled = trade.side.opposite
        self._reach[filled] = max(self._reach[filled], reach)

    def _end_window(self, ts_ns: int) -> None:
        """Note what was filled, and place the quotes anew around the mid as it stands.

        A silence is part of the window before it: nothing traded, and the quotes would have stood.
        """
        started_ns = self._window_end_ns - self._window_ns
        if not math.isnan(self._reference):
            for side, reach in self._reach.items():
                if reach > self.depths[0]:
                    self._pending.add(started_ns, (side, self._reference, reach))
                    self._reach[side] = 0.0
            self._seconds += min(ts_ns - started_ns, self._block_ns) * 1e-9
        self._reference = self._mid
        self._window_end_ns = ts_ns + self._window_ns
        if ts_ns >= self._block_end_ns:
            self._end_block(ts_ns)

    def _end_block(self, ts_ns: int) -> None:
        elapsed = 0.0 if self._last_ns < 0 else (ts_ns - self._last_ns) / self._tau_ns
        keep = math.exp(-elapsed)
        for sums in self._sides.values():
            sums.end_block(keep, self._seconds)
        self._seconds = 0.0
        self._last_ns = ts_ns
        self._block_end_ns = ts_ns + self._block_ns

    def points(self, side: Side) -> tuple[EdgePoint, ...]:
        """The curve of our quotes on `side`, one point a depth."""
        return self._sides[side].points(self.depths)

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
        """The nearest depth from which on the edge pays the fee for sure, price; infinite if none does."""
        least = math.inf
        for point in reversed(self.points(side)):
            if point.lower(z) > fee:
                least = point.depth
            elif not math.isnan(point.error):
                break
        return least


class _Sums:
    """Decayed sums of one side by depth: over fills and over blocks of them."""

    def __init__(self, count: int) -> None:
        self._count = count
        # Of the block that runs: fills and edges less the depth.
        self._block = np.zeros((2, count))
        # Fills n, moves m, and over blocks n^2, n m, m^2.
        self._total = np.zeros((5, count))
        self._blocks = np.zeros(count)
        self._seconds = 0.0

    def add(self, filled: int, move: float) -> None:
        """A fill of the `filled` nearest depths, after which the mid moved by `move` in our favour."""
        self._block[0, :filled] += 1.0
        self._block[1, :filled] += move

    def end_block(self, keep: float, seconds: float) -> None:
        self._total *= keep
        self._blocks *= keep
        self._seconds = keep * self._seconds + seconds
        fills, moves = self._block
        if fills[0]:
            self._total += (fills, moves, fills * fills, fills * moves, moves * moves)
            self._blocks += fills > 0
            self._block[:] = 0.0

    def points(self, depths: Sequence[float]) -> tuple[EdgePoint, ...]:
        fills, moves, nn, nm, mm = (row.tolist() for row in self._total)
        blocks = self._blocks.tolist()
        found = []
        for index, depth in enumerate(depths):
            n = fills[index]
            if n <= 1e-9 or self._seconds <= 0:
                found.append(EdgePoint(depth, 0.0, math.nan, math.nan, 0.0))
                continue
            move = moves[index] / n
            squares = mm[index] - 2.0 * move * nm[index] + move * move * nn[index]
            b = blocks[index]
            error = math.sqrt(max(0.0, squares) * b / (b - 1.0)) / n if b > 1.0 + 1e-9 else math.nan
            found.append(EdgePoint(depth, n / self._seconds, depth + move, error, n))
        return tuple(found)
