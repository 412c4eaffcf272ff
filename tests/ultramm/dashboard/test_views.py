"""Tabs that plugins bring, and those that break."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from view_plugin import write_view

from ultramm.dashboard.views import views_of


class Counting:
    """All that this view looks at."""

    class status:  # noqa: N801
        market_events = 7


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution with a view."""
    site = write_view(tmp_path / "site")
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("ultramm_test_view", None)


def text(view: Any) -> str:
    return str(view.pane[0].object)


def test_a_view_is_shown_where_the_configuration_names_it(installed: Path) -> None:
    (view,) = views_of({"plugins": [{"use": "counted", "params": {"word": "trades"}}]})
    assert view.title == "Counted"
    view.update(Counting())  # type: ignore[arg-type]
    assert text(view) == "<p>7 trades were counted</p>"


@pytest.mark.parametrize("configuration", [{}, {"plugins": []}, {"plugins": [{"use": "not-here"}]}])
def test_without_one_there_is_none(installed: Path, configuration: dict[str, object]) -> None:
    assert views_of(configuration) == []


def test_a_view_that_breaks_says_so_in_its_tab_and_nowhere_else(installed: Path) -> None:
    (view,) = views_of({"plugins": [{"use": "counted", "params": {"word": "break"}}]})
    view.update(Counting())  # type: ignore[arg-type]
    assert text(view) == "<p>Counted failed: RuntimeError: &lt;b&gt;broken&lt;/b&gt;</p>"
    view.update(Counting())  # type: ignore[arg-type]


def test_a_view_that_cannot_be_made_says_so(installed: Path) -> None:
    (view,) = views_of({"plugins": [{"use": "counted", "params": {"wrod": "x"}}]})
    assert "counted failed: ValidationError" in text(view)
