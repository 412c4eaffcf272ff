"""``ultramm-binance-emulator campaign``."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.errors import UserError
from ultramm_binance_emulator.campaign.emulator import KEY, SECRET, Emulator
from ultramm_binance_emulator.campaign.node import Node
from ultramm_binance_emulator.campaign.run import Campaign, Result, table, work_folder
from ultramm_binance_emulator.campaign.scripts import PATHS, Script, scripts

# Busy enough that every fault meets somebody soon, within what the venue allows.
_PACE = 20.0


def campaign(
    configs: Annotated[
        list[Path], typer.Argument(metavar="CONFIG...", help="Live configurations whose base_url is ${EMULATOR_URL}.")
    ],
    faults: Annotated[int, typer.Option(min=1, help="Scripts of faults for each configuration.")] = 100,
    kills: Annotated[int, typer.Option(min=0, help="Kills with restart among them.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the market, and of what goes wrong when.")] = 1,
    long: Annotated[bool, typer.Option("--long", help="Refuse connections for a minute at the end.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the nodes work; a new one when left out.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Let everything go wrong that can, one thing after the other, with a real node, and compare both sides' books.

    After each: no order at the venue that the node does not know, none twice, every fill booked, and it quotes again.
    At the end: nothing left at the venue, and every fill in the journal. Exit code 1 if anything was otherwise.
    """
    try:
        where = folder or Path(tempfile.mkdtemp(prefix="campaign-"))
        loaded = {config: _resolved(config) for config in configs}
        products = {config: _product(resolved) for config, resolved in loaded.items()}
        folders = {config: work_folder(where / config.stem) for config in configs}
    except (ValueError, UserError) as exc:
        typer.echo(f"ultramm-binance-emulator: {exc}", err=True)
        raise typer.Exit(2) from None
    results: dict[str, list[Result]] = {}
    for config, resolved in loaded.items():
        product = products[config]
        drawn = scripts(faults, kills, product, seed, long=long)
        results[config.stem] = _run(config, resolved.config.name, product, seed, drawn, folders[config])
    if json:
        typer.echo(msgspec.json.encode(results).decode())
    else:
        for name, group in results.items():
            Console().print(_table(name, group))
    if any(result.problem for group in results.values() for result in group):
        typer.echo(f"ultramm-binance-emulator: something was wrong; see {where}", err=True)
        raise typer.Exit(1)


def _resolved(config: Path) -> Resolved:
    """The configuration, before there is an emulator."""
    stand_in = {"EMULATOR_URL": "http://127.0.0.1:1", "EMULATOR_KEY": KEY, "EMULATOR_SECRET": SECRET}
    return resolve(read(config, environment={**os.environ, **stand_in}))


def _product(resolved: Resolved) -> str:
    """What it trades; see `ValueError`."""
    venues = list(resolved.venues.values())
    product = str(getattr(venues[0].params, "product", ""))
    if len(venues) > 1 or product not in PATHS:
        raise ValueError(f"{resolved.loaded.path}: venues: one of adapter binance is needed, of {' or '.join(PATHS)}")
    return product


def _run(config: Path, name: str, product: str, seed: int, drawn: list[Script], folder: Path) -> list[Result]:
    console = Console(stderr=True)
    with Emulator(seed, _PACE, product) as emulator:
        os.environ.update(EMULATOR_URL=emulator.url, EMULATOR_KEY=KEY, EMULATOR_SECRET=SECRET)
        node = Node(config, name, folder, ["strategies.0.params.refresh_ms=200"])
        began = time.monotonic()

        def tell(result: Result) -> None:
            took = "not" if result.recovered_s is None else f"in {result.recovered_s:.1f} s"
            line = f"{name} {time.monotonic() - began:7.1f} s  {result.name}: met {result.met}, recovered {took}"
            console.print(line + (f"  [red]{result.problem}[/red]" if result.problem else ""))

        results = Campaign(emulator, node, tell).run(drawn)
        if node.running:
            node.stop()
    return results


def _table(name: str, results: list[Result]) -> Table:
    shown = Table(title=f"{name}: {len(results)} scripts")
    shown.add_column("what went wrong")
    for heading in ("scripts", "faults met", "median recovery s", "longest s", "problems"):
        shown.add_column(heading, justify="right")
    for what, count, met, median, longest, problems in table(results):
        times = ["-" if each is None else f"{each:.2f}" for each in (median, longest)]
        shown.add_row(what, str(count), str(met), *times, str(problems))
    return shown
