"""Serves the page with Panel on the loopback address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from ultramm.dashboard.page import page, unreadable
from ultramm.errors import DataError
from ultramm.journal.store import Journal

_REFRESH_MS = 500


def serve(open_journal: Callable[[], Journal], port: int) -> None:
    """Serve the page of a journal on 127.0.0.1 until the process is ended."""
    pn.serve(
        {"/": lambda: _session(open_journal)},
        address="127.0.0.1",
        port=port,
        websocket_origin=[f"127.0.0.1:{port}", f"localhost:{port}"],
        show=False,
        title="ultramm",
        admin=False,
    )


def _session(open_journal: Callable[[], Journal]) -> Any:
    try:
        store = open_journal()
    except DataError as exc:
        return pn.pane.HTML(unreadable(exc), sizing_mode="stretch_width")
    pane = pn.pane.HTML(page(store), sizing_mode="stretch_width")
    pn.state.add_periodic_callback(lambda: pane.param.update(object=page(store)), period=_REFRESH_MS)
    pn.state.on_session_destroyed(lambda _: store.close())
    return pane
