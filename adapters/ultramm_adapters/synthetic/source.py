"""The synthetic market as a source of events."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ultramm.nautilus.source import Pace
from ultramm.nautilus.synthetic import synthetic_events, synthetic_instrument
from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket
from ultramm_adapters.synthetic.params import SyntheticParams


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
    """

    def __init__(self, venue: str, symbols: list[str], params: SyntheticParams, seed: int) -> None:
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
        streams = []
        for index, instrument in enumerate(self._instruments):
            market = SyntheticMarket(PRESETS[params.preset], self._seed + index)
            streams.append(synthetic_events(market, instrument, params.start_price, params.pace, duration_s))
        return streams[0] if len(streams) == 1 else heapq.merge(*streams, key=lambda event: event.ts_init)
