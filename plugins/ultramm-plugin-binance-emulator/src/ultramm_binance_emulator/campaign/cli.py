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
from ultramm_binance_emulator.campaign.emulator import KEY, SECRET, Emulator
from ultramm_binance_emulator.campaign.node import Node
from ultramm_binance_emulator.campaign.run import Campaign, Result, table, work_folder
from ultramm_binance_emulator.campaign.scripts import scripts

# Busy enough that every fault meets somebody soon, within what the venue allows.
_PACE = 20.0


def campaign(
    config: Annotated[Path, typer.Argument(help="A live configuration whose base_url is ${EMULATOR_URL}.")],
    faults: Annotated[int, typer.Option(min=1, help="Scripts of faults.")] = 100,
    kills: Annotated[int, typer.Option(min=0, help="Kills with restart among them.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the market, and of what goes wrong when.")] = 1,
    product: Annotated[str, typer.Option(help="What the configuration trades: spot or usdm.")] = "spot",
    long: Annotated[bool, typer.Option("--long", help="Refuse connections for a minute at the end.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the node works; a new one when left out.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Let everything go wrong that can, one thing after the other, with a real node, and compare both sides' books.

    After each: no order at the venue that the node does not know, none twice, every fill booked, and it quotes again.
    At the end: nothing left at the venue, and every fill in the journal. Exit code 1 if anything was otherwise.
    """
    console = Console(stderr=True)
    try:
        where = work_folder(folder or Path(tempfile.mkdtemp(prefix="campaign-")))
    except ValueError as exc:
        typer.echo(f"ultramm-binance-emulator: {exc}", err=True)
        raise typer.Exit(2) from None
    with Emulator(seed, _PACE, product) as emulator:
        os.environ.update(EMULATOR_URL=emulator.url, EMULATOR_KEY=KEY, EMULATOR_SECRET=SECRET)
        settings = ["strategies.0.params.refresh_ms=100", "strategies.0.params.tolerance_bps=0"]
        node = Node(config, read(config).config.name, where, settings)
        began = time.monotonic()

        def tell(result: Result) -> None:
            took = "not" if result.recovered_s is None else f"in {result.recovered_s:.1f} s"
            line = f"{time.monotonic() - began:7.1f} s  {result.name}: met {result.met}, recovered {took}"
            console.print(line + (f"  [red]{result.problem}[/red]" if result.problem else ""))

        results = Campaign(emulator, node, tell).run(scripts(faults, kills, product, seed, long=long))
        if node.running:
            node.stop()
        node.close()
    if json:
        typer.echo(msgspec.json.encode(results).decode())
    else:
        Console().print(_table(results))
    if any(result.problem for result in results):
        typer.echo(f"ultramm-binance-emulator: something was wrong; see {where}", err=True)
        raise typer.Exit(1)


def _table(results: list[Result]) -> Table:
    shown = Table(title=f"{len(results)} scripts")
    shown.add_column("what went wrong")
    for heading in ("scripts", "faults met", "median recovery s", "longest s", "problems"):
        shown.add_column(heading, justify="right")
    for name, count, met, median, longest, problems in table(results):
        times = ["-" if each is None else f"{each:.2f}" for each in (median, longest)]
        shown.add_row(name, str(count), str(met), *times, str(problems))
    return shown
