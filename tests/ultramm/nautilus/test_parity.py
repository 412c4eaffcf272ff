"""The same recording in a backtest and replayed on paper gives the same fills."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ultramm.config.load import DEFAULT_PATH, read
from ultramm.config.resolve import resolve
from ultramm.errors import ConfigError
from ultramm.journal.records import FillEvent
from ultramm.journal.sqlite import SqliteJournal
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.catalog.synthetic import generate
from ultramm.nautilus.node import NodeRunner

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[3]
SHARED = PROJECT.parent / "shared" / "data"

Row = tuple[int, str, float, float, float, bool]


def rows(fills: list[tuple[int, FillEvent]]) -> list[Row]:
    """Time since the first fill, side, price, size, fee, maker: what must be equal."""
    first_ns = fills[0][0]
    return [(ts - first_ns, f.side, f.price, f.size, f.fee, f.maker) for ts, f in fills]


def backtested(path: Path, overrides: list[str]) -> list[Row]:
    collector = Collector()
    run_backtest(resolve(read(path, ["mode=backtest", *overrides])), collector=collector)
    return rows(collector.fills)


def on_paper(path: Path, overrides: list[str], directory: Path) -> list[Row]:
    """Run the real command as fast as the strategy keeps up, and read its journal."""
    settings = ["mode=paper", "venues.BINANCE.params.speed=0", *overrides]
    arguments = [argument for setting in settings for argument in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "ultramm.cli.main", "node", "start", str(path), "--no-dashboard", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=280,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stopped: the recording ended" in done.stdout
    journal = SqliteJournal(directory / "data" / "journal.db")
    entries = journal.read(kind="fill", limit=100_000)
    journal.close()
    return rows([(entry.ts_ns, entry.record) for entry in entries if isinstance(entry.record, FillEvent)])


SETTINGS = ["venues.BINANCE.paper.latency_ms=0"]


EVERYTHING = [
    f"strategies.0.params.{setting}"
    for setting in (
        "fair_value=micro-price",
        "placement=improve",
        "placement_depth=0.05",
        "hanging_orders=true",
        "size_skew=1",
        "fill_pause_s=0.2",
        "take_if_crossed=true",
        "bid_levels=[{at_bps: 0.5, size: 0.01}, {at_bps: 2, size: 0.02}]",
    )
]


PROBABLE = ["venues.BINANCE.paper.queue=probabilistic"]


@pytest.mark.parametrize("settings", [[], EVERYTHING, PROBABLE], ids=["plain", "everything", "probable queue"])
def test_generated_market(settings: list[str], tmp_path: Path) -> None:
    generate(tmp_path / "catalog", "BTCUSDT.BINANCE", "benign", seed=3, duration_s=60, pace=4)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"""
mode: paper
name: parity
venues:
  BINANCE:
    adapter: replay
    instruments: [BTCUSDT]
    params: {{catalog: "{tmp_path}/catalog"}}
    paper: {{starting_balances: [100000 USDT, 2 BTC], maker_fee_bps: 1}}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.BINANCE]
    params: {{order_size: 0.01, max_position: 0.1, levels: 3, half_spread_bps: 1, level_step_bps: 1, refresh_ms: 100,
             tolerance_bps: 0.5, cover_fees: false}}
"""
    )
    expected = backtested(config, [*SETTINGS, *settings])
    assert len(expected) > 50
    assert on_paper(config, [*SETTINGS, *settings], tmp_path) == expected


def two_venues(tmp_path: Path, second: str = "") -> Path:
    """A configuration with two generated recordings, each on a venue of its own."""
    for seed, venue in enumerate(("BINANCE", "OTHER")):
        generate(tmp_path / "catalog", f"BTCUSDT.{venue}", "benign", seed=seed, duration_s=40, pace=4)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"""
mode: paper
name: parity
venues:
  BINANCE:
    adapter: replay
    instruments: [BTCUSDT]
    params: {{catalog: "{tmp_path}/catalog", speed: 0}}
    paper: {{starting_balances: [100000 USDT, 2 BTC], maker_fee_bps: 1, latency_ms: 0}}
  OTHER:
    adapter: replay
    instruments: [BTCUSDT]
    params: {{catalog: "{tmp_path}/catalog", speed: 0{second}}}
    paper: {{starting_balances: [100000 USDT, 2 BTC], maker_fee_bps: 1, latency_ms: 0}}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.BINANCE, BTCUSDT.OTHER]
    params: {{order_size: 0.01, max_position: 0.1, half_spread_bps: 1, refresh_ms: 100, cover_fees: false}}
"""
    )
    return config


def test_two_venues_of_one_node_keep_their_distance_in_time(tmp_path: Path) -> None:
    """The second recording begins five seconds later than the first, in a backtest and on paper."""
    config = two_venues(tmp_path, ', start: "2024-01-01T00:00:05"')
    expected = backtested(config, [])
    assert len(expected) > 50
    assert on_paper(config, [], tmp_path) == expected


def test_venues_that_play_at_different_speeds_are_refused(tmp_path: Path) -> None:
    config = two_venues(tmp_path)
    with pytest.raises(ConfigError, match="OTHER: plays at speed 2, BINANCE at inf: the venues of one node need one"):
        NodeRunner(resolve(read(config, ["venues.OTHER.params.speed=2"])), Collector())


@pytest.mark.skipif(not SHARED.is_dir(), reason="no recordings in ../shared/data")
@pytest.mark.parametrize("name", ["binance-spot-btcusdt", "binance-coinm-btcusd"])
def test_recording(name: str, tmp_path: Path, recordings_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_DATA", str(SHARED))
    settings = [*SETTINGS, "venues.BINANCE.params.end=2024-08-08T23:57:00"]
    settings += [f"venues.BINANCE.params.cache={recordings_cache}"]
    config = PROJECT / "config" / "backtests" / f"{name}.yaml"
    expected = backtested(config, settings)
    assert len(expected) > 50
    assert on_paper(config, settings, tmp_path) == expected


def test_latency_changes_the_fills(tmp_path: Path) -> None:
    """The comparison can tell two runs apart."""
    settings = ["venues.SIM.params.duration_s=20"]
    assert backtested(DEFAULT_PATH, ["venues.SIM.paper.latency_ms=0", *settings]) != backtested(
        DEFAULT_PATH, ["venues.SIM.paper.latency_ms=200", *settings]
    )
