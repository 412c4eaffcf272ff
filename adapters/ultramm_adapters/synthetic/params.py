"""Parameters of the synthetic market."""

from __future__ import annotations

from typing import Literal

import msgspec

from ultramm.bounds import NonNegative, Positive


class SyntheticParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market of agents; its random numbers come from `seed`.

    Parameters
    ----------
    preset : {"tight", "wide", "benign", "wide2"}
        Who trades; see `ultramm.simulation.presets`.
    seed : int, optional
        Of the market; the run's seed when left out.
    start_price : float
        Price around which the market begins.
    tick_bps : float
        Size of a tick, basis points of the start price.
    lot_size : float
        Size of the agents' unit of trading.
    pace : float
        Seconds of market a second: 2 makes the same market twice as busy.
    duration_s : float
        Length of a backtest, seconds; a node goes on until it is stopped.
    scenario : {"drop", "flash-crash", "feed-freeze", "sell-burst"}, optional
        What happens to the market; see `ultramm.simulation.scenarios`.
    scenario_at_s : float
        When, seconds from the beginning.
    """

    preset: Literal["tight", "wide", "benign", "wide2"] = "wide"
    seed: int | None = None
    start_price: Positive = 50_000.0
    tick_bps: Positive = 1.0
    lot_size: Positive = 0.01
    pace: Positive = 1.0
    duration_s: Positive = 3600.0
    scenario: Literal["drop", "flash-crash", "feed-freeze", "sell-burst"] | None = None
    scenario_at_s: NonNegative = 600.0
