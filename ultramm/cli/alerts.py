"""``ultramm alerts``: tell people what happens to a node."""

from __future__ import annotations

import signal
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.cli.journals import JournalArgument
from ultramm.cli.options import Json, OptionalConfig, Set
from ultramm.cli.parent import on_parents_end

if TYPE_CHECKING:
    from ultramm.config.load import Loaded

app = typer.Typer(
    no_args_is_help=True, help="Tell people what happens to a node: by mail, Telegram, and a hundred more."
)


@app.command("test")
def try_out(config: OptionalConfig = None, json: Json = False, overrides: Set = []) -> None:  # noqa: B006
    """Send a test message to each address of a configuration, and say where it arrived."""
    from ultramm.alerts.deliver import destinations, in_words
    from ultramm.alerts.spool import Message
    from ultramm.cli.output import print_json, print_table
    from ultramm.config.load import read
    from ultramm.errors import RunError

    loaded = read(config, overrides)
    to = destinations(loaded.config.alerts, loaded.path)
    _require_somebody(loaded)
    message = Message("info", f"{loaded.config.name}: a test", "This is a test of ultramm's alerts; nothing happened.")
    results = {}
    for destination in to:
        try:
            destination.send(message)
        except Exception as exc:
            results[destination.label] = in_words(exc)
        else:
            results[destination.label] = "delivered"
    if json:
        print_json(results)
    else:
        print_table("", ("to", "result"), list(results.items()))
    failed = [label for label, result in results.items() if result != "delivered"]
    if failed:
        raise RunError(f"{loaded.path}: alerts: not delivered to {', '.join(failed)}")


@app.command("list")
def listing(
    journal: JournalArgument = "data/journal.db",
    count: Annotated[int, typer.Option("--count", min=1, help="How many.")] = 20,
    json: Json = False,
) -> None:
    """What was told last, newest first."""
    from ultramm.cli.journals import open_given
    from ultramm.cli.output import moment, print_json, print_table

    with closing(open_given(journal)) as store:
        found = store.alerts(count)
    if json:
        print_json(found)
        return
    rows = [(moment(alert.ts_ns), alert.severity, alert.title, alert.body) for alert in found]
    print_table(store.place, ("UTC", "severity", "title", "told"), rows)


@app.command()
def run(
    config: OptionalConfig = None,
    overrides: Set = [],  # noqa: B006
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    after: Annotated[int | None, typer.Option("--after", hidden=True)] = None,
) -> None:
    """Follow the journal of a node and tell of what happens, until interrupted; a node starts this by itself."""
    from ultramm.alerts.deliver import destinations
    from ultramm.alerts.service import AlertService
    from ultramm.cli.journals import opener
    from ultramm.config.load import read

    loaded = read(config, overrides)
    to = destinations(loaded.config.alerts, loaded.path)
    _require_somebody(loaded)
    name = loaded.config.name
    service = AlertService(
        name,
        loaded.config.alerts,
        opener(loaded),
        Path(loaded.config.state.directory) / f"{name}.alerts",
        to,
        after,
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: service.end())
    alone = threading.Event()
    if with_parent:
        # What is to be said of its end is said before we end too.
        on_parents_end(alone.set)
    typer.echo(f"alerts of {name} to {', '.join(destination.label for destination in to)}")
    service.run(alone.is_set)


def _require_somebody(loaded: Loaded) -> None:
    from ultramm.errors import ConfigError

    if not loaded.config.alerts.wanted:
        raise ConfigError(
            f'{loaded.path}: alerts.to: nobody is told; write ["${{ALERT_URL}}"] and export ALERT_URL=..., '
            f"an address as Apprise takes it"
        )
