"""A session of the synthetic market, written into a catalog."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from nautilus_trader.model.data import TradeTick

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import IMPORTER_VERSION, ImportRecord, ImportSummary
from ultramm.nautilus.catalog.staging import Staging, find_import
from ultramm.nautilus.synthetic import EPOCH_NS, synthetic_events, synthetic_instrument
from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket

_CHUNK = 50_000
_START_PRICE, _TICK_BPS, _LOT_SIZE = 50_000.0, 1.0, 0.01


def generate(
    catalog: Path,
    instrument_id: str,
    preset: str,
    *,
    seed: int,
    duration_s: float,
    pace: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> ImportSummary:
    """Generate a session, the same for the same arguments; a session that is there already is left alone.

    Parameters
    ----------
    instrument_id : str
        ``SYMBOL.VENUE`` of the instrument to make.
    preset : str
        One of `ultramm.simulation.presets.PRESETS`.
    duration_s : float
        Length, seconds of the data; `pace` seconds of market each.
    progress : callable, optional
        Called with the seconds done.

    Raises
    ------
    DataError
        When the instrument's name is wrong, or the catalog holds something else of that time.
    """
    symbol, _, venue = instrument_id.rpartition(".")
    if not symbol or not venue:
        raise DataError(f"--instrument: {instrument_id!r} must be SYMBOL.VENUE, such as BTCUSDT.SIM")
    instrument = synthetic_instrument(symbol, venue, _START_PRICE, _TICK_BPS, _LOT_SIZE)
    target = catalog.resolve()
    key = [hashlib.sha256(repr((preset, seed, duration_s, pace)).encode()).hexdigest()]
    if done := find_import(target, key, instrument_id):
        return msgspec.structs.replace(done.summary, already_imported=True)
    events = synthetic_events(SyntheticMarket(PRESETS[preset], seed), instrument, _START_PRICE, pace, duration_s)
    kept = {"deltas": 0, "trades": 0, "batches": 0}
    last_ns = EPOCH_NS
    with Staging(target) as staging:
        staging.write([instrument])
        deltas: list[Any] = []
        trades: list[Any] = []
        for ts_ns, group in groupby(events, key=lambda event: event.ts_init):
            last_ns = ts_ns
            for event in group:
                if isinstance(event, TradeTick):
                    trades.append(event)
                else:
                    deltas.extend(event.deltas)
                    kept["batches"] += 1
            if len(deltas) >= _CHUNK:
                _write(staging, deltas, trades, kept)
                if progress is not None:
                    progress((ts_ns - EPOCH_NS) * 1e-9)
        _write(staging, deltas, trades, kept)
        summary = ImportSummary(
            files=[f"synthetic {preset}, seed {seed}"],
            instrument_id=instrument_id,
            product="synthetic",
            rows=kept["batches"] + kept["trades"],
            kept=kept,
            dropped={},
            first_ns=EPOCH_NS,
            last_ns=last_ns,
        )
        staging.publish(ImportRecord(key, instrument_id, IMPORTER_VERSION, summary))
    return summary


def _write(staging: Staging, deltas: list[Any], trades: list[Any], kept: dict[str, int]) -> None:
    for kind, data in (("deltas", deltas), ("trades", trades)):
        staging.write(data)
        kept[kind] += len(data)
        data.clear()
