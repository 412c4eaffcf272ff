"""A distribution with a tab of the page."""

from __future__ import annotations

from pathlib import Path

from distributions import write_distribution

_MODULE = """
import msgspec
import panel as pn
from ultramm.plugin import ViewPlugin

class Params(msgspec.Struct, forbid_unknown_fields=True):
    word: str = "fills"

class Counted:
    title = "Counted"
    def __init__(self, params):
        self._params = params
        self._pane = pn.pane.HTML("")
    def panel(self):
        return self._pane
    def update(self, follower):
        if self._params.word == "break":
            raise RuntimeError("<b>broken</b>")
        self._pane.object = f"<p>{follower.status.market_events:,} {self._params.word} were counted</p>"

PLUGIN = ViewPlugin(name="counted", summary="", params="ultramm_test_view:Params", view="ultramm_test_view:Counted")
"""


def write_view(site: Path) -> Path:
    """Write it into a folder, and give the folder."""
    points = {"ultramm.plugins": {"counted": "ultramm_test_view:PLUGIN"}}
    return write_distribution(site, "view", points, {"ultramm_test_view": _MODULE})
