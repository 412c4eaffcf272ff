"""Two markets of one node by the kernel: quoted here and hedged there."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ultramm.analytics.report.legs import together
from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.journal.records import FillEvent
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.tracer import Tracer

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[3]
DOCS = PROJECT / "docs" / "pairs.md"
RECORDINGS = PROJECT.parent / "shared" / "data"
SHARED = {"adapter": "synthetic", "instruments": ["BTCUSDT"]}
RICH = ["1000000 USDT", "20 BTC"]


def text(seconds: int, first: dict[str, Any], hedge: dict[str, Any], **venue: Any) -> str:
    """Under one seed two presets of the built-in market have the same shocks: one asset at two venues."""
    params = {"duration_s": seconds, "seed": 7}
    return json.dumps(
        {
            "mode": "backtest",
            "name": "pair",
            "venues": {
                "HERE": {
                    **SHARED,
                    "params": {"preset": "wide", **params},
                    "paper": {"starting_balances": RICH, "maker_fee_bps": 0, "taker_fee_bps": 5},
                },
                "THERE": {
                    **SHARED,
                    "params": {"preset": "benign", **params},
                    "paper": {"starting_balances": RICH, "maker_fee_bps": 0, "taker_fee_bps": 0.5, **venue},
                },
            },
            "strategies": [
                {"name": "first", "instruments": ["BTCUSDT.HERE"], **first},
                {"use": "hedger", "name": "hedge", "instruments": ["BTCUSDT.THERE"], "params": hedge},
            ],
        }
    )


@pytest.fixture
def played(tmp_path: Path) -> Callable[..., tuple[Any, Collector]]:
    def play(of: str, *overrides: str, collector: Collector | None = None) -> tuple[Any, Collector]:
        path = tmp_path / "pair.yaml"
        path.write_text(of)
        resolved: Resolved = resolve(read(path, overrides, {}))
        collector = Collector() if collector is None else collector
        return run_backtest(resolved, collector=collector), collector

    return play


def open_sizes(fills: list[tuple[int, FillEvent]]) -> list[tuple[float, float]]:
    """What of the first's position the hedge has left, and for how many seconds."""
    positions, found = {"first": 0.0, "hedge": 0.0}, []
    for (ts_ns, fill), (next_ns, _) in zip(fills, fills[1:], strict=False):
        positions[fill.strategy] = fill.position
        found.append((abs(positions["first"] + positions["hedge"]), (next_ns - ts_ns) * 1e-9))
    return found


MAKER = {
    "use": "cross-exchange-maker",
    "params": {
        "other": "BTCUSDT.THERE",
        "order_size": 0.05,
        "max_position": 0.5,
        "edge_bps": 0.5,
        "other_fee_bps": 0.5,
        "delay_s": 0.02,
        "refresh_ms": 50,
    },
}
HEDGE = {"makers": ["first"], "band": 0, "patience_s": 0, "max_position": 0.5}


def test_what_is_filled_here_is_hedged_there_at_once(played: Any) -> None:
    result, collector = played(text(300, MAKER, HEDGE))
    first, hedge = result.scores
    assert first.fills > 10
    assert hedge.fills >= first.fills // 2
    assert {fill.maker for _, fill in collector.fills if fill.strategy == "first"} == {True}
    assert {fill.maker for _, fill in collector.fills if fill.strategy == "hedge"} == {False}
    # A lot is 0.01: what the mids' difference leaves of one stays open. The rest is closed within a second.
    longest = [seconds for size, seconds in open_sizes(collector.fills) if size > 0.0151]
    assert max(longest, default=0.0) < 1.0
    assert first.pnl.identity_residual < 1e-9


def test_it_quotes_no_more_than_its_hedge_can_take(played: Any) -> None:
    """An account that has little to sell there: no more is bought here."""
    _, collector = played(text(300, MAKER, HEDGE, starting_balances=["1000000 USDT", "0.1 BTC"]))
    positions = [fill.position for _, fill in collector.fills if fill.strategy == "first"]
    assert positions
    assert max(positions) <= 0.1 + 0.0101
    assert not [halt for halt in collector.halts if halt.active and "waits for" not in halt.reason]


def test_statistical_arbitrage_holds_both_legs_and_ends_flat_where_the_relation_breaks(played: Any) -> None:
    params = {"other": "BTCUSDT.THERE", "max_position": 0.1, "bar_s": 1, "bars": 300, "reform_s": 300}
    strategy = {"use": "statistical-arbitrage", "params": {**params, "other_fee_bps": 0.1}}
    hedger = {"makers": ["first"], "band": 0, "max_position": 0.5}
    result, collector = played(text(1_800, strategy, hedger), collector=Tracer(makers=2))
    first, hedge = result.scores
    assert first.fills >= 4
    assert hedge.fills >= 4
    for size, seconds in open_sizes(collector.fills):
        assert size <= 0.05 or seconds < 10.0
    assert first.pnl.identity_residual < 1e-9
    (group,) = together([(score, collector.traces[score.strategy, score.instrument]) for score in result.scores])
    assert group.totals["USDT"].total == pytest.approx(first.pnl.total + hedge.pnl.total)
    # All is closed in the end: what the round trips brought is what was made.
    assert first.inventory.last == 0.0
    assert sum(trip.net for trip in group.trips) == pytest.approx(group.totals["USDT"].total, abs=0.5)
    assert {each.name for each in group.estimates if each.foretold is not None} == {
        "time",
        "costs",
        "gain after costs",
        "half-life",
    }


def test_a_basket_is_hedged_on_each_of_its_markets(played: Any) -> None:
    strategy = {
        "use": "statistical-arbitrage",
        "params": {
            "other": ["BTCUSDT.THERE", "BTCUSDT.FAR"],
            "max_position": 0.1,
            "bar_s": 1,
            "bars": 300,
            "reform_s": 300,
            "other_fee_bps": 0.1,
        },
    }
    config = json.loads(text(900, strategy, {"makers": ["first"], "band": 0, "max_position": 0.5, "basket": ["far"]}))
    far = copy.deepcopy(config["venues"]["THERE"])
    far["params"]["preset"] = "wide2"
    config["venues"]["FAR"] = far
    hedge = copy.deepcopy(config["strategies"][1])
    hedge |= {"name": "far", "instruments": ["BTCUSDT.FAR"]}
    hedge["params"]["basket"] = ["hedge"]
    config["strategies"].append(hedge)
    result, collector = played(json.dumps(config))
    fills = {score.strategy: score.fills for score in result.scores}
    assert fills["first"] >= 4
    assert fills["hedge"] + fills["far"] >= 4
    assert all(score.pnl.identity_residual < 1e-9 for score in result.scores)
    assert not [halt for halt in collector.halts if halt.active and halt.source == "error"]
    # All are of one asset: together they hold next to nothing, but for seconds after a fill.
    positions: dict[str, float] = {}
    for (ts_ns, fill), (next_ns, _) in zip(collector.fills, collector.fills[1:], strict=False):
        positions[fill.strategy] = fill.position
        assert abs(sum(positions.values())) <= 0.05 or (next_ns - ts_ns) < 10_000_000_000


@pytest.mark.parametrize("number", range(3))
def test_each_example_of_the_docs_runs(played: Any, number: int) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 3
    venues = re.findall(r"^  ([A-Z]+):$", examples[number], re.MULTILINE)
    short = [f"venues.{venue}.params.duration_s=400" for venue in venues]
    result, collector = played(examples[number], "mode=backtest", *short)
    assert all(score.pnl.identity_residual < 1e-9 for score in result.scores)
    assert not [halt for halt in collector.halts if halt.active and halt.source == "error"]
    if number:
        assert result.scores[0].fills > 0


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings in ../shared/data")
def test_spot_is_quoted_by_the_perpetual_on_recordings_and_nothing_stays_open(recordings_cache: Path) -> None:
    path = PROJECT / "config" / "backtests" / "binance-across.yaml"
    caches = [f"venues.{venue}.params.cache={recordings_cache}" for venue in ("BINANCE", "BINANCEUSDM")]
    collector = Collector()
    result = run_backtest(resolve(read(path, caches, {"SHARED_DATA": str(RECORDINGS)})), collector=collector)
    across, hedge = result.scores
    assert (across.fills, hedge.fills) == (157, 45)
    positions, longest = {"across": 0.0, "hedge": 0.0}, 0.0
    for (ts_ns, fill), (next_ns, _) in zip(collector.fills, collector.fills[1:], strict=False):
        positions[fill.strategy] = fill.position
        if abs(sum(positions.values())) > 0.0025:  # two and a half of the perpetual's lots
            longest = max(longest, (next_ns - ts_ns) * 1e-9)
    assert longest < 0.5
