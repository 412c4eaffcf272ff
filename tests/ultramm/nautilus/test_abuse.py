"""A strategy that tries to break every limit does not: in the kernel's backtest, and with real orders over sockets."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import abuse
import msgspec
import pytest
from abuse import Abuser, AbuserParams, Auditor
from distributions import write_distribution
from live_node import live_node, until

from ultramm.config.resolve import ResolvedStrategy
from ultramm.journal.sqlite import SqliteJournal
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.plugin import StrategyPlugin

pytestmark = pytest.mark.integration

# Each time another one is the nearest.
TIGHT = [
    pytest.param({"position": 0.05, "notional": 1e6, "open orders": 12}, "position", id="position"),
    pytest.param({"position": 1.0, "notional": 2_400.0, "open orders": 12}, "notional", id="notional"),
    pytest.param({"position": 1.0, "notional": 1e6, "open orders": 5}, "open orders", id="orders"),
]
MODULE = """
from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(name="abuser", summary="", params="abuse:AbuserParams", strategy="abuse:Abuser")
"""


def auditor_of(limits: dict[str, float]) -> Auditor:
    return Auditor(limits["position"], limits["notional"], int(limits["open orders"]))


def settings_of(limits: dict[str, float]) -> tuple[str, ...]:
    return (
        f"risk.max_notional={limits['notional']}",
        f"risk.max_open_orders={limits['open orders']}",
        "risk.messages_per_second=1000",
        "risk.message_burst=2000",
        "risk.max_rejects_in_row=1000000",
    )


class Audited(Collector):
    """Also keeps count."""

    def __init__(self, auditor: Auditor) -> None:
        super().__init__()
        self._auditor = auditor

    def __call__(self, ts_ns: int, record: Any) -> None:
        super().__call__(ts_ns, record)
        self._auditor.take(record)


@pytest.mark.parametrize(("limits", "nearest"), TIGHT)
def test_no_limit_is_broken_in_ten_thousand_orders(
    default_config: Any, monkeypatch: pytest.MonkeyPatch, limits: dict[str, float], nearest: str
) -> None:
    module = types.ModuleType("ultramm_test_abuser")
    module.Abuser = Abuser  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    resolved = default_config("venues.SIM.params.preset=wide", "venues.SIM.params.duration_s=150", *settings_of(limits))
    (strategy,) = resolved.strategies
    abuser = ResolvedStrategy(
        strategy.settings,
        StrategyPlugin(name="abuser", summary="", params="", strategy="ultramm_test_abuser:Abuser"),
        AbuserParams(max_position=limits["position"], refresh_ms=0),
        strategy.risk,
    )
    auditor = auditor_of(limits)
    run_backtest(msgspec.structs.replace(resolved, strategies=(abuser,)), collector=Audited(auditor))
    assert auditor.attempts > 10_000
    assert auditor.breaches == []
    assert auditor.most[nearest] > 0.8 * limits[nearest], "it did not come to it"


def test_no_limit_is_broken_with_real_orders(served: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"position": 0.05, "notional": 2_400.0, "open orders": 5}
    points = {"ultramm.strategies": {"abuser": "ultramm_test_abuser:PLUGIN"}}
    site = write_distribution(tmp_path / "site", "abuser", points, {"ultramm_test_abuser": MODULE})
    paths = (str(site), str(Path(abuse.__file__).parent), os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    params = f"strategies.0.params={{max_position: {limits['position']}, refresh_ms: 0}}"
    # No faster than the venue takes them: one that bans us would see fewer.
    slow = ("risk.messages_per_second=8", "risk.message_burst=40")
    with live_node(tmp_path, served.url) as node:
        node.start("strategies.0.use=abuser", params, *settings_of(limits), *slow)
        until(lambda: len(node.journal("order")) > 400, "it has tried", node, 120.0)
        assert node.stop() == 0, node.output
    assert served.open_orders() == []
    auditor = auditor_of(limits)
    store = SqliteJournal(tmp_path / "data" / "journal.db")
    for entry in store.read(limit=1_000_000):
        auditor.take(entry.record)
    store.close()
    assert auditor.attempts > 100
    assert auditor.breaches == []
