"""``ultramm report``: how a past run did, from its journal."""

from __future__ import annotations

import shlex
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.cli.journals import JournalArgument
from ultramm.cli.options import Json, Report

if TYPE_CHECKING:
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

    from ultramm.analytics.report.metrics import metrics, plain
    from ultramm.cli.journals import open_given
    from ultramm.cli.output import print_json, print_table
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
    if json:
        print_json({"run": chosen, "makers": every})
        return
    for title, figures in every.items():
        rows = [
            (each.name, plain(each.value), "" if each.error is None else f"± {plain(each.error)}", each.unit)
            for each in figures
        ]
        print_table(f"{chosen.run}: {title}", ("", ">value", "error", "unit"), rows)


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
