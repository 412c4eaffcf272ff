"""Parameters of the market maker."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.maker import MakerParams

TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
InstrumentId = Annotated[str, msgspec.Meta(pattern=r"^[^.]+(\.[^.]+)*\.[A-Z][A-Z0-9_]*$")]

_SEEN_LEVELS = 50  # when others' size is looked through


class LevelParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One level of a side: its distance from fair value, basis points, and its size."""

    at_bps: NonNegative
    size: Positive


Levels = Annotated[list[LevelParams], msgspec.Meta(min_length=1, max_length=50)]


class MarketMakerParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the market maker; those of `ultramm.maker.MakerParams` hold as well.

    Parameters
    ----------
    order_size : float
        Size of the first level.
    half_spread_bps : float
        Distance of the first level from fair value, basis points.
    ask_half_spread_bps : float, optional
        The same for asks alone; `half_spread_bps` is then that of bids.
    levels : int
        Orders a side.
    level_step_bps : float
        Distance between levels, basis points; 0 = one tick.
    level_growth : float
        Size of each level relative to the one before it.
    bid_levels, ask_levels : list of {at_bps, size}, optional
        The levels of a side one by one, instead of all the above.
    fair_value : {"mid", "weighted-mid", "micro-price", "last", "reference"}
        What the quotes are placed around; "last" is the last trade's price, "reference" the mid of `reference`.
    reference : str, optional
        Another instrument to quote around, ``SYMBOL.VENUE``, one of the configuration's venues.
    basis_tau_s : float
        Time over which the reference's distance from the own mid is averaged and added, seconds; 0 = it is not.
    skew : float
        Inventory skew: at full position both quotes have moved by ``skew`` half-spreads; 0 = none.
    size_skew : float
        The same of sizes: at full position the adding side has shrunk and the other has grown by this share.
    target_inventory : float
        Inventory that the skew leans towards, signed, size.
    cover_fees : bool
        Never quote nearer to fair value than the maker fee.
    min_edge_bps : float
        Least to earn a fill beyond the fee, basis points; counts with `cover_fees`.
    placement : {"spread", "join", "improve"}
        Where the first level stands: at its spread; or there and, where others are further from fair value, no nearer
        than they ("join") or than one tick in front of them ("improve").
    placement_depth : float
        Size of others that is looked through to find where they stand.
    ask_placement_depth : float, optional
        The same for asks alone; `placement_depth` is then that of bids.
    take_if_crossed : bool
        Where a first level would trade at once, trade instead of stepping behind; with `cover_fees` only where the
        taker fee is earned.
    hanging_orders : bool
        After a fill the opposite order of its level stays where it is.
    hanging_cancel_bps : float
        Until fair value is this far from it, basis points.
    price_ceiling, price_floor : float, optional
        No bids while fair value is above the one, no asks while it is below the other, price.
    band_bps, band_refresh_s : float
        The same as a band that moves: this far around the fair value that stood when the band was last set, basis
        points (0 = no band), and how often it is set anew, seconds.
    fill_pause_s : float
        After a fill, nothing new is quoted on its side for so long, seconds.
    ping_pong : bool
        A side that was filled rests until the other side has been filled as much.
    open_at, close_at : str, optional
        Quote only between these times of day, ``HH:MM`` in UTC; past midnight where the first is the later.
    """

    order_size: Positive
    half_spread_bps: NonNegative
    ask_half_spread_bps: NonNegative | None = None
    levels: Annotated[int, msgspec.Meta(ge=1, le=50)] = 1
    level_step_bps: NonNegative = 0.0
    level_growth: Annotated[float, msgspec.Meta(gt=0, le=100)] = 1.0
    bid_levels: Levels | None = None
    ask_levels: Levels | None = None
    fair_value: Literal["mid", "weighted-mid", "micro-price", "last", "reference"] = "mid"
    reference: InstrumentId | None = None
    basis_tau_s: NonNegative = 0.0
    skew: NonNegative = 1.0
    size_skew: NonNegative = 0.0
    target_inventory: float = 0.0
    cover_fees: bool = True
    min_edge_bps: float = 0.0
    placement: Literal["spread", "join", "improve"] = "spread"
    placement_depth: NonNegative = 0.0
    ask_placement_depth: NonNegative | None = None
    take_if_crossed: bool = False
    hanging_orders: bool = False
    hanging_cancel_bps: Positive = 1_000.0
    price_ceiling: Positive | None = None
    price_floor: Positive | None = None
    band_bps: NonNegative = 0.0
    band_refresh_s: Positive = 86_400.0
    fill_pause_s: NonNegative = 0.0
    ping_pong: bool = False
    open_at: TimeOfDay | None = None
    close_at: TimeOfDay | None = None

    def __post_init__(self) -> None:
        if (self.open_at is None) != (self.close_at is None):
            raise ValueError("open_at and close_at go together: give both or neither")
        if self.open_at is not None and self.open_at == self.close_at:
            raise ValueError("open_at and close_at are the same: leave both out to quote all day")
        if self.price_ceiling is not None and self.price_floor is not None and self.price_floor > self.price_ceiling:
            raise ValueError("price_floor is above price_ceiling: swap them")
        if (self.fair_value == "reference") != (self.reference is not None):
            raise ValueError("fair_value: reference and reference: SYMBOL.VENUE go together: give both or neither")
        for name in ("bid_levels", "ask_levels"):
            distances = [level.at_bps for level in getattr(self, name) or ()]
            if distances != sorted(distances):
                raise ValueError(f"{name} are not in order: begin with the nearest")

    @property
    def depth_levels(self) -> int:
        return _SEEN_LEVELS if self.placement != "spread" else 1
