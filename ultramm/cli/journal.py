"""``ultramm journal``: what is in a journal, and out of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.cli.journals import VARIABLE, JournalArgument
from ultramm.cli.options import Json

if TYPE_CHECKING:
    from ultramm.journal.runs import Run

app = typer.Typer(no_args_is_help=True, help="List the runs in a journal, or export it.")


@app.command()
def runs(journal: JournalArgument = "data/journal.db", json: Json = False) -> None:
    """The runs of a journal, latest first."""
    from ultramm.cli.journals import open_given
    from ultramm.cli.output import print_json, print_table
    from ultramm.journal.runs import runs_of

    with closing(open_given(journal)) as store:
        found = runs_of(store)
    if json:
        print_json(found)
        return
    print_table(
        store.place, ("run", "mode", "began, UTC", "ended, UTC", "why", ">open orders"), [_row(run) for run in found]
    )


def _row(run: Run) -> tuple[str, ...]:
    from ultramm.cli.output import moment

    ended = moment(run.ended_ns) if run.ended_ns is not None else ""
    left = "" if run.open_orders is None else f"{run.open_orders}"
    return run.run, run.mode, moment(run.began_ns), ended, run.reason or "", left


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where the Parquet files go.")],
    journal: Annotated[
        str, typer.Option("--journal", envvar=VARIABLE, help="A file, or redis://HOST:PORT#NAME.", show_envvar=False)
    ] = "data/journal.db",
    run: Annotated[str | None, typer.Option("--run", help="Only this run.")] = None,
    json: Json = False,
) -> None:
    """Write a journal as Parquet, a file for each kind of record."""
    from rich.console import Console
    from rich.progress import Progress

    from ultramm.cli.journals import open_given
    from ultramm.cli.output import print_json, print_table
    from ultramm.errors import DataError
    from ultramm.journal.export import export as write
    from ultramm.journal.runs import last_sequence, require_run

    with closing(open_given(journal)) as store:
        if run is not None:
            require_run(store, run)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("exporting", total=last_sequence(store))
            try:
                written = write(store, folder, run=run, on_read=lambda to: progress.update(task, completed=to))
            except OSError as exc:
                raise DataError(f"{folder}: cannot write here: {exc.strerror or exc}") from exc
    if json:
        print_json(written)
        return
    print_table(
        f"{store.place} in {folder}", ("file", ">rows"), [(f"{k}.parquet", f"{n:,}") for k, n in written.items()]
    )
