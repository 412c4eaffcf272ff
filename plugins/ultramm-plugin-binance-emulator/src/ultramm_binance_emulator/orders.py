"""Orders as the venue keeps them, what they traded, and the books they rest in: the same for every product."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from ultramm.market import Side
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.matching import Matching, Resting, Tif
from ultramm_binance_emulator.symbols import ZERO, Symbol

Json = dict[str, Any]
# As many digits as the venue's have: clients sort them as text.
FIRST_ID = 1_000_000_001
_OPEN = ("NEW", "PARTIALLY_FILLED")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A price that an order waits for, from below (`rising`) or from above."""

    price: Decimal
    rising: bool

    @classmethod
    def of(cls, kind: str, side: Side, price: Decimal) -> Trigger:
        """A stop waits for a price that is worse for who comes late, one that takes profit for a better one."""
        return cls(price, rising=(side is Side.BUY) is not kind.startswith("TAKE_PROFIT"))

    def met(self, price: Decimal) -> bool:
        return price >= self.price if self.rising else price <= self.price


class Listener(Protocol):
    """Who is told what happens."""

    def on_user_event(self, account: Account, event: Json) -> None: ...

    def on_trade(self, symbol: Symbol, trade: Json) -> None: ...

    def on_levels(self, symbol: Symbol, changed: Iterable[tuple[Side, int]]) -> None: ...


@dataclass(slots=True, eq=False)
class Order:
    """An order as the venue keeps it, for good.

    Attributes
    ----------
    trigger : Trigger, optional
        What it waits for, or waited for.
    waits : bool
        Whether it is not in the book yet.
    iceberg : Decimal
        How much of it the book shows at a time; zero for all.
    replaced_id : str
        What it was called before it was amended.
    filled, quote_filled : Decimal
        What it traded.
    fills : list of Fill
        One by one.
    locked : Decimal
        What is set aside for it.
    """

    id: int
    client_id: str
    account: Account
    symbol: Symbol
    side: Side
    type: str
    tif: Tif
    price: Decimal
    quantity: Decimal
    resting: Resting
    status: str
    created_ms: int
    updated_ms: int
    reduce_only: bool = False
    trigger: Trigger | None = None
    waits: bool = False
    iceberg: Decimal = ZERO
    replaced_id: str = ""
    filled: Decimal = ZERO
    quote_filled: Decimal = ZERO
    locked: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.status in _OPEN

    @property
    def left(self) -> Decimal:
        """What it has not traded yet."""
        return self.quantity - self.filled

    @property
    def post_only(self) -> bool:
        return self.tif is Tif.GTX or self.type == "LIMIT_MAKER"

    @property
    def priced(self) -> bool:
        """Whether it has a limit."""
        return self.resting.ticks is not None

    @property
    def rests(self) -> bool:
        """Whether what is left of it stays in the book."""
        return self.priced and self.tif in (Tif.GTC, Tif.GTX)

    @property
    def stop_price(self) -> Decimal:
        return ZERO if self.trigger is None else self.trigger.price


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of an order; `fee` is paid in `asset`, `realised` is the profit of what it closed."""

    order: Order
    trade_id: int
    time_ms: int
    price: Decimal
    quantity: Decimal
    maker: bool
    fee: Decimal
    asset: str
    realised: Decimal = ZERO

    @property
    def value(self) -> Decimal:
        return self.price * self.quantity


class Book:
    """One symbol: its matching, and the trades that were made in it."""

    def __init__(self, symbol: Symbol, base_ticks: int) -> None:
        self.symbol = symbol
        self.matching = Matching()
        self.base_ticks = base_ticks
        self.last_price = symbol.price(base_ticks)
        self.trade_ids = itertools.count(FIRST_ID)
        # Orders that wait for a price, by their number.
        self.waiting: dict[int, Order] = {}

    def due(self) -> Order | None:
        """The first order whose price has come."""
        return next(
            (o for o in self.waiting.values() if o.trigger is not None and o.trigger.met(self.last_price)), None
        )

    def cost(self, side: Side, lots: int) -> Decimal:
        """What it would cost to take `lots` from a side of the book, as far as there are any."""
        total = ZERO
        for ticks, there in self.matching.levels(side):
            taken = min(lots, there)
            total += self.symbol.price(ticks) * self.symbol.quantity(taken)
            lots -= taken
            if not lots:
                break
        return total
