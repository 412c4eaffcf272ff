"""A strategy that was kept and read back goes on as if nothing had been: nothing that it learnt is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from every_strategy import built, known, strategies
from market_path import drive, flow, instrument

from ultramm.checkpoint import Checkpoint, Origin, Recalled
from ultramm.market import Fill, Side

HALF_S = 300.0
FILL = Fill(round(HALF_S * 1e9), "an order", Side.BUY, 49_990.0, 0.01, 0.0, True)


def through_a_file(strategy: Any, path: Path) -> Any:
    origin = Origin.of(type(strategy))
    made = Checkpoint(path, 60.0)
    made.keep("key", origin, strategy, 1, 0)
    made.write(0)
    found = Checkpoint(path, 60.0).recall("key", origin, 0)
    assert isinstance(found, Recalled), found
    return found.strategy


@pytest.mark.parametrize(
    ("name", "params"),
    [
        (name, params)
        for name in strategies()
        for params in ({}, {"own_fills": True}, {"edge_gate": True}, {"ping_pong": True})
        if params.keys() <= known(name)
    ],
)
def test_it_goes_on_as_if_nothing_had_been(name: str, params: dict[str, Any], tmp_path: Path) -> None:
    of, events = instrument(), list(flow(2 * HALF_S, 0.5))
    middle = len(events) // 2
    straight, kept = built(name, of, **params), built(name, of, **params)
    for strategy in (straight, kept):
        drive(strategy, events[:middle])
        strategy.on_fill(FILL)
    kept = through_a_file(kept, tmp_path / "checkpoint")
    expected, found = drive(straight, events[middle:]), drive(kept, events[middle:])
    assert repr(found) == repr(expected)
    new = drive(built(name, of, **params), events[middle:])
    if params.get("ping_pong") or name != "market-maker":
        assert repr(found) != repr(new), "there was nothing to remember"
