"""The limits that every order is reviewed against."""

from __future__ import annotations

import math
from typing import Protocol

import msgspec

from ultramm.market import Side


class Funds(msgspec.Struct, frozen=True, kw_only=True):
    """What a maker may use of its account when it starts.

    Parameters
    ----------
    sellable, spendable : float
        Size, and quote currency, of a cash account; infinite on margin, where they may be borrowed.
    equity : float
        Settlement currency of a margin account; infinite for cash.
    leverage : float
        How many times its equity the positions of a margin account may be worth.
    """

    sellable: float = math.inf
    spendable: float = math.inf
    equity: float = math.inf
    leverage: float = 1.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one strategy on one instrument.

    Parameters
    ----------
    max_position : float
        Largest inventory, long or short, size; counted as if every order that could fill had filled.
    max_notional : float
        Largest exposure, `Instrument.notional` of that worst-case inventory.
    max_order_notional : float
        Largest single order that could add to the inventory, `Instrument.notional` of it.
    max_open_orders : int
        Orders at or on their way to the venue.
    price_collar_bps : float
        Furthest that an order may be from fair value, basis points of it.
    max_slippage_bps : float
        Furthest from the mid that an order which must trade may go, basis points of it.
    sellable : float
        Size that a cash account holds beyond what was bought; infinite on margin, where it may be borrowed.
    spendable : float
        Quote currency that a cash account holds beyond what buying back a short position takes; infinite on margin.
    var_position : float
        Largest inventory by its value at risk, size; 0 while that is not known.
    bearable : float
        Worth of a position that a margin account's equity bears, settlement currency; infinite for cash.
    """

    max_position: float = math.inf
    max_notional: float = math.inf
    max_order_notional: float = math.inf
    max_open_orders: int = 100
    price_collar_bps: float = 500.0
    max_slippage_bps: float = 100.0
    sellable: float = math.inf
    spendable: float = math.inf
    var_position: float = math.inf
    bearable: float = math.inf


class Guarding(Protocol):
    """What looks at an order beyond its own maker's limits; each gives in words why it may not leave, or None."""

    def adding(self, side: Side, after_lots: int) -> str | None:
        """The worst case of a side, signed lots, may become that, which is further from zero than before."""

    def crossing(self, side: Side, ticks: int, *, taking: bool) -> str | None:
        """Something comes to stand at `ticks`, or may trade at once as far as that."""
