"""The strategies that come with ultramm and make a market, each with parameters that it quotes by."""

from __future__ import annotations

from typing import Any

import msgspec

from ultramm.market import Instrument
from ultramm.plugin import installed, load

NEEDS: dict[str, dict[str, Any]] = {
    "market-maker": {"half_spread_bps": 2.0},
    "glft": {},
    "avellaneda-stoikov": {"gamma": 1e-3},
    "adaptive-market-maker": {"edge_gate": False},
    "ai-market-maker": {"model": "none"},
    "combined": {
        "core": {"use": "glft", "params": {"order_size": 0.01}},
        "members": [{"name": "trend", "use": "trend"}, {"name": "flow", "use": "flow"}],
        "shift_bps": 1.0,
    },
}
SIZES = {"order_size": 0.01, "max_position": 0.05}


def strategies() -> list[str]:
    """All but those that need another strategy or another market: these quote nothing by themselves."""
    ours = [plugin.name for plugin in installed("strategy") if plugin.distribution == "ultramm"]
    return sorted(name for name in ours if not known(name) & {"makers", "other"})


def built(name: str, of: Instrument, **params: Any) -> Any:
    sizes = {key: value for key, value in SIZES.items() if key in known(name)}
    given = {**sizes, **NEEDS[name], **params}
    return load(_plugin(name).strategy)(msgspec.convert(given, load(_plugin(name).params)), of)


def known(name: str) -> set[str]:
    """The parameters of a strategy."""
    return {field.name for field in msgspec.structs.fields(load(_plugin(name).params))}


def _plugin(name: str) -> Any:
    (plugin,) = [item for item in installed("strategy") if item.name == name]
    return plugin.record
