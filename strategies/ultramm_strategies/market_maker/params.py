"""Parameters of the market maker."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ultramm.maker import MakerParams, NonNegative, Positive


class MarketMakerParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the market maker; those of `ultramm.maker.MakerParams` hold as well.

    Parameters
    ----------
    order_size : float
        Size of the first level.
    half_spread_bps : float
        Distance of the first level from fair value, basis points.
    levels : int
        Orders a side.
    level_step_bps : float
        Distance between levels, basis points; 0 = one tick.
    level_growth : float
        Size of each level relative to the one before it.
    fair_value : {"mid", "weighted-mid"}
        What the quotes are placed around.
    skew : float
        Inventory skew: at full position both quotes have moved by ``skew`` half-spreads; 0 = none.
    target_inventory : float
        Inventory that the skew leans towards, signed, size.
    cover_fees : bool
        Never quote nearer to fair value than the maker fee.
    min_edge_bps : float
        Least to earn a fill beyond the fee, basis points; counts with `cover_fees`.
    """

    order_size: Positive
    half_spread_bps: NonNegative
    levels: Annotated[int, msgspec.Meta(ge=1, le=50)] = 1
    level_step_bps: NonNegative = 0.0
    level_growth: Positive = 1.0
    fair_value: Literal["mid", "weighted-mid"] = "mid"
    skew: NonNegative = 1.0
    target_inventory: float = 0.0
    cover_fees: bool = True
    min_edge_bps: float = 0.0
