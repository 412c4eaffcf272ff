"""How the market is now against how it usually is: volume, depth, and what market orders know."""

from __future__ import annotations

import math

from ultramm.calibration.forecast import Trust
from ultramm.calibration.market_orders import MarketOrder
from ultramm.features.average import EwAverage, TimeAverage
from ultramm.features.flow import DecayingSum
from ultramm.features.maturing import Maturing
from ultramm.features.observed_time import ObservedTime
from ultramm.market import Book, Side, Trade

_NOW_S, _USUAL_S = 30.0, 600.0
_TOXIC_NOW_S = 60.0
_JUDGED_S = 5.0  # after what time the impact of a market order is looked at
_MOST = 2.0


class Conditions:
    """Volume, depth and impact as they are now, each against what is usual."""

    def __init__(self) -> None:
        self._volume = DecayingSum(_NOW_S), DecayingSum(_USUAL_S)
        self._depth = TimeAverage(_NOW_S), TimeAverage(_USUAL_S)
        self._pending = Maturing[tuple[Side, float, float, float]](_JUDGED_S)
        self._impact = {side: (EwAverage(_TOXIC_NOW_S), EwAverage(_USUAL_S)) for side in Side}
        # Orders of the same five seconds share their outcome: one of each side's is enough.
        self._persistence = Trust()
        self._next_ns = dict.fromkeys(Side, 0)
        # Volume and frequency are of the time in which the market was seen.
        self._observed = ObservedTime()
        self._first_ns = -1
        self._books = 0

    def on_book(self, book: Book) -> None:
        """The touch changed."""
        observed_ns = self._observed.seen(book.ts_ns)
        for (side, before, usual, beyond), after in self._pending.on_mid(book.ts_ns, book.mid):
            impact = side * (after - before)
            if book.ts_ns >= self._next_ns[side]:
                self._next_ns[side] = book.ts_ns + round(_JUDGED_S * 1e9)
                self._persistence.update(beyond, impact - usual)
            for average in self._impact[side.opposite]:
                average.update(observed_ns, impact)
        if book.bids and book.asks:
            size = book.bids[0].size + book.asks[0].size
            for depth in self._depth:
                depth.update(observed_ns, size)
        self._books += 1
        if self._first_ns < 0:
            self._first_ns = observed_ns

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        observed_ns = self._observed.seen(trade.ts_ns)
        for total in self._volume:
            total.add(observed_ns, trade.size)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._observed.interrupted()
        self._pending.interrupted()

    def on_market_order(self, order: MarketOrder) -> None:
        """A market order is complete."""
        usual, beyond = self._lately(order.side.opposite)
        self._pending.add(order.ts_ns, (order.side, order.mid, usual, beyond))

    def volume_ratio(self, now_ns: int) -> float:
        """Volume of the last half minute to that of the last ten, between a half and two; 1 while unknown."""
        observed_ns = self._observed.at(now_ns)
        seen_s = (observed_ns - self._first_ns) * 1e-9
        if self._first_ns < 0 or seen_s < 2 * _NOW_S:
            return 1.0
        now, usual = (total.at(observed_ns) for total in self._volume)
        # Both sums have seen the same time: each is of what its memory holds of it.
        now /= -_NOW_S * math.expm1(-seen_s / _NOW_S)
        usual /= -_USUAL_S * math.expm1(-seen_s / _USUAL_S)
        return min(_MOST, max(1 / _MOST, now / usual)) if usual > 0 else 1.0

    def quote_interval_s(self, now_ns: int) -> float:
        """Mean time between two quotes of the market, seconds."""
        return (self._observed.at(now_ns) - self._first_ns) * 1e-9 / max(1, self._books)

    @property
    def depth_ratio(self) -> float:
        """Size at the touch to what it usually is, at most one; 1 while unknown."""
        now, usual = (depth.value for depth in self._depth)
        return min(1.0, now / usual) if usual > 0 else 1.0

    def toxicity(self, side: Side) -> float:
        """What market orders that fill our `side` will move the mid against us beyond the usual; price, signed.

        What they have moved it lately beyond the usual, times the share of that which has so far come true for the
        orders that followed.
        """
        _, beyond = self._lately(side)
        return self._persistence.value * beyond

    def _lately(self, side: Side) -> tuple[float, float]:
        """The usual impact of orders that fill `side`, and what was beyond it lately; zeros before the first."""
        now, usual = (average.value for average in self._impact[side])
        return (0.0, 0.0) if math.isnan(now) else (usual, now - usual)
