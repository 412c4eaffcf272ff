"""A market played by the kernel to a maker that only looks: the rows that models learn from.

It is told of the market just as a maker that trades is, by the same shell and at the same moments: so what a model
learns from is what it will see.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from ultramm import __version__
from ultramm.config.resolve import Resolved, ResolvedStrategy
from ultramm.config.schema import Strategy
from ultramm.errors import DataError
from ultramm.features.alpha import VERSION
from ultramm.learning.dataset import About, Dataset
from ultramm.learning.observer import PLUGIN, Observer, ObserverParams
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.shell import MakerShell


class _Observing(Collector):
    def __init__(self) -> None:
        super().__init__()
        self.shell = _Shell
        self.observers: list[Observer] = []


class _Shell(MakerShell):
    def on_start(self) -> None:
        super().on_start()
        assert isinstance(self._record, _Observing)
        strategy = self.maker.strategy
        assert isinstance(strategy, Observer)
        self._record.observers.append(strategy)


def observe(
    resolved: Resolved,
    instrument: str,
    leader: str | None = None,
    every_s: float = 0.1,
    progress: Callable[[int], None] | None = None,
) -> Dataset:
    """Play the venues of a configuration, whatever its strategies, and look at one of their instruments.

    Parameters
    ----------
    instrument, leader : str
        ``SYMBOL.VENUE``.
    every_s : float
        Least time between two rows, seconds.
    progress : callable, optional
        As `run_backtest` calls it.

    Raises
    ------
    DataError
        Nothing of the market was seen.
    """
    params = ObserverParams(refresh_ms=1e3 * every_s, leader=leader)
    settings = Strategy(use=PLUGIN.name, name=PLUGIN.name, instruments=[instrument])
    looking = ResolvedStrategy(settings, PLUGIN, params, resolved.config.risk)
    collector = _Observing()
    alone = msgspec.structs.replace(resolved, strategies=(looking,), plugins=())
    result = run_backtest(alone, progress=progress, collector=collector)
    (seen,) = collector.observers
    if not len(seen.row_ns):
        whole = "" if leader is None else f" and {leader}"
        raise DataError(f"{resolved.loaded.path}: {instrument}{whole}: no book of it was seen")
    bids, asks = np.array(seen.bids), np.array(seen.asks)
    return Dataset(
        about=About(
            instrument=instrument,
            leader=leader,
            features=seen.names,
            features_version=VERSION,
            code=__version__,
            data=result.data,
            seed=result.seed,
        ),
        row_ns=np.array(seen.row_ns),
        rows=np.array(seen.rows).reshape(-1, len(seen.names)),
        touch_ns=np.array(seen.touch_ns),
        mids=0.5 * (bids + asks),
        trade_ns=np.array(seen.trade_ns),
        prices=np.array(seen.prices),
        sides=np.array(seen.sides),
        gap_ns=np.array(seen.gap_ns, dtype=np.int64),
    )
