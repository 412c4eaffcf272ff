"""``ultramm dashboard``: the web page alone, for a node that runs elsewhere on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def dashboard(
    journal: Annotated[Path, typer.Argument(help="Journal file of the node.")] = Path("data/journal.db"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8050,
) -> None:
    """Serve the page of a journal on http://127.0.0.1:PORT until interrupted."""
    from ultramm.cli.ports import require_free_port
    from ultramm.journal.sqlite import SqliteJournal

    require_free_port(port, "--port")
    SqliteJournal(journal).close()
    from ultramm.dashboard.serve import serve

    typer.echo(f"dashboard of {journal} on http://127.0.0.1:{port}")
    serve(journal, port)
