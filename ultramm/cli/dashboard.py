"""``ultramm dashboard``: the web page alone, for a node that runs elsewhere."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from typing import Annotated

import typer

from ultramm.cli.journals import VARIABLE


def dashboard(
    journal: Annotated[
        str, typer.Argument(envvar=VARIABLE, help="The node's journal: a file, or redis://HOST:PORT#NAME.")
    ] = "data/journal.db",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8050,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Serve the page of a journal on http://127.0.0.1:PORT until interrupted."""
    from ultramm.cli.journals import open_given
    from ultramm.cli.ports import require_free_port

    require_free_port(port, "--port")
    store = open_given(journal)
    place = store.place
    store.close()
    if with_parent:
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    from ultramm.dashboard.serve import serve

    typer.echo(f"dashboard of {place} on http://127.0.0.1:{port}")
    serve(partial(open_given, journal), port)


def _end_with_parent() -> None:
    """A node that dies, however, closes our input: a page without a node must not keep the port."""
    sys.stdin.read()
    os._exit(0)
