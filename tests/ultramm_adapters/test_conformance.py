"""Every adapter of this distribution is what its record says."""

from __future__ import annotations

import importlib.util

import pytest

from ultramm.plugin import AdapterPlugin, Installed, installed
from ultramm.testing import check_adapter

ADAPTERS = [plugin for plugin in installed("adapter") if plugin.distribution == "ultramm"]


def test_there_are_some() -> None:
    assert {plugin.name for plugin in ADAPTERS} >= {"binance", "bybit", "synthetic"}


@pytest.mark.parametrize("plugin", ADAPTERS, ids=lambda plugin: plugin.name)
def test_it_conforms(plugin: Installed) -> None:
    assert isinstance(plugin.record, AdapterPlugin)
    problems = check_adapter(plugin.record)
    if plugin.name == "interactive-brokers" and importlib.util.find_spec("ibapi") is None:
        problems = [problem for problem in problems if "pip install 'ultramm[ib]'" not in problem]
    assert problems == []
