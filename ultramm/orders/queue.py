"""Where our orders stand in the queues of their prices, as far as trades and level sizes tell.

Trades take from the front. A level that shrinks by more than was traded was cancelled somewhere: ahead of us or behind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ultramm.market import Side

_DUST = 1e-12


class Place:
    """One order in the queue of its price.

    Parameters
    ----------
    side : Side
        Of the order.
    ticks : int
        Its price.
    ahead : float
        Size that trades first.
    level : float
        Size of others at the price, as last seen; NaN while it is out of sight.
    """

    __slots__ = ("ahead", "level", "side", "ticks", "traded")

    def __init__(self, side: Side, ticks: int, level: float) -> None:
        self.side = side
        self.ticks = ticks
        self.ahead = level
        self.level = level
        # Since the level was last seen: what it will be smaller by without any cancel.
        self.traded = 0.0


class QueuePlaces:
    """Places of our resting orders.

    An unexplained decrease ``d`` of a level with ``a`` ahead of us and ``b`` behind takes ``d f(a) / (f(a) + f(b))``
    from ahead, ``f(x) = x^power``: the longer part of a queue loses more.

    Parameters
    ----------
    power : float, optional
        None for the pessimist: whoever cancels was behind us.

    References
    ----------
    E. Rigtorp, "Estimating order queue position" (2013); the powers 2 and 3 as in hftbacktest.
    """

    def __init__(self, power: float | None = 3.0) -> None:
        self._power = power
        self._places: dict[str, Place] = {}

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def join(self, order_id: str, side: Side, ticks: int, level: float) -> None:
        """An order came to rest behind `level`, the size of others at its price; NaN where that is out of sight."""
        self._places[order_id] = Place(side, ticks, level)

    def leave(self, order_id: str) -> None:
        """It rests no more."""
        self._places.pop(order_id, None)

    def front(self, order_id: str) -> None:
        """An order has traded in part: nothing is ahead of it any more."""
        place = self._places.get(order_id)
        if place is not None:
            place.ahead = 0.0

    def ahead(self, order_id: str) -> float:
        """Size that trades before the order, estimated; NaN while its level has never been in sight."""
        return self._places[order_id].ahead

    def on_trade(self, taker: Side | None, ticks: int, size: float) -> dict[str, float]:
        """Somebody took; gives for each order that was reached how much of the trade came past who stood ahead.

        Parameters
        ----------
        taker : Side or None
            None where the feed does not say: both sides are taken to have been reached.
        """
        reached = {}
        for order_id, place in self._places.items():
            if taker is place.side:
                continue
            beyond = place.side * (place.ticks - ticks)
            if beyond > 0:
                place.ahead = 0.0
                reached[order_id] = size
            elif beyond == 0 and not math.isnan(place.ahead):
                left = size - place.ahead
                place.traded += min(size, place.level)
                place.ahead = max(0.0, -left)
                if left > _DUST:
                    reached[order_id] = left
        return reached

    def on_level(self, side: Side, ticks: int, size: float) -> None:
        """Others have `size` at a price now."""
        for place in self._places.values():
            if place.side is side and place.ticks == ticks:
                self._shrink(place, size)

    def on_best(self, side: Side, ticks: int, size: float) -> None:
        """The best price of others and their size there; behind it nothing is seen."""
        for place in self._places.values():
            if place.side is side and side * (place.ticks - ticks) >= 0:
                self._shrink(place, size if place.ticks == ticks else 0.0)

    def on_levels(self, side: Side, sizes: dict[int, float]) -> None:
        """Sizes of others by price, best first: there are none between them or in front, and the last ends the view."""
        if not sizes:
            return
        last = side * next(reversed(sizes))
        for place in self._places.values():
            if place.side is side and side * place.ticks >= last:
                self._shrink(place, sizes.get(place.ticks, 0.0))

    def _shrink(self, place: Place, size: float) -> None:
        if math.isnan(place.level):
            # First seen only now: whoever is there may have been there before us, unless a trade went past us.
            place.ahead = size if math.isnan(place.ahead) else place.ahead
            place.level = size
            place.traded = 0.0
            return
        cancelled = place.level - place.traded - size
        if cancelled > _DUST and place.ahead > 0 and self._power is not None:
            behind = max(0.0, place.level - place.traded - place.ahead)
            ahead, after = place.ahead**self._power, behind**self._power
            place.ahead -= cancelled * ahead / (ahead + after)
        # There cannot be more ahead than there is; the pessimist too must believe that.
        place.ahead = max(0.0, min(place.ahead, size))
        place.level = size
        place.traded = 0.0
