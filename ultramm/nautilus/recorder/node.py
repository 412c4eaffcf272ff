"""A node that only listens: the venues of a configuration, recorded, with nothing that could trade."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from nautilus_trader.config import TradingNodeConfig
from nautilus_trader.live.config import LiveDataEngineConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.identifiers import TraderId

from ultramm.config.resolve import Resolved
from ultramm.errors import RunError
from ultramm.nautilus.build import defined_instruments
from ultramm.nautilus.markets import Markets, markets
from ultramm.nautilus.node import SHUTDOWN, log_settings
from ultramm.nautilus.recorder.actor import RecorderActor
from ultramm.nautilus.recorder.publish import Publication
from ultramm.nautilus.recorder.recorder import Recorder, RecorderStatus
from ultramm.nautilus.signals import endable, on_end_signals

_TICK_S = 0.25
_START_TIMEOUT_S = 30.0


class RecordSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording ended: why, what this run brought into the catalog, and what it recovered before."""

    catalog: str
    reason: str
    recorded: Publication
    recovered: Publication | None


class RecordRunner:
    """Records the venues of a configuration until it is stopped.

    Parameters
    ----------
    resolved : Resolved
        Its venues count, whatever its mode; strategies and plugins stay at home.
    make_recorder : callable
        Makes the recorder of these instruments.
    on_status : callable
        Called on the loop several times a second.
    """

    def __init__(
        self,
        resolved: Resolved,
        make_recorder: Callable[[list[Any]], Recorder],
        on_status: Callable[[RecorderStatus], None] = lambda _: None,
    ) -> None:
        self._resolved = resolved
        self._markets = markets(resolved)
        self._make_recorder = make_recorder
        self._on_status = on_status
        self._stop_reason: str | None = None
        self._failure: BaseException | None = None

    async def run(self, duration_s: float | None = None) -> RecordSummary:
        """Record, and publish everything at the end.

        Raises
        ------
        DataError
            The catalog cannot be recorded into; nothing ran.
        RunError
            The node did not come up, a signal came while it asked its venues, or the recording broke off; what was
            recorded is sound.
        """
        with endable("nothing was recorded", self.stop):
            await self._markets.open()
        self._recorder = self._make_recorder(defined_instruments(self._markets.feeds))
        self._recorder.start()
        try:
            await self._listen(duration_s)
        finally:
            recorded = await asyncio.to_thread(self._recorder.close)
        if self._recorder.problem is not None:
            raise RunError(
                f"the recording broke off: {self._recorder.problem}; then `ultramm data recover "
                f"{self._recorder.catalog}` brings in what was recorded before"
            )
        if self._failure is not None:
            raise RunError(f"the recording ended early: {type(self._failure).__name__}: {self._failure}")
        return RecordSummary(
            catalog=str(self._recorder.catalog),
            reason=self._stop_reason or "",
            recorded=recorded,
            recovered=self._recorder.recovered,
        )

    def stop(self, reason: str) -> None:
        """Ask for the end; the first reason counts."""
        self._stop_reason = self._stop_reason or reason

    async def _listen(self, duration_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        node = self._build(loop)
        on_end_signals(self.stop)  # the kernel has taken them
        task = asyncio.create_task(node.run_async())
        try:
            await self._started(node, task)
            self._markets.begin(node.kernel.clock.timestamp_ns(), self._data_ended)
            await self._watch(task, duration_s)
        finally:
            self._markets.hold()
            await node.stop_async()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # Not node.dispose(): inside a running loop it would cancel our own tasks and stop the loop.
            node.kernel.dispose()

    def _build(self, loop: asyncio.AbstractEventLoop) -> Any:
        node = TradingNode(_node_config(self._resolved, self._markets), loop=loop)
        self._markets.join(node)
        node.build()
        node.trader.add_actor(RecorderActor(self._recorder))
        # The kernel's own end would come without a word to us.
        node.kernel.msgbus.unsubscribe(SHUTDOWN, node.kernel._on_shutdown_system)
        node.kernel.msgbus.subscribe(SHUTDOWN, self._kernel_breaks)
        return node

    def _kernel_breaks(self, command: Any) -> None:
        self._failure = self._failure or RunError(f"{command.component_id}: {command.reason}")
        self.stop("the kernel broke")

    def _data_ended(self, error: BaseException | None) -> None:
        self._failure = self._failure or error
        self.stop("the market data failed" if error else "the data ended")

    async def _started(self, node: Any, task: asyncio.Task[None]) -> None:
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while not node.trader.is_running and self._stop_reason is None:
            if task.done() or asyncio.get_running_loop().time() > deadline:
                error = task.exception() if task.done() else None
                raise RunError(f"the venues did not connect: {error or 'see the log file'}")
            await asyncio.sleep(0.02)

    async def _watch(self, task: asyncio.Task[None], duration_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        end_s = None if duration_s is None else loop.time() + duration_s
        while self._stop_reason is None and self._recorder.problem is None:
            if task.done():
                self._failure = task.exception() or RunError("the kernel ended by itself")
                return
            self._on_status(self._recorder.status())
            left_s = _TICK_S if end_s is None else min(_TICK_S, end_s - loop.time())
            if left_s <= 0:
                self.stop("the duration is over")
                return
            await asyncio.sleep(left_s)


def _node_config(resolved: Resolved, listened: Markets) -> Any:
    return TradingNodeConfig(
        trader_id=TraderId("ULTRAMM-RECORDER"),
        logging=log_settings(resolved, f"{resolved.config.name}-record"),
        data_engine=LiveDataEngineConfig(graceful_shutdown_on_exception=True),
        data_clients=listened.data_clients(),
        timeout_connection=10.0,
        timeout_reconciliation=10.0,
        timeout_portfolio=10.0,
        timeout_disconnection=5.0,
        timeout_post_stop=0.2,
    )
