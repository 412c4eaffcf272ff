"""A node: the configuration as a running `TradingNode`, watched, commanded, and ended with no order left behind."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import msgspec
from nautilus_trader.config import LoggingConfig, TradingNodeConfig
from nautilus_trader.live.config import LiveDataEngineConfig, LiveRiskEngineConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.identifiers import InstrumentId, TraderId, Venue

from ultramm.analytics.reporting import Reported
from ultramm.analytics.scorecard import Score
from ultramm.config.resolve import Resolved
from ultramm.custody.ledger import OrderLedger
from ultramm.errors import RunError
from ultramm.features.depth import SpreadStatistics
from ultramm.features.volatility import EwVolatility
from ultramm.journal.records import BookView, Record, Status, VenueStatus
from ultramm.maker import Maker
from ultramm.market import known
from ultramm.nautilus.account import KERNEL_RATE
from ultramm.nautilus.build import Feed, actors, check_stops, defined_instruments, shells
from ultramm.nautilus.conversion import Conversion
from ultramm.nautilus.convert import to_book
from ultramm.nautilus.memory import Memory
from ultramm.nautilus.paper_venues import PaperVenues
from ultramm.nautilus.recorder.beside_node import NodeRecording
from ultramm.nautilus.shell import MakerShell
from ultramm.nautilus.signals import on_end_signals
from ultramm.risk.stops import SOURCE as STOPS

_TICK_S = 0.2
_FORGET_TICKS = 300  # a minute
_KEEP_TICKS = 2  # of the statuses, five in two seconds are kept in the journal
_START_TIMEOUT_S = 30.0
_CANCEL_TIMEOUT_S = 10.0
_KILL_TIMEOUT_S = 1.0
_VIEW_LEVELS = 10
SHUTDOWN = "commands.system.shutdown"


class NodeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How a node's run ended; `open_orders` is what the kernel still knows to be live at the venue.

    `recording` says what came of the recording, empty without one; `accounts` how they stand at live venues,
    and `unsettled` why that is not known.
    """

    reason: str
    open_orders: int
    scores: tuple[Score, ...]
    reported: Reported | None = None
    recording: str = ""
    accounts: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()


class Venues(Protocol):
    """Where a node trades.

    Attributes
    ----------
    unsettled : tuple of str
        After `leave`: venues of which it is not known that they hold nothing of ours, and why.
    """

    unsettled: tuple[str, ...]

    @property
    def feeds(self) -> list[Feed]:
        """The venues and their instruments."""

    @property
    def ledger(self) -> OrderLedger | None:
        """Where orders are written down before they are sent; none on paper."""

    @property
    def memory(self) -> Memory | None:
        """Where strategies are kept as they are, for a later run to go on with; none on paper."""

    def data_clients(self) -> dict[str, Any]:
        """The kernel's configuration of each venue's data client."""

    def exec_clients(self) -> dict[str, Any]:
        """The kernel's configuration of each venue's execution client."""

    def exec_engine(self) -> Any:
        """The kernel's configuration of its execution engine."""

    def health(self) -> tuple[VenueStatus, ...]:
        """How it stands with each."""

    def cache(self) -> Any:
        """The kernel's configuration of its cache; None keeps it in memory."""

    def join(self, node: Any) -> None:
        """Register factories, before the node is built."""

    def heard_by_all(self, instrument_ids: Iterable[Any]) -> bool:
        """Whether subscriptions to these have arrived."""

    def begin(self, node: Any, shells: list[MakerShell], ended: Callable[[BaseException | None], None]) -> None:
        """The strategies have started: let the market come."""

    async def leave(self, patience_s: float) -> tuple[str, ...]:
        """All orders are cancelled, as far as we know: make sure, and say how the accounts stand."""

    def hold(self) -> None:
        """Let nothing come any more."""


class NodeRunner:
    """Runs one configuration until it is stopped.

    Parameters
    ----------
    resolved : Resolved
        What to run.
    record : callable
        Takes (ts_ns, record) for the journal; must not block.
    journal_problem : callable
        Why the journal cannot be written, or None; while it cannot, nothing is quoted.
    on_status : callable
        Called on the loop several times a second with the latest `Status`.
    venues : Venues, optional
        Where it trades, open; on paper at markets that are played when left out.
    """

    def __init__(
        self,
        resolved: Resolved,
        record: Callable[[int, Record], None],
        journal_problem: Callable[[], str | None] = lambda: None,
        on_status: Callable[[Status], None] = lambda _: None,
        venues: Venues | None = None,
        stopped: Mapping[tuple[str, str], str] = MappingProxyType({}),
    ) -> None:
        self._resolved = resolved
        self._record = record
        self._journal_problem = journal_problem
        self._on_status = on_status
        self._venues: Venues = venues or PaperVenues(resolved)
        opened = self._venues.feeds
        check_stops(resolved, opened)
        self._memory = self._venues.memory
        self._shells = shells(resolved, record, ledger=self._venues.ledger, memory=self._memory, stopped=stopped)
        self._conversion = Conversion(resolved, opened) if resolved.config.reporting is not None else None
        self._recording = NodeRecording(resolved.config.recorder, defined_instruments(opened), record)
        self._views = {instrument.id.value: _MarketView() for feed in opened for instrument in feed.instruments}
        self._accounts: tuple[str, ...] = ()
        self._stop_reason: str | None = None
        self._failure: BaseException | None = None
        self._killed = False
        self._paused = False
        self._node: Any = None

    @property
    def shells(self) -> list[MakerShell]:
        return self._shells

    # -- life ------------------------------------------------------------------------------------------------

    async def run(self, duration_s: float | None = None) -> NodeSummary:
        """Start, trade, and stop with every order of its own cancelled and confirmed.

        Raises
        ------
        RunError
            When the node did not come up, or broke while it ran.
        """
        self._recording.start()
        try:
            summary = await self._trade(duration_s)
        finally:
            await asyncio.to_thread(self._recording.close)
            self._recording.mind(time.time_ns())
        return msgspec.structs.replace(summary, recording=self._recording.words())

    async def _trade(self, duration_s: float | None) -> NodeSummary:
        self._node = node = self._build(asyncio.get_running_loop())
        _keep_what_stays()
        on_end_signals(self.stop)  # the kernel's handlers would not wait for cancels to be confirmed
        task = asyncio.create_task(node.run_async())
        try:
            await self._started(task)
            self._venues.begin(node, self._shells, self._data_ended)
            await self._watch(task, duration_s)
        finally:
            # Whatever went wrong: no order is left behind while there is a venue to ask.
            self.stop("the node failed")
            try:
                await self._withdraw()
                self._accounts = await self._venues.leave(_KILL_TIMEOUT_S if self._killed else _CANCEL_TIMEOUT_S)
                if self._memory is not None:
                    await self._memory.close(self._makers())
                summary = self._summary()
            finally:
                await self._end(task)
                gc.unfreeze()
        if self._failure is not None:
            raise RunError(f"the node stopped: {type(self._failure).__name__}: {self._failure}")
        return summary

    def stop(self, reason: str) -> None:
        """Ask the node to end; the first reason counts."""
        self._stop_reason = self._stop_reason or reason

    def _build(self, loop: asyncio.AbstractEventLoop) -> Any:
        node = TradingNode(_node_config(self._resolved, self._venues), loop=loop)
        self._venues.join(node)
        node.build()
        for shell in self._shells:
            node.trader.add_strategy(shell)
        conversion = [self._conversion] if self._conversion is not None else []
        for actor in (*actors(self._resolved, self._shells), *conversion, *self._recording.actors()):
            node.trader.add_actor(actor)
        # The kernel would stop at once, strategies first, without a word from the venue about their cancels.
        node.kernel.msgbus.unsubscribe(SHUTDOWN, node.kernel._on_shutdown_system)
        node.kernel.msgbus.subscribe(SHUTDOWN, self._kernel_breaks)
        return node

    def _kernel_breaks(self, command: Any) -> None:
        """An exception in the kernel or in somebody's actor: end in order, while the engines still run."""
        self._failure = self._failure or RunError(f"{command.component_id}: {command.reason}")
        self.stop("the kernel broke")

    def _data_ended(self, error: BaseException | None) -> None:
        if error is None:
            self.stop("the recording ended")
        else:
            self._failure = error
            self.stop("the market data failed")

    async def _started(self, task: asyncio.Task[None]) -> None:
        """The kernel goes on as if nothing were when connecting or reconciling timed out: it must not be believed."""
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while not self._all_listen():
            if task.done():
                error = task.exception()
                raise RunError(f"the node did not start: {error}" if error else "the node did not start")
            if asyncio.get_running_loop().time() > deadline:
                raise RunError("the node did not start: connecting or reconciling timed out; see the log file")
            await asyncio.sleep(0.02)

    def _all_listen(self) -> bool:
        return self._node.trader.is_running and all(
            shell.started and self._venues.heard_by_all(shell.listens_to) for shell in self._shells
        )

    async def _watch(self, task: asyncio.Task[None], duration_s: float | None) -> None:
        loop = asyncio.get_running_loop()
        end_s = None if duration_s is None else loop.time() + duration_s
        ticks = 0
        while self._stop_reason is None:
            if task.done():
                self._failure = task.exception() or RunError("the kernel ended by itself")
                self.stop("the kernel ended")
                return
            self._mind_journal()
            self._recording.mind(self._node.kernel.clock.timestamp_ns())
            if self._memory is not None:
                self._memory.mind(self._makers())
            self._report(keep=ticks % _KEEP_TICKS == 0)
            if ticks % _FORGET_TICKS == 0:
                # Only its loop of checks would do it, which a simulated venue does without.
                self._node.kernel.exec_engine._prune_recent_fills_cache()
            if self._resolved.config.risk.disconnect and self._all_stopped():
                self.stop("every strategy has stopped, and holds nothing")
                return
            ticks += 1
            left_s = _TICK_S if end_s is None else min(_TICK_S, end_s - loop.time())
            if left_s <= 0:
                self.stop("the duration is over")
                return
            await asyncio.sleep(left_s)

    def _all_stopped(self) -> bool:
        """Whether nothing is left to do until somebody arms a strategy."""
        makers = self._makers()
        idle = [STOPS in maker.halts and not maker.closing_lots and not len(maker.orders) for maker in makers]
        return bool(idle) and all(idle)

    async def _withdraw(self) -> None:
        """Cancel everything of ours, and wait until the venue has confirmed it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (_KILL_TIMEOUT_S if self._killed else _CANCEL_TIMEOUT_S)
        for shell in self._shells:
            shell.withdraw("stop", f"the node stops: {self._stop_reason}")
        report_s = loop.time()
        while self._open_orders() and loop.time() < deadline:
            await asyncio.sleep(0.02)
            for shell in self._shells:
                if shell.started:
                    shell.finish_withdrawal()
            if loop.time() >= report_s:
                report_s += 1.0
                self._report(keep=True)
        self._report(keep=True)

    async def _end(self, task: asyncio.Task[None]) -> None:
        self._venues.hold()
        await self._node.stop_async()
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # Not node.dispose(): inside a running loop it would cancel our own tasks and stop the loop.
        self._node.kernel.dispose()

    def _makers(self) -> list[Maker]:
        return [shell.maker for shell in self._shells if shell.started]

    def _open_orders(self) -> int:
        cache = self._node.kernel.cache
        orders: set[str] = set()
        for shell in self._shells:
            known = (*cache.orders_open(strategy_id=shell.id), *cache.orders_inflight(strategy_id=shell.id))
            orders.update(order.client_order_id.value for order in known)
            if shell.started:
                orders.update(order.id for order in shell.maker.orders)
        return len(orders)

    def _summary(self) -> NodeSummary:
        scores = tuple(shell.maker.score.score(shell.now_ns) for shell in self._shells if shell.started)
        return NodeSummary(
            reason=self._stop_reason or "",
            open_orders=self._open_orders(),
            scores=scores,
            reported=self._conversion.reported(scores) if self._conversion is not None else None,
            accounts=self._accounts,
            unsettled=self._venues.unsettled,
        )

    # -- commands --------------------------------------------------------------------------------------------

    def command(self, verb: str) -> str:
        """Carry out a command; the answer is for the person who gave it."""
        if verb not in ("stop", "kill") and not all(shell.started for shell in self._shells):
            return f"not yet: the node is still starting; give {verb} again when it quotes"
        if self._stop_reason is not None:
            return f"too late: the node stops ({self._stop_reason})"
        if verb == "pause":
            self._paused = True
            for shell in self._shells:
                shell.withdraw("operator", "paused by operator")
            return "paused: quotes are pulled"
        if verb == "resume":
            self._paused = False
            for shell in self._shells:
                shell.release("operator")
            broken = [shell.maker_name for shell in self._shells if shell.maker.degraded]
            return "resumed" + (f", except {', '.join(broken)}, degraded by a fault" if broken else "")
        if verb == "rearm":
            armed = [shell.maker_name for shell in self._shells if shell.arm()]
            return f"armed again: {', '.join(armed)}" if armed else "nothing has stopped by its losses or faults"
        if verb == "flatten":
            self._paused = True
            for shell in self._shells:
                shell.flatten()
            return "flattening: quotes are pulled, positions are closed at what the market takes; resume to quote again"
        if verb.startswith("member "):
            return self._steer(*verb.split(" ", 3)[1:])
        if verb in ("stop", "kill"):
            self._killed = verb == "kill"
            self.stop(f"{verb} by operator")
            return "stopping: orders are cancelled and confirmed" if verb == "stop" else "killed"
        return f"unknown command {verb}"

    def _steer(self, verb: str, name: str, text: str = "") -> str:
        """Change the members of the strategies that have some, ``STRATEGY/MEMBER`` where it matters whose."""
        strategy, _, member = name.rpartition("/")
        made = [shell.maker for shell in self._shells if shell.maker.members and strategy in ("", shell.maker_name)]
        wanted = made if verb == "add" else [maker for maker in made if member in maker.members]
        if not wanted:
            known = [f"{maker.name}/{each}" for maker in made for each in maker.members]
            return f"no such member: {name}; there are {', '.join(known)}" if known else f"{name}: nobody has members"
        if len({maker.name for maker in wanted}) > 1:
            return (
                f"{member}: of which strategy? {', '.join(sorted({maker.name for maker in wanted}))}: write it before /"
            )
        try:
            done = [maker.steer(verb, member, text) for maker in wanted]
        except ValueError as exc:
            return f"not done: {' '.join(str(exc).split())}"
        return done[0]

    def _mind_journal(self) -> None:
        """A node that cannot write its journal keeps its orders safe and stops quoting."""
        problem = self._journal_problem()
        for shell in self._shells:
            halted = "journal" in shell.maker.halts
            if problem is not None and not halted:
                shell.withdraw("journal", problem)
            elif problem is None and halted:
                shell.release("journal")

    # -- display ---------------------------------------------------------------------------------------------

    def _report(self, *, keep: bool) -> None:
        status = self._status()
        self._on_status(status)
        if keep:
            self._record(self._node.kernel.clock.timestamp_ns(), status)

    def _status(self) -> Status:
        kernel = self._node.kernel
        now_ns = kernel.clock.timestamp_ns()
        makers = tuple(shell.maker.status(shell.now_ns) for shell in self._shells if shell.started)
        return Status(
            state="stopping" if self._stop_reason else "paused" if self._paused else "running",
            makers=makers,
            books=tuple(self._book_view(instrument_id, now_ns) for instrument_id in self._views),
            balances=self._balances(),
            market_events=sum(shell.market_events for shell in self._shells),
            reported=self._conversion.reported([maker.score for maker in makers]) if self._conversion else None,
            recording=self._recording.words(),
            venues=self._venues.health(),
        )

    def _book_view(self, instrument_id: str, now_ns: int) -> BookView:
        book = self._node.kernel.cache.order_book(InstrumentId.from_str(instrument_id))
        if book is None:
            return BookView(instrument=instrument_id, bids=(), asks=())
        return self._views[instrument_id].look(instrument_id, to_book(book, now_ns, _VIEW_LEVELS))

    def _balances(self) -> dict[str, str]:
        shown: dict[str, str] = {}
        for feed in self._venues.feeds:
            account = self._node.kernel.portfolio.account(Venue(feed.venue))
            if account is not None:
                for currency, balance in account.balances_total().items():
                    shown[f"{feed.venue} {currency.code}"] = str(balance)
        return shown


def _keep_what_stays() -> None:
    """Modules and what a node is built of are looked through once: each later look would stop the loop for 0.1 s."""
    gc.collect()
    gc.freeze()


class _MarketView:
    """What is shown of one market beside its book."""

    def __init__(self) -> None:
        self._spread = SpreadStatistics(tau_s=60.0)
        self._sigma = EwVolatility(tau_s=30.0)

    def look(self, instrument_id: str, book: Any) -> BookView:
        self._spread.update(book)
        self._sigma.update(book.ts_ns, book.mid)
        return BookView(
            instrument=instrument_id,
            bids=tuple((level.price, level.size) for level in book.bids),
            asks=tuple((level.price, level.size) for level in book.asks),
            mean_spread_bps=known(self._spread.value_bps),
            sigma=known(self._sigma.value),
        )


def log_settings(resolved: Resolved, name: str) -> Any:
    """The kernel's log: a file of this name in the configured directory, errors on the terminal too."""
    return LoggingConfig(
        log_level="ERROR",
        log_level_file=resolved.config.logging.level,
        log_directory=str(Path(resolved.config.logging.directory)),
        log_file_name=name,
        log_file_max_size=50_000_000,
        log_colors=False,
        print_config=False,
    )


def _node_config(resolved: Resolved, venues: Venues) -> Any:
    return TradingNodeConfig(
        trader_id=TraderId("ULTRAMM-001"),
        logging=log_settings(resolved, resolved.config.name),
        data_engine=LiveDataEngineConfig(graceful_shutdown_on_exception=True),
        risk_engine=LiveRiskEngineConfig(
            graceful_shutdown_on_exception=True,
            max_order_submit_rate=KERNEL_RATE,
            max_order_modify_rate=KERNEL_RATE,
        ),
        exec_engine=venues.exec_engine(),
        cache=venues.cache(),
        data_clients=venues.data_clients(),
        exec_clients=venues.exec_clients(),
        timeout_connection=10.0,
        timeout_reconciliation=10.0,
        timeout_portfolio=10.0,
        timeout_disconnection=5.0,
        timeout_post_stop=0.2,
    )
