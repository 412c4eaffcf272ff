"""One market in memory, traded by the framework's maker or by the bare one, in equal engines.

Time is the processor's, here and in the long runs: a neighbour on the same core does not count.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from itertools import batched, islice, pairwise
from pathlib import Path
from typing import Any

import msgspec
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.identifiers import TraderId, Venue

from bare import BareMaker
from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.nautilus.account import KERNEL_RATE, exchange_arguments
from ultramm.nautilus.backtest import Collector
from ultramm.nautilus.build import Feed, feeds, shells

PROJECT = Path(__file__).resolve().parents[1]
SHARED = PROJECT.parent / "shared" / "data"
RECORDING = PROJECT / "config" / "backtests" / "binance-usdm-btcusdt.yaml"
_CHUNK = 1_000

Fills = list[tuple[int, int, float, float]]


class Run(msgspec.Struct, frozen=True):
    """What each chunk of one run of an engine took, and what came of it."""

    seconds: list[float]
    orders: int
    fills: Fills


class Arena:
    """A configuration of one venue with its events, generated or read before anything is timed.

    Parameters
    ----------
    resolved : Resolved
        The configuration; its first strategy quotes.
    limit : int, optional
        Events to keep.
    """

    def __init__(self, resolved: Resolved, limit: int | None = None) -> None:
        self._resolved = resolved
        (self._feed,) = feeds(resolved)
        self._events: list[Any] = list(islice(self._feed.source.events(), limit))
        # Millions of events would be walked by each full collection, whoever trades.
        gc.collect()
        gc.freeze()

    def __len__(self) -> int:
        return len(self._events)

    def framework(self) -> Run:
        """Our maker."""
        collector = Collector()
        (shell,) = shells(self._resolved, collector)
        seconds = self._time(shell)
        signs = {"BUY": 1, "SELL": -1}
        fills = [(ts_ns, signs[fill.side], fill.price, fill.size) for ts_ns, fill in collector.fills]
        assert not collector.halts, collector.halts
        return Run(seconds, shell.maker.score.submitted, fills)

    def bare(self) -> Run:
        """The maker without framework."""
        (strategy,) = self._resolved.strategies
        bare = BareMaker(strategy.settings.instruments[0], strategy.params)
        return Run(self._time(bare), bare.submitted, bare.fills)

    def _time(self, strategy: Any) -> list[float]:
        """Seconds from each fetching of a chunk to the next; the first began with the run."""
        marks: list[float] = []

        def chunks() -> Iterator[list[Any]]:
            for chunk in batched(self._events, _CHUNK):
                marks.append(time.process_time())
                yield list(chunk)

        engine = _engine(self._resolved, self._feed)
        try:
            engine.add_strategy(strategy)
            engine.add_data_iterator("market", chunks())
            gc.collect()
            engine.run(start=self._events[0].ts_init, streaming=True)
            marks.append(time.process_time())
            strategy.clock.cancel_timers()
            engine.end()
        finally:
            engine.dispose()
        return [after - before for before, after in pairwise(marks)]


def synthetic(*overrides: str) -> Resolved:
    """The packaged configuration on the ``tight`` market, with an account and limits that nothing runs into."""
    return resolve(
        read(
            None,
            [
                "mode=backtest",
                "venues.SIM.params.preset=tight",
                "venues.SIM.params.pace=1",
                "venues.SIM.params.duration_s=1000000",
                "venues.SIM.paper.starting_balances=[100000000 USDT, 1000 BTC]",
                "risk.max_notional=1000000000",
                "risk.max_open_orders=1000",
                "risk.messages_per_second=10000",
                "risk.message_burst=10000",
                *overrides,
            ],
        )
    )


def recording() -> Resolved | None:
    """The backtest of the Binance recording that comes with the project, where there is one."""
    if not SHARED.is_dir():
        return None
    cache = PROJECT / "data" / "cache"
    environment = {**os.environ, "SHARED_DATA": str(SHARED)}
    return resolve(read(RECORDING, [f"venues.BINANCE.params.cache={cache}"], environment))


def _engine(resolved: Resolved, feed: Feed) -> BacktestEngine:
    """As `ultramm.nautilus.backtest` sets it up."""
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("ULTRAMM-001"),
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(max_order_submit_rate=KERNEL_RATE, max_order_modify_rate=KERNEL_RATE),
            run_analysis=False,
        )
    )
    engine.add_venue(Venue(feed.venue), **exchange_arguments(resolved, feed.venue, feed.instruments))
    for instrument in feed.instruments:
        engine.add_instrument(instrument)
    return engine
