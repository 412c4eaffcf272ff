"""The limits that every order is reviewed against."""

from __future__ import annotations

import math

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one strategy on one instrument.

    Parameters
    ----------
    max_position : float
        Largest inventory, long or short, size; counted as if every order that could fill had filled.
    max_notional : float
        Largest exposure, `Instrument.notional` of that worst-case inventory.
    max_open_orders : int
        Orders at or on their way to the venue.
    price_collar_bps : float
        Furthest that an order may be from fair value, basis points of it.
    sellable : float
        Size that a cash account holds beyond what was bought; infinite on margin, where it may be borrowed.
    spendable : float
        Quote currency that a cash account holds beyond what buying back a short position takes; infinite on margin.
    """

    max_position: float = math.inf
    max_notional: float = math.inf
    max_open_orders: int = 100
    price_collar_bps: float = 500.0
    sellable: float = math.inf
    spendable: float = math.inf
