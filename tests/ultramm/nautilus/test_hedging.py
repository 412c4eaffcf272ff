"""A maker and its hedge by the kernel, at two venues.

Under one seed two presets of the built-in market have the same shocks and the same noise: two venues of one asset, each
with a book and fills of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.journal.records import FillEvent
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.shell import MakerShell
from ultramm.nautilus.synthetic import EPOCH_NS
from ultramm.risk.limits import Funds

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[3]
SHARED = PROJECT.parent / "shared" / "data"
S = 1_000_000_000
TEXT = """
mode: backtest
name: hedged
seed: 7
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT]
    params: {preset: wide, duration_s: 300}
    paper: {starting_balances: [1000000 USDT, 20 BTC], latency_ms: 5, maker_fee_bps: 0, taker_fee_bps: 5}
  PERP:
    adapter: synthetic
    instruments: [BTCUSDT]
    params: {preset: benign, duration_s: 300}
    paper: {starting_balances: [1000000 USDT, 20 BTC], latency_ms: 5, maker_fee_bps: 0, taker_fee_bps: 0.5}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.SIM]
    params: {order_size: 0.02, max_position: 0.2, half_spread_bps: 1, skew: 0.5}
  - use: hedger
    name: hedge
    instruments: [BTCUSDT.PERP]
    params: {makers: [mm], band: 0.02, max_position: 1}
"""


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Resolved]:
    path = tmp_path / "hedged.yaml"
    path.write_text(TEXT)
    return lambda *overrides: resolve(read(path, overrides, {}))


def mean_sizes(fills: list[tuple[int, FillEvent]]) -> tuple[float, float]:
    """Mean size over time of the maker's position, and of what the hedge leaves of it."""
    positions = {"mm": 0.0, "hedge": 0.0}
    alone = left = 0.0
    for (ts_ns, fill), (next_ns, _) in zip(fills, fills[1:], strict=False):
        positions[fill.strategy] = fill.position
        alone += abs(positions["mm"]) * (next_ns - ts_ns)
        left += abs(positions["mm"] + positions["hedge"]) * (next_ns - ts_ns)
    return alone / (fills[-1][0] - fills[0][0]), left / (fills[-1][0] - fills[0][0])


def test_what_the_maker_holds_is_offset_elsewhere(config: Any) -> None:
    collector = Collector()
    result = run_backtest(config(), collector=collector)
    mm, hedge = result.scores
    assert mm.fills > 50
    assert hedge.fills > 20
    alone, left = mean_sizes(collector.fills)
    assert alone > 0.04
    assert left < 0.03, "the band and what is on its way"
    assert abs(mm.inventory.last + hedge.inventory.last) < 0.05
    assert abs(hedge.inventory.last) <= 1.0
    assert {fill.maker for _, fill in collector.fills if fill.strategy == "hedge"} == {True, False}
    assert hedge.pnl.identity_residual < 1e-9
    # Before the other market was seen the maker waited; nothing else was in the way.
    assert {halt.reason for halt in collector.halts if halt.active} <= {"hedge cannot hedge: waits for the first book"}


def test_the_maker_trades_as_if_it_were_alone(config: Any) -> None:
    """Its market does not know of the hedge."""

    def fills(*overrides: str) -> list[Any]:
        collector = Collector()
        run_backtest(config(*overrides), collector=collector)
        return [(ts_ns, fill.price, fill.size) for ts_ns, fill in collector.fills if fill.strategy == "mm"]

    short = ("venues.SIM.params.duration_s=120", "venues.PERP.params.duration_s=120")
    assert fills(*short) == fills(*short, "strategies.1.params.band=1000000")


class Penniless(MakerShell):
    """Believes that its hedge may trade without bound, where its account at that venue is empty: all is refused."""

    def _funds(self) -> Funds:
        return Funds() if self.maker_name == "hedge" else super()._funds()


def test_a_leg_that_is_refused_closes_the_makers_position(config: Any) -> None:
    collector = Collector()
    collector.shell = Penniless
    result = run_backtest(
        config("venues.PERP.paper.starting_balances=[0.01 USDT]", "strategies.1.params.max_pause_s=300"),
        collector=collector,
    )
    assert result.scores[1].fills == 0
    first = next(halt for halt in collector.halts if halt.source == "hedge" and "traded nothing" in halt.reason)
    assert first.strategy == "mm"
    assert first.reason == "hedge cannot hedge: 5 orders in a row traded nothing"
    closing = [fill for _, fill in collector.fills if not fill.maker]
    assert closing, "in slices, at what the market takes"
    assert closing[-1].position == 0.0
    # It was let try again, once in a while, and closed again.
    again = [halt.reason for halt in collector.halts if halt.active and "traded nothing" in halt.reason]
    assert again[1] == "hedge cannot hedge: 6 orders in a row traded nothing"
    assert abs(result.scores[0].inventory.last) <= 0.2


class Paused(Penniless):
    """Somebody pauses the node just before too many orders were refused, and resumes it at the end."""

    def _heartbeat(self) -> None:
        now_ns, at = self.clock.timestamp_ns(), EPOCH_NS
        if "operator" not in self.maker.halts and at + 20 * S <= now_ns < at + 240 * S:
            self.withdraw("operator", "paused by operator")
        if "operator" in self.maker.halts and now_ns >= at + 240 * S:
            self.release("operator")
        super()._heartbeat()


def test_who_pauses_the_node_keeps_his_position(config: Any) -> None:
    """Until he resumes: then what nothing offsets is closed."""
    collector = Collector()
    collector.shell = Paused
    empty = "venues.PERP.paper.starting_balances=[0.01 USDT]"
    # Only the cap on time counts here: the position that stands at the pause is outside the band for long.
    run_backtest(config(empty, "strategies.1.params.max_tries=1000"), collector=collector)
    closing = [ts_ns for ts_ns, fill in collector.fills if not fill.maker]
    reasons = [halt.reason for halt in collector.halts if halt.active and halt.source == "hedge"]
    assert reasons[-1] == "hedge cannot hedge: the exposure was outside its band for 60 s"
    assert closing
    assert min(closing) >= EPOCH_NS + 240 * S


@pytest.mark.skipif(not SHARED.is_dir(), reason="no recordings in ../shared/data")
def test_spot_is_hedged_by_the_perpetual_on_recordings(recordings_cache: Path) -> None:
    path, environment = PROJECT / "config" / "backtests" / "binance-spot-hedged.yaml", {"SHARED_DATA": str(SHARED)}
    caches = [f"venues.{venue}.params.cache={recordings_cache}" for venue in ("BINANCE", "BINANCEUSDM")]
    collector = Collector()
    result = run_backtest(resolve(read(path, caches, environment)), collector=collector)
    mm, hedge = result.scores
    assert mm.fills == 952, "as without a hedge: binance-spot-by-usdm.yaml"
    assert hedge.pnl.identity_residual < 1e-9
    assert result.accounts[1].gap is not None
    assert result.accounts[1].gap < 1e-5
    alone, left = mean_sizes(collector.fills)
    assert alone > 0.08
    assert left < 0.35 * alone
