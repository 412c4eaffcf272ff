"""Everything around a node's run: journal, dashboard process, live view, and the last lines."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from ultramm import __version__
from ultramm.cli.dashboard import PASSWORD, VIEWER
from ultramm.cli.journals import VARIABLE, address_of
from ultramm.cli.live_view import Background, LiveView, PlainView, View
from ultramm.cli.output import in_words
from ultramm.cli.watchdog import BEAT, BEGUN, ENDING, FAREWELL
from ultramm.config.load import resolved as plain_config
from ultramm.config.resolve import Resolved
from ultramm.config.schema import Dashboard
from ultramm.errors import RunError
from ultramm.journal.backfill import missing
from ultramm.journal.records import Command, CommandEvent, Record, RunEnded, RunStarted, Status
from ultramm.journal.runs import last_sequence
from ultramm.journal.stopped import stopped
from ultramm.journal.store import Journal
from ultramm.journal.writer import JournalWriter
from ultramm.nautilus.live import LiveVenues
from ultramm.nautilus.node import NodeRunner, NodeSummary
from ultramm.nautilus.paper_venues import PaperVenues
from ultramm.nautilus.signals import endable
from ultramm.plugin import ServicePlugin

_PATIENCE_S = 5.0


def run_node(
    resolved: Resolved,
    journal: Journal,
    duration_s: float | None,
    dashboard_port: int | None,
    overrides: Sequence[str] = (),
) -> None:
    """Run a node to its end; its journal, opened to be written, is closed then.

    `overrides` are those by which the configuration was read: the process of the alerts reads it too.

    Raises
    ------
    UserError
        When the data are not to be had; nothing ran.
    RunError
        When the node failed, or left orders open.
    """
    config = resolved.config
    run = f"{config.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"
    place, logs = journal.place, config.logging.directory
    print(f"{config.name}: {config.mode.upper()} trading; journal {place}, logs in {logs}/")
    with (
        closing(journal),
        _dashboard(address_of(config), config.dashboard, dashboard_port, Path(logs)),
        _alerts(resolved, overrides, journal, Path(logs)),
        _services(resolved, overrides, Path(logs)),
        _watchdog(resolved, overrides, Path(logs)) as beat,
    ):
        summary = asyncio.run(_run(resolved, journal, run, duration_s, beat))
        if not summary.open_orders and not summary.unsettled:
            beat(FAREWELL)
    try:
        _print_summary(summary)
    except BrokenPipeError:
        # Nobody reads any more; the interpreter would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if summary.open_orders:
        raise RunError(f"{summary.open_orders} orders may still be open at the venue; see {place}")
    if summary.unsettled:
        raise RunError(f"{'; '.join(summary.unsettled)}; the next start asks again, or `ultramm venue sweep`")


async def _run(
    resolved: Resolved, journal: Journal, run: str, duration_s: float | None, beat: Callable[[bytes], None]
) -> NodeSummary:
    loop = asyncio.get_running_loop()
    runner: NodeRunner | None = None

    def stop(reason: str) -> None:
        assert runner is not None, "nothing is awaited between the venues and it"
        runner.stop(reason)

    def on_command(command: Command) -> None:
        loop.call_soon_threadsafe(lambda: _obey(runner, writer, command))

    writer = JournalWriter(journal, run, on_command)
    view = _view(resolved, run)
    record = _both(writer.write, view.on_record)
    live = LiveVenues(resolved, record) if resolved.config.mode == "live" else None
    venues = live or PaperVenues(resolved)
    writer.start()
    writer.write(
        time.time_ns(),
        RunStarted(
            name=resolved.config.name,
            mode=resolved.config.mode,
            version=__version__,
            pid=os.getpid(),
            configuration=plain_config(resolved.loaded),
        ),
    )
    reason: str = "failed"
    open_orders: int | None = None
    try:
        with endable("what an earlier run left may still be open" if live else "nothing was traded", stop):
            await venues.open()
        if live is not None:
            for ts_ns, late in missing(journal, live.ledger, live.terms):
                record(ts_ns, late)
        # A run on paper begins with nothing lost.
        before = stopped(journal) if live is not None else {}
        runner = NodeRunner(resolved, record, lambda: writer.problem, _both_know(view.on_status, beat), venues, before)
        beat(BEGUN)
        with view:
            summary = await runner.run(duration_s)
        reason, open_orders = summary.reason, summary.open_orders
        return summary
    finally:
        await venues.close()
        writer.write(time.time_ns(), RunEnded(reason=reason, open_orders=open_orders))
        if not await asyncio.to_thread(writer.close):
            print(f"ultramm: records were lost: {writer.problem}", file=sys.stderr)


def _obey(runner: NodeRunner | None, writer: JournalWriter, command: Command) -> None:
    try:
        reply = "not yet: the node takes over its venues" if runner is None else runner.command(command.verb)
    except Exception as exc:
        reply = f"{command.verb} failed: {type(exc).__name__}: {exc}"
    writer.write(time.time_ns(), CommandEvent(verb=command.verb, origin=command.origin, reply=reply))
    writer.reply(command.id, reply)


def _both(first: Callable[[int, Record], None], second: Callable[[Record], None]) -> Callable[[int, Record], None]:
    def record(ts_ns: int, item: Record) -> None:
        first(ts_ns, item)
        second(item)

    return record


def _both_know(on_status: Callable[[Status], None], beat: Callable[[bytes], None]) -> Callable[[Status], None]:
    """The loop has come round again."""

    def know(status: Status) -> None:
        beat(ENDING if status.state == "stopping" else BEAT)
        on_status(status)

    return know


def _view(resolved: Resolved, run: str) -> View:
    console = Console()
    if console.is_terminal:
        return Background(LiveView(console, f"{run} · {resolved.config.mode.upper()}"))
    return Background(PlainView())


@contextmanager
def _dashboard(journal: str, page: Dashboard, port: int | None, logs: Path) -> Iterator[None]:
    """The page, in a process of its own so that it never slows a quote; it ends when our end of its input closes."""
    if port is None:
        yield
        return
    origins = [part for origin in page.origins for part in ("--origin", origin)]
    arguments = ("dashboard", "--port", str(port), "--address", page.address, "--with-parent", *origins)
    environment = {VARIABLE: journal, PASSWORD: page.password, VIEWER: page.viewer_password}
    with _beside("dashboard", arguments, logs, environment) as process:
        print(f"dashboard on http://{page.address}:{port}")
        yield
        process.terminate()


@contextmanager
def _alerts(resolved: Resolved, overrides: Sequence[str], journal: Journal, logs: Path) -> Iterator[None]:
    """Who tells people, in a process of its own: it outlives us while there is something to tell of our end."""
    if not resolved.config.alerts.wanted:
        yield
        return
    news = ("--after", str(last_sequence(journal)))  # from the beginning of this run on
    arguments = ("alerts", "run", *_configured(resolved, overrides), *news)
    with _beside("alerts", arguments, logs, {}, may_stay=True):
        yield


@contextmanager
def _services(resolved: Resolved, overrides: Sequence[str], logs: Path) -> Iterator[None]:
    """The plugins that run beside us, each in a process of its own."""
    with ExitStack() as running:
        for item in resolved.plugins:
            if isinstance(item.plugin, ServicePlugin):
                name = item.plugin.name
                arguments = ("plugins", "run", name, *_configured(resolved, overrides))
                running.enter_context(_beside(name, arguments, logs, {}))
        yield


@contextmanager
def _watchdog(resolved: Resolved, overrides: Sequence[str], logs: Path) -> Iterator[Callable[[bytes], None]]:
    """Who cancels what we leave when we die or hang; gives how it is told that we do not."""
    if resolved.config.mode != "live" or not resolved.config.watchdog.enabled:
        yield lambda _: None
        return
    arguments = ("venue", "watch", *_configured(resolved, overrides))
    with _beside("watchdog", arguments, logs, {}, may_stay=True) as process:
        assert process.stdin is not None
        pipe = process.stdin.fileno()
        os.set_blocking(pipe, False)

        def beat(said: bytes) -> None:
            with suppress(OSError):  # it has ended, or does not read: that must not end us
                os.write(pipe, said)

        yield beat


def _configured(resolved: Resolved, overrides: Sequence[str]) -> tuple[str, ...]:
    """By which a process of ours reads the same configuration as we did, and knows whether we are there."""
    changed = [part for override in overrides for part in ("--set", override)]
    return (str(resolved.loaded.path), "--with-parent", *changed)


@contextmanager
def _beside(
    name: str, arguments: Sequence[str], logs: Path, environment: dict[str, str], *, may_stay: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours in a process of its own, which knows by its input whether we are there."""
    command = [sys.executable, "-m", "ultramm.cli.main", *arguments]
    with (logs / f"{name}.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603  (our own program and arguments)
            command,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    ending = threading.Event()

    def watch() -> None:
        code = process.wait()
        if not ending.is_set():
            print(f"ultramm: the {name} ended with {code}, the node goes on; see {log.name}", file=sys.stderr)

    threading.Thread(target=watch, name=f"{name} watch", daemon=True).start()
    try:
        yield process
    finally:
        ending.set()
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            if may_stay:
                print(f"{name}: still telling of the end, process {process.pid}; see {log.name}")
            else:
                process.kill()


def _print_summary(summary: NodeSummary) -> None:
    print(f"stopped: {summary.reason}")
    for score in summary.scores:
        pnl = score.pnl
        print(
            f"{score.strategy} {score.instrument}: {score.fills} fills, "
            f"P&L {pnl.total:+.8g} {pnl.currency} (spread capture {pnl.spread_capture:+.8g}, "
            f"inventory {pnl.inventory:+.8g}, fees {0 - pnl.fees:+.8g}), position {score.inventory.last:g}"
        )
    if summary.reported is not None:
        print(in_words(summary.reported))
    if summary.recording:
        print(summary.recording)
    for line in summary.accounts:
        print(line)
    print(f"fills: {sum(score.fills for score in summary.scores)}")
    print(f"open orders: {summary.open_orders}")
