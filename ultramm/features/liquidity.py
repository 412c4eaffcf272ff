"""What trading costs here, and how the book takes it."""

from __future__ import annotations

import math

from ultramm.features.average import EwAverage
from ultramm.features.maturing import Maturing
from ultramm.market import Side


class SpreadDecomposition:
    """Effective spread of trades, split into what makers keep and what the market takes back.

    Effective ``2 s (p - M)``, realised ``2 s (p - M_{t + h})``, impact their difference, with s the taker's side: what
    a maker earns at the trade, what is left of it a while later, and what the trade knew.

    Parameters
    ----------
    horizon_s : float
        Seconds until the mid is looked at again.
    tau_s : float
        Time constant of the averages over trades, seconds.

    References
    ----------
    R. Huang, H. Stoll, "Dealer versus auction markets", J. Financial Economics 41 (1996).
    """

    __slots__ = ("_effective", "_impact", "_mid", "_pending", "_realised")

    def __init__(self, horizon_s: float = 5.0, tau_s: float = 600.0) -> None:
        self._pending = Maturing[tuple[Side, float, float]](horizon_s)
        self._effective, self._realised, self._impact = (EwAverage(tau_s) for _ in range(3))
        self._mid = math.nan

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`."""
        for (side, price, before), after in self._pending.on_mid(ts_ns, mid):
            self._effective.update(ts_ns, 2.0 * side * (price - before))
            self._realised.update(ts_ns, 2.0 * side * (price - after))
            self._impact.update(ts_ns, 2.0 * side * (after - before))
        self._mid = mid

    def on_trade(self, ts_ns: int, side: Side, price: float) -> None:
        """Somebody traded; `side` is the taker's."""
        if not math.isnan(self._mid):
            self._pending.add(ts_ns, (side, price, self._mid))

    @property
    def effective(self) -> float:
        """Mean effective spread, price; all three over the same trades, those whose horizon has passed."""
        return self._effective.value

    @property
    def realised(self) -> float:
        """Mean realised spread, price."""
        return self._realised.value

    @property
    def impact(self) -> float:
        """Mean impact, price: effective less realised, and minus twice what a maker's markout lost."""
        return self._impact.value


class KyleLambda:
    """Move of the mid for each unit of signed volume: ``EW cov / EW var`` over the steps of a clock.

    Parameters
    ----------
    interval_s, tau_s : float
        Step, and time constant, seconds.

    References
    ----------
    A. Kyle, "Continuous auctions and insider trading", Econometrica 53 (1985).
    """

    __slots__ = ("_cross", "_interval_ns", "_last_mid", "_mid", "_move", "_next_ns", "_square", "_volume", "_volumes")

    def __init__(self, interval_s: float = 1.0, tau_s: float = 600.0) -> None:
        self._interval_ns = round(interval_s * 1e9)
        self._cross, self._square, self._move, self._volumes = (EwAverage(tau_s) for _ in range(4))
        self._next_ns = 0
        self._last_mid = self._mid = math.nan
        self._volume = 0.0

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`."""
        self._step(ts_ns)
        if not math.isnan(mid):
            self._mid = mid

    def on_trade(self, ts_ns: int, side: Side, size: float) -> None:
        """Somebody traded; `side` is the taker's."""
        self._step(ts_ns)
        self._volume += side * size

    def _step(self, ts_ns: int) -> None:
        if ts_ns < self._next_ns or math.isnan(self._mid):
            return
        self._next_ns = ts_ns - ts_ns % self._interval_ns + self._interval_ns
        if not math.isnan(self._last_mid):
            move, volume = self._mid - self._last_mid, self._volume
            self._move.update(ts_ns, move)
            self._volumes.update(ts_ns, volume)
            self._cross.update(ts_ns, move * volume)
            self._square.update(ts_ns, volume * volume)
        self._last_mid, self._volume = self._mid, 0.0

    @property
    def value(self) -> float:
        """Price for each unit of size; NaN before volume differed."""
        variance = self._square.value - self._volumes.value**2
        return (self._cross.value - self._move.value * self._volumes.value) / variance if variance > 0 else math.nan


class Resilience:
    """Time until a side of the book has most of its depth back after a trade took from it, EW mean.

    Parameters
    ----------
    recovered : float
        Share of the depth before that counts as back.
    tau_s : float
        Time constant of the mean over trades, seconds.
    patience_s : float
        A depth that has not come back by then counts as this long.
    """

    __slots__ = ("_before", "_depth", "_mean", "_patience_ns", "_recovered", "_since_ns")

    def __init__(self, recovered: float = 0.8, tau_s: float = 600.0, patience_s: float = 30.0) -> None:
        self._recovered = recovered
        self._patience_ns = round(patience_s * 1e9)
        self._mean = EwAverage(tau_s)
        self._depth = self._before = math.nan
        self._since_ns = -1

    def on_trade(self, ts_ns: int) -> None:
        """A trade takes from the depth last seen; while an earlier one is not made good, it is part of that one."""
        if self._since_ns < 0 and self._depth > 0:
            self._since_ns, self._before = ts_ns, self._depth

    def on_depth(self, ts_ns: int, depth: float) -> None:
        """From `ts_ns` on the side has `depth`, size."""
        if not math.isnan(depth):
            self._depth = depth
        if self._since_ns >= 0:
            waited_ns = ts_ns - self._since_ns
            if waited_ns >= self._patience_ns or (waited_ns > 0 and self._depth >= self._recovered * self._before):
                self._mean.update(ts_ns, min(waited_ns, self._patience_ns) * 1e-9)
                self._since_ns = -1

    @property
    def value_s(self) -> float:
        """Mean time to recover, seconds; NaN before the first trade."""
        return self._mean.value
