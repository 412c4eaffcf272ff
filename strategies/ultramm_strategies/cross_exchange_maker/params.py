"""Parameters of the cross-exchange maker."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.maker import MakerParams

_LARGEST_BPS = 10_000.0


class CrossExchangeMakerParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the cross-exchange maker; those of `ultramm.maker.MakerParams` hold as well.

    Parameters
    ----------
    other : str
        Where fills are hedged, ``SYMBOL.VENUE``, by a ``hedger`` that covers it.
    order_size : float
        Size of each order.
    edge_bps : float
        What a fill is to bring after all costs, basis points.
    levels : int
        Orders a side, each hedged behind those before it.
    level_step_bps : float
        How much more edge each further order is to bring, basis points.
    other_fee_bps : float
        What taking costs there, basis points.
    delay_s : float
        From a fill to its hedge, seconds: with `cushion` it widens the quotes by what the price does meanwhile.
    cushion : float
        Standard deviations of that.
    depth_share : float
        Share of what is shown there that is counted on.
    rate : float
        Worth of the other's quote currency in this one's.
    basis_s : float
        The mean difference of both mids over so many seconds is taken for usual, and off: of a perpetual or a future,
        which costs another price for longer. 0 = any difference is there to be earned.
    join : bool
        Stand no further inside the market than one tick before the best of others.
    lean_bps : float
        At a full position: how much less edge is wanted of what brings the venues' balances back, and how much more of
        what takes them further apart, basis points.
    volatility_s : float
        Time over which volatility is measured, seconds.
    """

    other: str
    order_size: Positive
    edge_bps: Annotated[float, msgspec.Meta(ge=-_LARGEST_BPS, le=_LARGEST_BPS)]
    levels: Annotated[int, msgspec.Meta(ge=1, le=50)] = 1
    level_step_bps: NonNegative = 1.0
    other_fee_bps: Annotated[float, msgspec.Meta(ge=-100, le=1000)] = 5.0
    delay_s: NonNegative = 0.25
    cushion: NonNegative = 1.0
    depth_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    rate: Positive = 1.0
    basis_s: NonNegative = 0.0
    join: bool = True
    lean_bps: NonNegative = 0.0
    volatility_s: Positive = 60.0

    @property
    def reference(self) -> str | None:
        return self.other

    @property
    def reference_levels(self) -> int:
        """All of the book that a hedge could need."""
        return 20

    def __post_init__(self) -> None:
        if self.max_position < self.order_size:
            raise ValueError("max_position is below order_size: no order would fit")
