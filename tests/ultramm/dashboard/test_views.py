"""Tabs that plugins bring, and those that break."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributions import write_distribution

from ultramm.dashboard.views import views_of

MODULE = """
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
        self._pane.object = f"<p>{len(follower.fills)} {self._params.word} counted</p>"

PLUGIN = ViewPlugin(name="counted", summary="", params="ultramm_test_view:Params", view="ultramm_test_view:Counted")
"""


class Filled:
    """All that this view looks at."""

    fills = (1, 2)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution with a view."""
    points = {"ultramm.plugins": {"counted": "ultramm_test_view:PLUGIN"}}
    site = write_distribution(tmp_path / "site", "view", points, {"ultramm_test_view": MODULE})
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("ultramm_test_view", None)


def text(view: Any) -> str:
    return str(view.pane[0].object)


def test_a_view_is_shown_where_the_configuration_names_it(installed: Path) -> None:
    (view,) = views_of({"plugins": [{"use": "counted", "params": {"word": "trades"}}]})
    assert view.title == "Counted"
    view.update(Filled())  # type: ignore[arg-type]
    assert text(view) == "<p>2 trades counted</p>"


@pytest.mark.parametrize("configuration", [{}, {"plugins": []}, {"plugins": [{"use": "not-here"}]}])
def test_without_one_there_is_none(installed: Path, configuration: dict[str, object]) -> None:
    assert views_of(configuration) == []


def test_a_view_that_breaks_says_so_in_its_tab_and_nowhere_else(installed: Path) -> None:
    (view,) = views_of({"plugins": [{"use": "counted", "params": {"word": "break"}}]})
    view.update(Filled())  # type: ignore[arg-type]
    assert text(view) == "<p>Counted failed: RuntimeError: &lt;b&gt;broken&lt;/b&gt;</p>"
    view.update(Filled())  # type: ignore[arg-type]


def test_a_view_that_cannot_be_made_says_so(installed: Path) -> None:
    (view,) = views_of({"plugins": [{"use": "counted", "params": {"wrod": "x"}}]})
    assert "counted failed: ValidationError" in text(view)
