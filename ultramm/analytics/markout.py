"""What fills were worth a moment later."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from ultramm.features.maturing import Maturing
from ultramm.market import Fill

HORIZONS_S = (0.1, 1.0, 5.0, 30.0)

Observer = Callable[[float, Fill, float], None]


class Markout(msgspec.Struct, frozen=True, kw_only=True):
    """Average markout of fills at one horizon; positive = in our favour.

    `mean_bps` is weighted by size, relative to the fill's price; `standard_error_bps` treats fills as independent.
    """

    horizon_s: float
    fills: int
    mean_bps: float | None
    standard_error_bps: float | None


class Markouts:
    """Markouts of our fills at several horizons, matured as the market moves on.

    A fill's markout at horizon h is ``side * (mid(t + h) - price) / price`` where ``mid(t + h)`` is the last mid
    at or before ``t + h``: nothing later is looked at. A fill whose horizon never came counts nowhere.

    Parameters
    ----------
    horizons_s : sequence of float
        Seconds after the fill.
    observe : callable, optional
        Takes (horizon in seconds, fill, markout in basis points) of each fill that matured.
    """

    def __init__(self, horizons_s: Sequence[float] = HORIZONS_S, observe: Observer | None = None) -> None:
        self._horizons = [_Horizon(horizon_s, observe) for horizon_s in horizons_s]
        self._mid = math.nan
        self._mid_ns = 0
        self._next_due_ns: float = math.inf

    def on_fill(self, fill: Fill) -> None:
        for horizon in self._horizons:
            horizon.pending.add(fill.ts_ns, fill)
        self._next_due_ns = min(horizon.pending.due_ns for horizon in self._horizons)

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`; matures every horizon that ended before."""
        if ts_ns > self._next_due_ns:
            for horizon in self._horizons:
                horizon.mature(ts_ns, self._mid, self._mid_ns)
            self._next_due_ns = min(horizon.pending.due_ns for horizon in self._horizons)
        if not math.isnan(mid):
            self._mid = mid
            self._mid_ns = ts_ns

    def results(self) -> tuple[Markout, ...]:
        return tuple(horizon.result() for horizon in self._horizons)


class _Horizon:
    def __init__(self, horizon_s: float, observe: Observer | None = None) -> None:
        self.horizon_s = horizon_s
        self.pending = Maturing[Fill](horizon_s)
        self._observe = observe
        self._count = 0
        self._weight = 0.0
        self._weighted = 0.0
        self._squares = 0.0
        self._weight_squares = 0.0

    def mature(self, ts_ns: int, mid: float, mid_ns: int) -> None:
        """Measure what fell due before `ts_ns`, by the mid that has stood since `mid_ns`."""
        for fill, after in self.pending.due_before(ts_ns, mid, mid_ns):
            markout_bps = 1e4 * fill.side * (after - fill.price) / fill.price
            self._add(markout_bps, fill.size)
            if self._observe is not None:
                self._observe(self.horizon_s, fill, markout_bps)

    def _add(self, markout_bps: float, size: float) -> None:
        self._count += 1
        self._weight += size
        self._weight_squares += size * size
        self._weighted += size * markout_bps
        self._squares += size * markout_bps * markout_bps

    def result(self) -> Markout:
        mean = self._weighted / self._weight if self._weight > 0 else None
        return Markout(
            horizon_s=self.horizon_s,
            fills=self._count,
            mean_bps=mean,
            standard_error_bps=self._standard_error(mean),
        )

    def _standard_error(self, mean: float | None) -> float | None:
        if mean is None or self._count < 2:
            return None
        variance = max(0.0, self._squares / self._weight - mean * mean)
        effective = self._weight * self._weight / self._weight_squares
        return math.sqrt(variance / max(effective - 1.0, 1.0))
