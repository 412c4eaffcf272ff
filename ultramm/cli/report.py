"""``ultramm report``: how a past run did, from its journal."""

from __future__ import annotations

import shlex
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.cli.journals import JournalArgument
from ultramm.cli.options import Json, Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ultramm.analytics.report.effects import Effect
    from ultramm.analytics.report.legs import Together
    from ultramm.analytics.report.metrics import Metric
    from ultramm.journal.runs import Run
    from ultramm.journal.traced import TracedRun


def report(
    journal: JournalArgument = "data/journal.db",
    run: Annotated[str | None, typer.Option("--run", help="Which run; the latest when left out.")] = None,
    page: Report = None,
    json: Json = False,
) -> None:
    """Show how a run did: each figure with its definition, and with --report a page with the plots of a backtest."""
    from rich.console import Console
    from rich.progress import Progress

    from ultramm.analytics.report.legs import together
    from ultramm.analytics.report.metrics import metrics
    from ultramm.cli.journals import open_given
    from ultramm.cli.output import print_json
    from ultramm.cli.report_file import check_writable, write_page
    from ultramm.errors import DataError
    from ultramm.journal.runs import last_sequence, require_run, runs_of
    from ultramm.journal.traced import traced

    check_writable(page)
    with closing(open_given(journal)) as store:
        runs = runs_of(store)
        if not runs:
            raise DataError(f"{store.place}: no run began here")
        chosen = runs[0] if run is None else require_run(store, run)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("reading", total=last_sequence(store))
            found = traced(store, chosen.run, on_read=lambda to: progress.update(task, completed=to))
    if page is not None:
        write_page(page, _page(chosen, found, store.place))
    every = {
        f"{score.strategy} on {score.instrument}": metrics(score, trace, found.first_ns, found.last_ns)
        for score, trace in found.makers
    }
    groups = together(found.makers)
    effects = {f"{score.strategy} on {score.instrument}": trace.effects.summary() for score, trace in found.makers}
    if json:
        print_json({"run": chosen, "makers": every, "effects": effects, "together": groups})
        return
    for title, figures in every.items():
        _print_figures(f"{chosen.run}: {title}", figures)
        _print_effects(title, effects[title])
    for group in groups:
        _print_together(chosen.run, group)


def _print_figures(title: str, figures: Iterable[Metric]) -> None:
    from ultramm.analytics.report.metrics import plain
    from ultramm.cli.output import print_table

    rows = [(each.name, plain(each.value), _error(each.error), each.unit) for each in figures]
    print_table(title, ("", ">value", "error", "unit"), rows)


def _print_effects(title: str, effects: Iterable[Effect]) -> None:
    from ultramm.analytics.report.metrics import plain
    from ultramm.cli.output import print_table

    rows = [(each.name, *map(plain, (each.mean, each.lowest, each.highest, each.last)), each.unit) for each in effects]
    if rows:
        columns = ("", ">mean", ">lowest", ">highest", ">at the end", "unit")
        print_table(f"{title}: what moved the quotes", columns, rows)


def _print_together(run: str, group: Together) -> None:
    from ultramm.analytics.report.metrics import plain
    from ultramm.cli.output import print_table

    legs = [(f"{leg.strategy} on {leg.instrument}", leg.pnl, f"{leg.fills:,}") for leg in group.legs]
    legs += [("together", pnl, "") for pnl in group.totals.values()]
    rows = [
        (name, *map(plain, (pnl.total, pnl.spread_capture, pnl.inventory, 0.0 - pnl.fees)), pnl.currency, fills)
        for name, pnl, fills in legs
    ]
    title = f"{run}: {group.name}, with hedge"
    print_table(title, ("", ">P&L", ">capture", ">inventory", ">fees", "", ">fills"), rows)
    if group.estimates:
        means = [
            (each.name, plain(each.foretold), plain(each.seen), _error(each.error), each.unit)
            for each in group.estimates
        ]
        print_table(f"round trips: {len(group.trips):,}", ("", ">foretold", ">seen", "error", "unit"), means)


def _error(error: float | None) -> str:
    from ultramm.analytics.report.metrics import plain

    return "" if error is None else f"± {plain(error)}"


def _page(run: Run, found: TracedRun, place: str) -> str:
    from ultramm.analytics.report.page import RunFacts, report_page
    from ultramm.cli.output import as_yaml

    seed = found.started.configuration.get("seed", 0)
    facts = RunFacts(
        kind=f"{run.mode.capitalize()} trading",
        name=run.name,
        version=run.version,
        seed=seed if isinstance(seed, int) else 0,
        command=f"ultramm report {shlex.quote(place)} --run {shlex.quote(run.run)}",
        configuration=as_yaml(found.started.configuration),
        data={},
        first_ns=found.first_ns,
        last_ns=found.last_ns,
        market_events=found.market_events,
        fills_sha256=found.fills_sha256,
    )
    return report_page(facts, found.makers)
