"""Price-time priority over a market that goes on as if its guests were not there.

Others' orders are level sizes and trades that come from outside; members' orders rest among them. A member's order is
behind what others had at its price when it came, is filled by what trades past that, and at once by what crosses it.
What a member takes from others is gone until the market changes that level.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sortedcontainers import SortedDict

from ultramm.market import Side
from ultramm.orders.queue import QueuePlaces
from ultramm.simulation.events import LevelChange, MarketTrade


class Tif(enum.Enum):
    """How long an order is good."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"  # only rests


@dataclass(slots=True, eq=False)
class Resting:
    """A member's order in whole ticks and lots; `ticks` is None for a market order.

    Parameters
    ----------
    tip : int, optional
        Of an iceberg: how much of it the book shows; the next part comes when that has traded, at the queue's end.

    Attributes
    ----------
    left : int
        What may still trade: nothing of an order that was cancelled.
    shown : int
        What of it the book shows.
    """

    id: str
    owner: str
    side: Side
    ticks: int | None
    lots: int
    tip: int | None = None
    left: int = field(init=False)
    shown: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.lots
        self.show()

    def show(self) -> None:
        """Show the next part."""
        self.shown = self.left if self.tip is None else min(self.tip, self.left)


@dataclass(frozen=True, slots=True)
class Match:
    """Lots of a member's order that traded; `against` is the other member's order, None where it was the market."""

    order: Resting
    ticks: int
    lots: int
    maker: bool
    against: Resting | None = None


class Matching:
    """One symbol's book.

    Matches are given one by one as they are made: who takes them may cancel or shrink other orders in between, and
    must take them all.
    """

    def __init__(self) -> None:
        # Of others: lots by ticks, keys in signed ticks so that the best of either side comes last.
        self._others: dict[Side, SortedDict] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        # Of members: orders in time's order, by signed ticks.
        self._members: dict[Side, SortedDict] = {Side.BUY: SortedDict(), Side.SELL: SortedDict()}
        # The pessimist: who cancels was behind.
        self._places = QueuePlaces(None)

    # -- what is there ---------------------------------------------------------------------------------------

    def best(self, side: Side) -> int | None:
        """The best price of a side, members and others, ticks."""
        found = [int(book.peekitem()[0]) for book in (self._others[side], self._members[side]) if book]
        return side * max(found) if found else None

    def levels(self, side: Side) -> Iterator[tuple[int, int]]:
        """Ticks and lots, best first, members and others together."""
        merged = dict(self._others[side])
        for signed, orders in self._members[side].items():
            merged[signed] = merged.get(signed, 0) + sum(order.shown for order in orders)
        for signed in sorted(merged, reverse=True):
            yield side * signed, merged[signed]

    def lots_at(self, side: Side, ticks: int) -> int:
        """What the book shows at a price."""
        signed = side * ticks
        members: int = sum(order.shown for order in self._members[side].get(signed, ()))
        return int(self._others[side].get(signed, 0)) + members

    def would_take(self, side: Side, ticks: int) -> bool:
        """Whether an order at that price would trade at once."""
        other = self.best(side.opposite)
        return other is not None and side * (ticks - other) >= 0

    # -- members ---------------------------------------------------------------------------------------------

    def place(self, order: Resting, tif: Tif) -> Iterator[Match]:
        """Match an order; what is left of one that is good till cancelled rests."""
        if tif is Tif.FOK and not self.fills_at_once(order):
            return
        yield from self._take(order)
        if order.left and tif in (Tif.GTC, Tif.GTX) and order.ticks is not None:
            self._rest(order)

    def shrink(self, order: Resting, left: int) -> None:
        """Leave less of an order, which keeps its place."""
        order.lots -= order.left - left
        order.left = left
        order.shown = min(order.shown, left) if order.tip is not None else left

    def own_in_reach(self, order: Resting) -> list[Resting]:
        """Orders of the same owner that it would meet, best first."""
        return [
            other
            for signed in self._reached(order, self._members[order.side.opposite])
            for other in self._members[order.side.opposite][signed]
            if other.owner == order.owner
        ]

    def cancel(self, order: Resting) -> None:
        """Take an order out of the book."""
        order.left = order.shown = 0
        self._leave(order)

    def _leave(self, order: Resting) -> None:
        assert order.ticks is not None
        signed = order.side * order.ticks
        queue = self._members[order.side][signed]
        queue.remove(order)
        if not queue:
            del self._members[order.side][signed]
        self._places.leave(order.id)

    def _rest(self, order: Resting) -> None:
        assert order.ticks is not None
        order.show()
        signed = order.side * order.ticks
        self._members[order.side].setdefault(signed, deque()).append(order)
        self._places.join(order.id, order.side, order.ticks, float(self._others[order.side].get(signed, 0)))

    def _reached(self, order: Resting, book: SortedDict) -> list[int]:
        """Signed prices of the opposite side that an order comes to, best first."""
        if order.ticks is None:
            return list(reversed(book))
        # Signed for the opposite side: the least that is still within the order's price.
        limit = order.side.opposite * order.ticks
        return list(reversed(list(book.irange(minimum=limit))))

    def fills_at_once(self, order: Resting) -> bool:
        """Whether all of an order would trade."""
        side = order.side.opposite
        others, members = self._others[side], self._members[side]
        total: int = sum(others[signed] for signed in self._reached(order, others))
        total += sum(other.left for signed in self._reached(order, members) for other in members[signed])
        return total >= order.lots

    def _take(self, order: Resting) -> Iterator[Match]:
        side = order.side.opposite
        others, members = self._others[side], self._members[side]
        prices = sorted({*self._reached(order, others), *self._reached(order, members)}, reverse=True)
        for signed in prices:
            # Again for icebergs that show another part.
            while order.left and (others.get(signed) or members.get(signed)):
                yield from self._take_at(order, side, signed, others, members)

    def _take_at(
        self, order: Resting, side: Side, signed: int, others: SortedDict, members: SortedDict
    ) -> Iterator[Match]:
        """Of one price, in time's order: what others had before each member, the member, and the rest of others."""
        ticks = side * signed
        for resting in list(members.get(signed, ())):
            if not resting.left:
                continue
            ahead = min(round(self._places.ahead(resting.id)), int(others.get(signed, 0)), order.left)
            if ahead:
                yield self._from_others(order, signed, ticks, ahead, others)
                self._places.on_trade(order.side, ticks, float(ahead))
            lots = min(resting.shown, order.left)
            if not lots:
                return
            order.left -= lots
            self.fill(resting, lots)
            yield Match(order, ticks, lots, maker=False, against=resting)
            yield Match(resting, ticks, lots, maker=True, against=order)
        rest = min(int(others.get(signed, 0)), order.left)
        if rest:
            yield self._from_others(order, signed, ticks, rest, others)

    @staticmethod
    def _from_others(order: Resting, signed: int, ticks: int, lots: int, others: SortedDict) -> Match:
        order.left -= lots
        others[signed] -= lots
        if not others[signed]:
            del others[signed]
        return Match(order, ticks, lots, maker=False)

    def fill(self, order: Resting, lots: int) -> None:
        """Take lots off a resting order; with nothing left it leaves the book, with more to show it queues again."""
        order.left -= lots
        order.shown -= lots
        if not order.left:
            self.cancel(order)
        elif order.shown <= 0:
            self._leave(order)
            self._rest(order)

    # -- the market ------------------------------------------------------------------------------------------

    def on_trade(self, trade: MarketTrade) -> Iterator[Match]:
        """Others traded: what of it comes past those before a member's order fills that order too."""
        reached = self._places.on_trade(trade.side, trade.ticks, float(trade.lots))
        side, budget = trade.side.opposite, trade.lots
        for signed in list(reversed(list(self._members[side].irange(minimum=side * trade.ticks)))):
            through = signed > side * trade.ticks
            for order in list(self._members[side].get(signed, ())):
                # Of an iceberg that is not traded through, the next part queues behind whoever is there.
                lots = min(round(reached.get(order.id, 0.0)), order.left if through else order.shown, budget)
                if lots > 0:
                    budget -= lots
                    self.fill(order, lots)
                    yield Match(order, side * signed, lots, maker=True)

    def on_levels(self, changes: Iterable[LevelChange]) -> Iterator[Match]:
        """Others' levels changed; fills members whose price others have come to meet or cross."""
        for change in changes:
            book, signed = self._others[change.side], change.side * change.ticks
            if change.lots:
                book[signed] = change.lots
            else:
                book.pop(signed, None)
            self._places.on_level(change.side, change.ticks, float(change.lots))
        for side in Side:
            yield from self._crossed(side)

    def _crossed(self, side: Side) -> Iterator[Match]:
        """Others who offer at a member's price or better trade with it, at the member's price."""
        members, others = self._members[side], self._others[side.opposite]
        while members and others:
            signed, orders = members.peekitem()
            facing, lots = others.peekitem()
            if signed < -facing:
                return
            order = orders[0]
            traded = min(order.shown, int(lots))
            others[facing] -= traded
            if not others[facing]:
                del others[facing]
            self.fill(order, traded)
            yield Match(order, side * signed, traded, maker=True)
