"""Places that a maker estimates against those that the simulated venue fills by: an end-to-end check of both."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ultramm.nautilus import account
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.queue import QueueModule
from ultramm.nautilus.shell import MakerShell

pytestmark = pytest.mark.integration

GLFT = (
    "strategies.0.use=glft",
    "strategies.0.params={order_size: 0.01, max_position: 0.1, levels: 3, refresh_ms: 100}",
    "venues.SIM.paper.queue=probabilistic",
    "venues.SIM.paper.latency_ms=0",
    "venues.SIM.params.duration_s=300",
)


def places(resolved: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Size ahead of each open order at each decision, as the venue has it and as the maker thinks."""
    modules: list[QueueModule] = []
    found: list[tuple[float, float]] = []

    class Seen(QueueModule):
        def __init__(self) -> None:
            super().__init__()
            modules.append(self)

    class Watching(MakerShell):
        def _step(self, now_ns: int) -> None:
            super()._step(now_ns)
            (market,) = modules[0].markets.values()
            for order_id in market.places:
                thought = self.maker.queues.ahead(order_id)  # type: ignore[union-attr]
                if order_id in self.maker.orders and not math.isnan(thought):
                    found.append((market.places.ahead(order_id), thought))

    collector = Collector()
    collector.shell = Watching
    monkeypatch.setattr(account, "QueueModule", Seen)
    run_backtest(resolved, collector=collector)
    return found


def test_the_maker_thinks_of_its_places_what_the_venue_fills_by(
    default_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees the touch at each change and ten levels at decisions, the venue every change of every level."""
    found = places(default_config(*GLFT), monkeypatch)
    assert len(found) > 10_000
    assert max(venue for venue, _ in found) > 0.1, "there are queues of ten lots and more"
    gaps = sorted(abs(venue - thought) for venue, thought in found)
    half, most, nearly_all = (gaps[int(share * len(gaps))] for share in (0.5, 0.9, 0.99))
    lot = 0.01
    assert half < 1e-9
    assert most < 1.5 * lot
    assert nearly_all < 5 * lot
