"""Serves the page with Panel on the loopback address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import panel as pn

from ultramm.dashboard.page import page
from ultramm.journal.sqlite import SqliteJournal

_REFRESH_MS = 500


def serve(journal: Path, port: int) -> None:
    """Serve the page of a journal on 127.0.0.1 until the process is ended."""
    pn.serve(
        {"/": lambda: _session(journal)},
        address="127.0.0.1",
        port=port,
        websocket_origin=[f"127.0.0.1:{port}", f"localhost:{port}"],
        show=False,
        title="ultramm",
        admin=False,
    )


def _session(journal: Path) -> Any:
    store = SqliteJournal(journal)
    pane = pn.pane.HTML(page(store), sizing_mode="stretch_width")
    pn.state.add_periodic_callback(lambda: pane.param.update(object=page(store)), period=_REFRESH_MS)
    pn.state.on_session_destroyed(lambda _: store.close())
    return pane
