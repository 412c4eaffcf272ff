"""``ultramm backtest compare --strategies``: several strategies on several markets and seeds of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from ultramm.cli.output import number, percent, print_json, print_table

if TYPE_CHECKING:
    from ultramm.analytics.contest import Played, Standing
    from ultramm.config.load import Loaded
    from ultramm.nautilus.contest import Entry

_COLUMNS = ("strategy", ">P&L", ">less the first", ">t", ">fills", ">5 s markout, bps", ">quoting", ">mean inventory")


def contest(
    markets: Sequence[tuple[str, Loaded]], strategies: Path, seeds: int, jobs: int, runs: Path | None, style: str
) -> None:
    """Play every strategy on every market and seed, and print where they stand.

    Parameters
    ----------
    runs : Path or None
        Finished runs are added to this file, and not played again when they are found in it.
    style : {"table", "markdown", "json"}
        How to print.
    """
    from ultramm.analytics.contest import standings
    from ultramm.nautilus.contest import Contest

    entries = _entries(markets, strategies, seeds)
    with Contest(jobs, runs) as plays, contest_progress(len(entries), plays.missing(entries)) as advance:
        played = plays.play(entries, advance)
    found = standings(played)
    if style == "json":
        print_json({"standings": msgspec.to_builtins(found), "runs": [_without_steps(run) for run in played]})
    for market, of_market in groupby(found, key=lambda standing: standing.market):
        rows = list(of_market)
        if style == "markdown":
            typer.echo(_markdown(_title(market, rows[0]), _rows(rows)))
        elif style == "table":
            print_table(_title(market, rows[0]), _COLUMNS, _rows(rows))


def _without_steps(run: Played) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(run)
    del plain["steps"]
    return plain


# -- what to run -----------------------------------------------------------------------------------------------


def _entries(markets: Sequence[tuple[str, Loaded]], strategies: Path, seeds: int) -> list[Entry]:
    """All of them, checked before any runs: the last may be wrong."""
    from ultramm.config.contest import entered, read_contestants
    from ultramm.config.resolve import resolve
    from ultramm.nautilus.contest import Entry

    contestants = read_contestants(strategies)
    entries = []
    for market, loaded in markets:
        config = loaded.config
        # A recording is the same whatever the seed.
        drawn = any(venue.adapter != "replay" for venue in config.venues.values())
        for name, contestant in contestants.items():
            for seed in range(config.seed, config.seed + (seeds if drawn else 1)):
                entry = Entry(market, name, entered(loaded, contestant, seed))
                resolve(entry.loaded)
                entries.append(entry)
    return entries


@contextmanager
def contest_progress(total: int, missing: int, what: str = "running") -> Iterator[Callable[[Entry], None]]:
    """A bar of runs, where somebody can see it; gives what is told of each that has finished."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total, completed=total - missing)
        yield lambda entry: bar.update(task, advance=1, description=f"{entry.market}: {entry.strategy}")


# -- where they stand ------------------------------------------------------------------------------------------


def _title(market: str, standing: Standing) -> str:
    runs = f"{standing.runs} runs of" if standing.runs > 1 else "a run of"
    return f"{market}: {standing.currency}, {runs} {standing.seconds / 60:,.1f} minutes"


def _rows(standings: Sequence[Standing]) -> list[tuple[str, ...]]:
    """Money with as many decimals as the largest amount, or error, needs for five figures."""
    largest = max(max(abs(standing.pnl), standing.pnl_error or 0.0) for standing in standings)
    digits = max(0, 4 - math.floor(math.log10(largest))) if largest > 0 else 2
    return [_row(standing, digits) for standing in standings]


def _row(row: Standing, digits: int) -> tuple[str, ...]:
    return (
        row.strategy,
        _with_error(row.pnl, row.pnl_error, digits),
        "" if row.difference is None else _with_error(row.difference, row.difference_error, digits),
        "" if row.t is None else f"{row.t:.1f}",
        f"{row.fills:,.0f}",
        number(row.markout_bps, 2),
        percent(row.presence),
        f"{row.mean_inventory:,.4g}",
    )


def _with_error(value: float, error: float | None, digits: int) -> str:
    value = 0.0 if value == 0 else value
    return f"{value:,.{digits}f}" + (f" ± {error:,.{digits}f}" if error else "")


def _markdown(title: str, rows: Sequence[tuple[str, ...]]) -> str:
    lines = [
        f"**{title}**",
        "",
        "| " + " | ".join(column.lstrip(">") for column in _COLUMNS) + " |",
        "|" + "|".join("--:" if column.startswith(">") else "---" for column in _COLUMNS) + "|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]
    return "\n".join(lines)
