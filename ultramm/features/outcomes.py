"""What each part of a model foretells: rows as they are seen, and, once it is known, what came of them.

The same classes stand beside orders and make datasets: what is learned from is what is traded by. No outcome is given
before its time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence

from ultramm.features.alpha import of_side, turns
from ultramm.features.arrivals import Arrivals
from ultramm.features.levels import LEVELS, VolatilityLevels
from ultramm.features.maturing import Maturing
from ultramm.features.regime import RegimeFilter, Regimes
from ultramm.market import Side, Trade

REGIME = "restless_probability"
EVERY_S = 5.0  # between two rows of volatility, and of arrivals
VOLATILITY_S, ARRIVALS_S = 60.0, 5.0
_KEPT_S = 2.0


class VolatilityOutcomes[T]:
    """Volatility of the next minute, as a logarithm, over what is quoted by without a forecast.

    Parameters
    ----------
    regimes : Regimes, optional
        Of the market, by seconds' moves over their hour's volatility.

    Attributes
    ----------
    names : tuple of str
        Of a row: three volatilities over what is quoted by, as logarithms, and the restless state's probability.
    """

    names = (*LEVELS, REGIME)

    def __init__(self, regimes: Regimes | None = None) -> None:
        self.levels = VolatilityLevels()
        self._filter = None if regimes is None else RegimeFilter(regimes)
        self._pending: deque[tuple[int, tuple[int, float], float, T]] = deque()

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`."""
        due = self.levels.update(ts_ns, mid)
        if due and self._filter is not None:
            self._filter.update(self.levels.scaled)
            for _ in range(min(due - 1, round(VOLATILITY_S))):
                self._filter.update(0.0)

    def interrupted(self) -> None:
        """The market was not seen for a time: what is waited for is not known."""
        self.levels.interrupted()
        self._pending.clear()

    @property
    def restless(self) -> float:
        """Probability of the restless state; 0 where the market has but one."""
        return 0.0 if self._filter is None else self._filter.probability

    def row(self) -> list[float] | None:
        """As it is now; None while a minute was not seen yet."""
        if not self.levels.known:
            return None
        quoted = math.log(self.levels.quoted)
        return [*(each - quoted for each in self.levels.row()), self.restless]

    def add(self, ts_ns: int, item: T) -> None:
        """Wait for what comes from now on."""
        due_ns = ts_ns + round(VOLATILITY_S * 1e9)
        self._pending.append((due_ns, self.levels.mark, math.log(self.levels.quoted), item))

    def matured(self, ts_ns: int) -> Iterator[tuple[T, float]]:
        """What is known by now."""
        while self._pending and self._pending[0][0] <= ts_ns:
            _, mark, quoted, item = self._pending.popleft()
            found = self.levels.since(mark) - quoted
            if math.isfinite(found):
                yield item, found


class ArrivalOutcomes[T]:
    """Trades against each side in the next seconds, as a share of how many there usually are."""

    def __init__(self) -> None:
        self._arrivals = Arrivals()
        self._pending: deque[tuple[int, Side, int, float, T]] = deque()

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._arrivals.on_trade(trade)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._pending.clear()

    def add(self, ts_ns: int, side: Side, item: T) -> bool:
        """Wait for what comes from now on; False while too little is known of what is usual."""
        usual = self._arrivals.rate(side, ts_ns) * ARRIVALS_S
        if not math.isfinite(usual):
            return False
        due_ns = ts_ns + round(ARRIVALS_S * 1e9)
        self._pending.append((due_ns, side, self._arrivals.count(side), usual, item))
        return True

    def matured(self, ts_ns: int) -> Iterator[tuple[T, float, float]]:
        """What is known by now: the share, and how many trades are usual."""
        while self._pending and self._pending[0][0] <= ts_ns:
            _, side, before, usual, item = self._pending.popleft()
            yield item, (self._arrivals.count(side) - before) / usual, usual


class FillOutcomes[T]:
    """What passive fills lose to the mid: each trade is taken as one, seen from when an order could have been moved.

    Parameters
    ----------
    names : tuple of str
        Of the rows.
    horizon_s, latency_s : float
        From the trade to the mid that it is held against, and from a decision to an order at the venue.
    """

    def __init__(self, names: tuple[str, ...], horizon_s: float, latency_s: float) -> None:
        self._turns = turns(names)
        self._latency_ns = round(latency_s * 1e9)
        self._rows: deque[tuple[int, Sequence[float], float]] = deque()
        self._pending = Maturing[tuple[Side, float, T]](horizon_s)

    def on_row(self, ts_ns: int, row: Sequence[float], mid: float) -> None:
        """A decision saw this."""
        self._rows.append((ts_ns, row, mid))
        while len(self._rows) > 1 and self._rows[1][0] <= ts_ns - self._latency_ns - round(_KEPT_S * 1e9):
            self._rows.popleft()

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._rows.clear()
        self._pending.interrupted()

    def on_trade(self, trade: Trade) -> tuple[Side, list[float], float] | None:
        """The side that was filled, its row, and the mid of the last decision that could have moved an order."""
        side = trade.side.opposite
        told = self.on_fill(trade.ts_ns, side)
        return None if told is None else (side, *told)

    def on_fill(self, at_ns: int, side: Side) -> tuple[list[float], float] | None:
        """The same of a fill: its row, and that mid."""
        told = None
        for ts_ns, row, mid in self._rows:
            if ts_ns > at_ns - self._latency_ns:
                break
            told = row, mid
        return None if told is None else (of_side(side, told[0], self._turns), told[1])

    @property
    def open(self) -> int:
        """Fills whose outcome is waited for, and the one that was given last."""
        return len(self._pending) + 1

    def add(self, ts_ns: int, side: Side, mid: float, item: T) -> None:
        """Wait for the mid a horizon after a trade."""
        self._pending.add(ts_ns, (side, mid, item))

    def matured(self, ts_ns: int, mid: float) -> Iterator[tuple[T, float]]:
        """From `ts_ns` on the mid is `mid`; gives what fell due before, with what was lost, basis points."""
        for (side, before, item), after in self._pending.on_mid(ts_ns, mid):
            yield item, -side * 1e4 * math.log(after / before)
