"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Set = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. strategies.0.params.levels=3."),
]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.html", help="Write a report: one page that needs no network."),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processes to run in.")]
Runs = Annotated[Path | None, typer.Option("--runs", metavar="FILE.jsonl", help="Keep finished runs, and resume.")]
OptionalConfig = Annotated[
    Path | None,
    typer.Argument(metavar="[CONFIG]", help="Configuration file; the packaged default when left out."),
]
