"""Tabs that plugins bring: those that the configuration of the run names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from html import escape
from typing import Any, Protocol

import msgspec
import panel as pn

from ultramm import plugin
from ultramm.dashboard.follow import Follower
from ultramm.errors import PluginError
from ultramm.plugin import ViewPlugin

_log = logging.getLogger(__name__)


class View(Protocol):
    """What a view plugin provides: it is built as ``view(params)`` for each page."""

    title: str

    def __init__(self, params: Any) -> None: ...

    def panel(self) -> Any:
        """What Panel shows; asked for once. What comes from a journal must be escaped."""

    def update(self, follower: Follower) -> None:
        """Show what is new; called several times a second while the tab is seen."""


class Guarded:
    """A view that cannot take the page down: where it fails, its tab says so.

    Parameters
    ----------
    record : ViewPlugin
        Which.
    params : mapping
        As the configuration has them.
    """

    def __init__(self, record: ViewPlugin, params: Mapping[str, object]) -> None:
        self.title = record.name
        self.pane = pn.Column(sizing_mode="stretch_width", margin=0)
        self._view: View | None = None
        try:
            view: View = plugin.load(record.view)(msgspec.convert(params, plugin.load(record.params)))
            self.pane.objects = [view.panel()]
            self.title, self._view = view.title, view
        except Exception as exc:
            self._failed(exc)

    def update(self, follower: Follower) -> None:
        """Show what is new; after a failure, nothing any more."""
        if self._view is not None:
            try:
                self._view.update(follower)
            except Exception as exc:
                self._failed(exc)

    def _failed(self, exc: Exception) -> None:
        _log.warning("view %s failed", self.title, exc_info=exc)
        self._view = None
        self.pane.objects = [pn.pane.HTML(f"<p>{escape(f'{self.title} failed: {type(exc).__name__}: {exc}')}</p>")]


def views_of(configuration: Mapping[str, object]) -> list[Guarded]:
    """The views that the configuration of a run names and that are installed here."""
    found = []
    listed = configuration.get("plugins")
    for each in listed if isinstance(listed, list) else []:
        try:
            record = plugin.record("plugin", each["use"])
        except PluginError as exc:
            # A page need not have what the node has.
            _log.info("no view: %s", exc)
            continue
        if isinstance(record, ViewPlugin):
            found.append(Guarded(record, each.get("params") or {}))
    return found
