"""Fills that come together: somebody knows something, or sweeps the book; the side that is hit rests."""

from __future__ import annotations

from collections import deque
from typing import Annotated

import msgspec

from ultramm.bounds import Positive
from ultramm.market import Side
from ultramm.risk.caution import Caution


class BurstLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a side rests, and for how long.

    Parameters
    ----------
    orders : int
        Orders of one side filled, partly or wholly, within `within_s`.
    within_s, rest_s : float
        Seconds.
    """

    orders: Annotated[int, msgspec.Meta(ge=2)] = 3
    within_s: Positive = 1.0
    rest_s: Positive = 2.0


class FillBursts:
    """Remembers the last fills of each side; O(1)."""

    name = "fill burst"

    def __init__(self, limits: BurstLimits) -> None:
        self._limits = limits
        self._within_ns = round(limits.within_s * 1e9)
        self._rest_ns = round(limits.rest_s * 1e9)
        self._fills: dict[Side, deque[tuple[int, str]]] = {side: deque() for side in Side}
        self._until_ns = dict.fromkeys(Side, 0)

    def on_fill(self, ts_ns: int, side: Side, order_id: str) -> None:
        """An order of ours was filled, at least in part."""
        fills = self._fills[side]
        fills.append((ts_ns, order_id))
        while fills[0][0] < ts_ns - self._within_ns or len(fills) > 10 * self._limits.orders:
            fills.popleft()
        if len({each for _, each in fills}) >= self._limits.orders:
            self._until_ns[side] = ts_ns + self._rest_ns

    def interrupted(self) -> None:
        """Fills are ours, whatever was seen of the market."""

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        """The sides that rest."""
        limits = self._limits
        reason = f"{limits.orders} orders of it were filled within {limits.within_s:g} s: it rests"
        return [(side, Caution(reason, pulled=True)) for side in Side if now_ns < self._until_ns[side]]
