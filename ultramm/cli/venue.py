"""``ultramm venue``: look after an account when no node does."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.cli.options import Json, Set
from ultramm.cli.output import print_json
from ultramm.errors import RunError

if TYPE_CHECKING:
    from ultramm.config.resolve import Resolved
    from ultramm.custody.desk import Desk

app = typer.Typer(help="Look after an account when no node does.", no_args_is_help=True)

_PATIENCE_S = 30.0


@app.callback()
def main() -> None:
    """Look after an account when no node does."""


@app.command("sweep")
def sweep(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file.")],
    everything: Annotated[
        bool, typer.Option("--everything", help="Orders that this configuration did not send too.")
    ] = False,
    overrides: Set = [],  # noqa: B006
    json: Json = False,
) -> None:
    """Cancel at every venue of a configuration what it left there, without a node; says what was cancelled."""
    from ultramm.config.load import read
    from ultramm.config.resolve import resolve

    resolved = resolve(read(config, overrides))
    found = asyncio.run(cancel_left(resolved, everything=everything))
    if json:
        print_json(found)
        return
    for name, orders in found.items():
        print(f"{name}: {len(orders)} orders cancelled, none of ours is left" + "".join(f"\n  {o}" for o in orders))


@app.command("watch", hidden=True)
def watch_node(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file.")],
    overrides: Set = [],  # noqa: B006
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Watch the node that started this, and cancel what it leaves when it dies or hangs."""
    import sys

    from ultramm.cli.watchdog import Beats, clean_up, watch
    from ultramm.config.load import read
    from ultramm.config.resolve import resolve

    if not with_parent:
        raise RunError("a node starts this beside itself; without one, use `ultramm venue sweep`")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # who ends a session means the node, and this has to see to its orders
    beats = Beats(sys.stdin.buffer)
    resolved = resolve(read(config, overrides))
    tell = partial(print, flush=True)
    reason = watch(beats, resolved.config.watchdog.hang_s, os.getppid(), tell)
    if reason:
        clean_up(resolved, reason, tell)


async def cancel_left(resolved: Resolved, *, everything: bool = False) -> dict[str, list[str]]:
    """Cancel what a configuration left, or every order there is; by venue, what was cancelled.

    Raises
    ------
    DataError
        A node is there and keeps the ledger.
    RunError
        Orders may still be open.
    """
    from ultramm.custody.ledger import OrderLedger
    from ultramm.nautilus.live import ledger_path
    from ultramm.nautilus.venue import open_venue

    ledger = OrderLedger(ledger_path(resolved))
    try:
        found: dict[str, list[str]] = {}
        for name in resolved.venues:
            desk = open_venue(resolved, name).desk()
            try:
                found[name] = await _cancel_all(name, desk, lambda order_id: everything or ledger.is_ours(order_id))
            finally:
                await desk.close()
        return found
    finally:
        ledger.close()


async def _cancel_all(name: str, desk: Desk, wanted: Callable[[str], bool]) -> list[str]:
    """Until the venue's list has none of them any more."""
    from ultramm.custody.desk import NoAnswer, NotLetIn
    from ultramm.custody.settle import cancel_listed

    cancelled: list[str] = []
    deadline, problem = time.monotonic() + _PATIENCE_S, ""
    while True:
        try:
            orders = await cancel_listed(desk, wanted)
            if not orders:
                return cancelled
            cancelled += [
                f"{order.side.name} {order.size:f} {order.instrument} at {order.price:f}, {order.order_id}"
                for order, done in orders
                if done
            ]
        except NotLetIn as exc:
            raise RunError(f"{name}: orders may still be open: {exc}") from exc
        except NoAnswer as exc:
            problem = str(exc)
            await asyncio.sleep(0.5)
        if time.monotonic() > deadline:
            raise RunError(f"{name}: orders may still be open: {problem or 'they come back'}")
