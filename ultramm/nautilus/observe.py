"""A market played by the kernel to a maker that only looks: the rows that models learn from.

It is told of the market just as a maker that trades is, by the same shell and at the same moments: so what a model
learns from is what it will see.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ultramm.config.resolve import Resolved, ResolvedStrategy
from ultramm.config.schema import Strategy
from ultramm.errors import DataError
from ultramm.learning.dataset import Dataset
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
    return seen.dataset(instrument, leader, result.data, result.seed)
