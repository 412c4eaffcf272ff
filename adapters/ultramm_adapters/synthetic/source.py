"""The synthetic market as a source of events."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ultramm.errors import DataError
from ultramm.nautilus.source import Pace
from ultramm.nautilus.synthetic import synthetic_events, synthetic_instrument
from ultramm.simulation.events import Market
from ultramm.simulation.presets import PRESETS
from ultramm.simulation.scenarios import SCENARIOS, Staged
from ultramm.simulation.synthetic import SyntheticMarket
from ultramm_adapters.synthetic.params import SyntheticParams

# How far a scenario may push the price, basis points of the start price: one that comes to zero is no market.
_MOST_PUSH_BPS = 5_000


class SyntheticSource:
    """One market of agents for each symbol, each with random numbers of its own.

    Parameters
    ----------
    venue : str
        Venue of the instruments.
    symbols : list of str
        Such as ``BTCUSDT``.
    params : SyntheticParams
        The market.
    seed : int
        Used when the parameters give none.

    Raises
    ------
    DataError
        When a symbol cannot be quoted, or a scenario would push the price to nothing.
    """

    def __init__(self, venue: str, symbols: list[str], params: SyntheticParams, seed: int) -> None:
        _check_scenario(params)
        self._params = params
        self._seed = params.seed if params.seed is not None else seed
        self._instruments = [
            synthetic_instrument(symbol, venue, params.start_price, params.tick_bps, params.lot_size)
            for symbol in symbols
        ]

    def instruments(self) -> list[Any]:
        return list(self._instruments)

    def pace(self) -> Pace:
        return Pace(speed=1.0)

    def files(self) -> list[Path]:
        return []

    def events(self, *, endless: bool = False) -> Iterator[Any]:
        params = self._params
        duration_s = None if endless else params.duration_s
        if params.scenario is not None and duration_s is not None and params.scenario_at_s >= duration_s:
            raise DataError(
                f"params.scenario_at_s: {params.scenario_at_s:g} is not before the end, duration_s {duration_s:g}"
            )
        streams = []
        for index, instrument in enumerate(self._instruments):
            market = self._market(self._seed + index)
            streams.append(synthetic_events(market, instrument, params.start_price, params.pace, duration_s))
        return streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda event: event.ts_init)

    def _market(self, seed: int) -> Market:
        params, preset = self._params, PRESETS[self._params.preset]
        if params.scenario is None:
            return SyntheticMarket(preset, seed)
        return Staged(preset, seed, SCENARIOS[params.scenario], params.scenario_at_s * params.pace)


def _check_scenario(params: SyntheticParams) -> None:
    if params.scenario is None:
        return
    fall_bps = SCENARIOS[params.scenario].deepest * PRESETS[params.preset].sigma_ticks * params.tick_bps
    if fall_bps > _MOST_PUSH_BPS:
        raise DataError(
            f"params.scenario: {params.scenario} would take {fall_bps / 100:.0f} % off the price: "
            f"make tick_bps smaller than {_MOST_PUSH_BPS / fall_bps * params.tick_bps:g}"
        )
