"""Parameters of the adaptive market maker."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.maker import EngineParams

_DEPTH_LEVELS = 10
InstrumentId = Annotated[str, msgspec.Meta(pattern=r"^[^.]+(\.[^.]+)*\.[A-Z][A-Z0-9_]*$")]


class AdaptiveParams(EngineParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the adaptive market maker; those of `ultramm.maker.EngineParams` hold as well.

    Parameters
    ----------
    min_edge_bps : float
        Least to earn on each fill after its fee, basis points.
    volatility, volume, liquidity, toxicity, order_flow, trend, mean_reversion, edge_gate, probe : bool
        Which effects there are: see the README.
    confidence_z : float
        Standard errors by which the edge of a depth must be above costs to be quoted.
    toxicity_gain : float
        Share of recent adverse selection beyond the usual that is added to the depth.
    reference : str, optional
        Another instrument whose moves are part of the forecast, ``SYMBOL.VENUE``.
    forecast_s : float
        How far the forecast looks ahead, seconds.
    edge_s : float
        After what time a fill must have earned for sure, seconds; longer where the market quotes rarely.
    lasting_s : float
        After what time what it earned must not be gone, seconds; longer where the market quotes rarely.
    edge_memory_s : float
        Time over which edges are averaged, seconds.
    probe_loss_bps : float, optional
        No probes once the strategy has lost so much of one order in all, basis points; by default what it costs to
        take one, so that there are none where taking is free.
    """

    min_edge_bps: float = 0.0
    volatility: bool = True
    volume: bool = True
    liquidity: bool = True
    toxicity: bool = True
    order_flow: bool = True
    trend: bool = True
    mean_reversion: bool = True
    edge_gate: bool = True
    probe: bool = True
    confidence_z: NonNegative = 1.645
    toxicity_gain: NonNegative = 1.0
    reference: InstrumentId | None = None
    forecast_s: Positive = 1.0
    edge_s: Positive = 5.0
    lasting_s: Positive = 30.0
    edge_memory_s: Positive = 3_600.0
    probe_loss_bps: NonNegative | None = None

    @property
    def depth_levels(self) -> int:
        return _DEPTH_LEVELS if self.order_flow else super().depth_levels
