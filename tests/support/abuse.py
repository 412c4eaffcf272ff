"""A strategy that tries to break every limit, and who keeps count of whether it did."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

from ultramm.journal.records import FillEvent, OrderEvent
from ultramm.maker import MakerParams
from ultramm.market import Book, Instrument, Quote, Side
from ultramm.quoting.decision import Decision

_ENDED = {"cancelled", "rejected", "denied", "expired", "filled"}


class AbuserParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of its random numbers.

    Parameters
    ----------
    seed : int
    """

    seed: int = 1


class Abuser:
    """Wants whatever a broken strategy could want: too much, too far, too often, on the wrong side, at no price."""

    def __init__(self, params: AbuserParams, instrument: Instrument) -> None:
        self._random = random.Random(params.seed)
        self._instrument = instrument
        self._mid = math.nan

    def on_book(self, book: Book) -> None:
        self._mid = book.mid

    def on_trade(self, trade: object) -> None: ...

    def on_fill(self, fill: object) -> None: ...

    def decide(self, now_ns: int, inventory: float) -> Decision:
        dice, mid = self._random, self._mid
        if math.isnan(mid):
            return Decision.nothing("no book yet")
        fair = dice.choice([mid, mid, mid, mid * dice.uniform(0.2, 5.0), math.nan, -mid, 1e-9])
        # Half of them not so wild that nothing passes.
        wild = dice.random() < 0.5
        quotes = [self._quote(mid, wild) for _ in range(dice.choice([1, 2, 3, 8, 40]))]
        return Decision(tuple(quotes), fair, fair)

    def _quote(self, mid: float, wild: bool) -> Quote:
        dice = self._random
        side = dice.choice([Side.BUY, Side.SELL])
        away = dice.choice([1e-4, 1e-3, 0.05, 0.5]) if wild else 2e-4
        price = mid * (1.0 - side * away * dice.uniform(-0.3, 1.0))
        lots = dice.choice([1, 1, 2, 3, 50, 10**6]) if wild else dice.randint(1, 4)
        return Quote(side, max(1, self._instrument.ticks(price)), lots, taking=wild and dice.random() < 0.1)


class Auditor:
    """Replays what happened to orders, and holds the worst case of each moment against the limits.

    Parameters
    ----------
    max_position, max_notional : float
    max_open_orders : int

    Attributes
    ----------
    attempts : int
        Orders that left.
    breaches : list of str
        In words, each time that a limit did not hold.
    most : Counter
        The most that was seen of each.
    """

    def __init__(self, max_position: float, max_notional: float, max_open_orders: int) -> None:
        self._limits = max_position, max_notional, max_open_orders
        self._live: dict[str, tuple[int, float, float]] = {}
        self._position = 0.0
        self.attempts = 0
        self.breaches: list[str] = []
        self.most: Counter[str] = Counter()

    def take(self, record: Any) -> None:
        """The next record of the journal."""
        if isinstance(record, OrderEvent):
            if record.event == "sent":
                self._live[record.order_id] = (1 if record.side == "BUY" else -1, record.price, record.size)
                self.attempts += 1
                self._audit(record)
            elif record.event in _ENDED:
                self._live.pop(record.order_id, None)
        elif isinstance(record, FillEvent):
            self._position = record.position
            side, price, size = self._live.get(record.order_id, (0, 0.0, 0.0))
            if size - record.size > 1e-9:
                self._live[record.order_id] = (side, price, size - record.size)
            else:
                self._live.pop(record.order_id, None)

    def _audit(self, record: OrderEvent) -> None:
        max_position, max_notional, max_open_orders = self._limits
        side = 1 if record.side == "BUY" else -1
        worst = self._position + sum(s * size for s, _, size in self._live.values() if s == side)
        reach = max(0.0, worst * side)
        found = {
            "position": (reach, max_position),
            "notional": (reach * record.price, max_notional),
            "open orders": (float(len(self._live)), float(max_open_orders)),
        }
        for name, (value, limit) in found.items():
            self.most[name] = max(self.most[name], value)  # type: ignore[assignment]
            if value > limit * (1 + 1e-9):
                self.breaches.append(f"{name} {value:g} of {limit:g} by {record.order_id}")
