"""``ultramm node``: run a node, and act on one that runs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.cli.options import Json, OptionalConfig, Set
from ultramm.cli.output import print_json
from ultramm.errors import ConfigError, RunError, UserError

if TYPE_CHECKING:
    from ultramm.journal.records import Entry
    from ultramm.journal.store import Journal

app = typer.Typer(help="Run a node, and act on one that runs.", no_args_is_help=True)

_SILENT_S = 5.0
_REPLY_TIMEOUT_S = 10.0

JournalOption = Annotated[
    str | None,
    typer.Option("--journal", help="The node's journal, a file or redis://HOST:PORT#NAME; else the configuration's."),
]


@app.command("start")
def start(
    config: OptionalConfig = None,
    live: Annotated[bool, typer.Option("--live", help="Trade real money: needs mode: live in the file too.")] = False,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="End after this long, such as 60s or 2h.")
    ] = None,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Serve no web page.")] = False,
    overrides: Set = [],  # noqa: B006
) -> None:
    """Run a node until it is stopped: by default paper trading on the built-in market."""
    from ultramm.cli.dashboard import given_passwords
    from ultramm.cli.durations import seconds
    from ultramm.cli.ports import require_free_port
    from ultramm.config.load import read
    from ultramm.config.resolve import resolve

    duration_s = None if duration is None else seconds(duration, "--duration")
    loaded = read(config, overrides)
    _check_mode(loaded.path, loaded.config.mode, live=live)
    resolved = resolve(loaded)
    check_log_directory(loaded.path, resolved.config.logging.directory)
    port = resolved.config.dashboard.port if resolved.config.dashboard.enabled and not no_dashboard else None
    if port is not None:
        page, key = loaded.config.dashboard, f"{loaded.path}: dashboard"
        passwords = page.password, page.viewer_password
        given_passwords(*passwords, page.address, f"{key}.password", f"{key}.viewer_password")
        require_free_port(port, f"{key}.port", page.address)
    if loaded.config.alerts.wanted:
        from ultramm.alerts.deliver import destinations

        destinations(loaded.config.alerts, loaded.path)  # an address that is none is told before anything runs
    from ultramm.cli.journals import open_configured

    # Before the kernel is imported: a journal that is not there is told at once.
    journal = open_configured(loaded, create=True)
    from ultramm.cli.run_node import run_node

    run_node(resolved, journal, duration_s, port, overrides)


def _check_mode(path: Path, mode: str, *, live: bool) -> None:
    if mode == "live" and not live:
        raise ConfigError(f"{path}: mode: live trades real money; say so on the command line too, with --live")
    if live and mode != "live":
        raise ConfigError(f"{path}: mode: --live needs mode: live in the file, it says {mode}")
    if mode == "backtest":
        raise ConfigError(f"{path}: mode: a node runs paper or live; use `ultramm backtest run {path}`")


def check_log_directory(path: Path, directory: str) -> None:
    """Make the directory of the log files, or say that it cannot be had."""
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"{path}: logging.directory: cannot make {directory}: {exc.strerror or exc}") from exc
    if not os.access(directory, os.W_OK):
        raise ConfigError(f"{path}: logging.directory: {directory} cannot be written")


@app.command("status")
def status(config: OptionalConfig = None, journal: JournalOption = None, json: Json = False) -> None:
    """Show what a node quotes, or in words why not."""
    with_journal = _open(config, journal)
    entry = _last_status(with_journal)
    if json:
        age_s = (time.time_ns() - entry.ts_ns) / 1e9
        print_json({"run": entry.run, "age_s": round(age_s, 3), "status": entry.record})
        return
    from rich.console import Console

    from ultramm.cli.live_view import render

    running = _is_running(with_journal, entry)
    note = "" if running else " · not running: this is its last word"
    Console().print(render(entry.record, f"{entry.run}{note}"))


@app.command("pause")
def pause(config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """Pull the quotes; the node goes on watching."""
    _command("pause", config, journal)


@app.command("resume")
def resume(config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """Quote again after pause or flatten."""
    _command("resume", config, journal)


@app.command("rearm")
def rearm(config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """Let strategies quote again that stopped by a loss limit; it counts anew from here."""
    _command("rearm", config, journal)


@app.command("flatten")
def flatten(config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """Pull the quotes and close the positions at what the market takes."""
    _command("flatten", config, journal)


@app.command("stop")
def stop(config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """End the node, every order of its own cancelled and confirmed."""
    _command("stop", config, journal)


@app.command("kill")
def kill(config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """End the node at once: cancels are sent, and waited for one second only."""
    _command("kill", config, journal)


member = typer.Typer(help="Act on the members of a combined strategy while it runs.", no_args_is_help=True)
app.add_typer(member, name="member")
MemberArgument = Annotated[str, typer.Argument(metavar="[STRATEGY/]MEMBER")]


@member.command("pause")
def member_pause(name: MemberArgument, config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """Let a member move nothing; it is still watched."""
    _command(f"member pause {name}", config, journal)


@member.command("resume")
def member_resume(name: MemberArgument, config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """Let it move again."""
    _command(f"member resume {name}", config, journal)


@member.command("remove")
def member_remove(name: MemberArgument, config: OptionalConfig = None, journal: JournalOption = None) -> None:
    """Let a member go; what it holds passes to the core."""
    _command(f"member remove {name}", config, journal)


@member.command("add")
def member_add(
    name: MemberArgument,
    use: Annotated[str, typer.Option("--use", help="What it looks at: trend, reversion or flow.")],
    params: Annotated[
        list[str], typer.Option("--param", metavar="KEY=NUMBER", help="Of it, such as tau_s=60; may be repeated.")
    ] = [],  # noqa: B006
    config: OptionalConfig = None,
    journal: JournalOption = None,
) -> None:
    """Let one more have a view."""
    import json

    numbers: dict[str, float] = {}
    for text in params:
        key, _, value = text.partition("=")
        try:
            numbers[key] = float(value)
        except ValueError as exc:
            raise UserError(f"--param {text}: write KEY=NUMBER, such as tau_s=60") from exc
    _command(f"member add {name} {json.dumps({'use': use, 'params': numbers})}", config, journal)


def _open(config: Path | None, journal: str | None) -> Journal:
    from ultramm.cli.journals import open_configured, open_given
    from ultramm.config.load import read

    return open_given(journal) if journal else open_configured(read(config))


def _last_status(journal: Journal) -> Entry:
    entries = journal.last("status")
    if not entries:
        raise RunError(f"{journal.place}: no node has reported here yet")
    return entries[0]


def _has_ended(journal: Journal, last: Entry) -> bool:
    ended = journal.last("run-ended")
    return bool(ended) and ended[0].run == last.run


def _is_running(journal: Journal, last: Entry) -> bool:
    return not _has_ended(journal, last) and time.time_ns() - last.ts_ns < _SILENT_S * 1e9


def _command(verb: str, config: Path | None, journal: str | None) -> None:
    from ultramm.journal.commands import carried_out
    from ultramm.journal.records import RunStarted

    store = _open(config, journal)
    last = _last_status(store)
    if not _is_running(store, last):
        started = store.last("run-started")
        pid = started[0].record.pid if started and isinstance(started[0].record, RunStarted) else 0
        if not _has_ended(store, last) and pid and Path(f"/proc/{pid}").exists():
            raise RunError(f"{store.place}: the node, process {pid}, is there but does not report")
        raise RunError(f"{store.place}: no node is running on this journal")
    reply = carried_out(store, verb, f"cli pid {os.getpid()}", _REPLY_TIMEOUT_S)
    if reply is None:
        raise RunError(
            f"{store.place}: the node did not answer {verb} in {_REPLY_TIMEOUT_S:g} s; the command is taken back"
        )
    print(reply, file=sys.stdout)
