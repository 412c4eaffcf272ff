"""A maker that loses too much, by the kernel: it stops, closes its position in slices, and never opens again."""

from __future__ import annotations

from typing import Any

import pytest

from ultramm.errors import ConfigError
from ultramm.journal.records import FillEvent
from ultramm.nautilus.backtest import BacktestResult, Collector, run_backtest

S = 1_000_000_000
SETTINGS = (
    "venues.SIM.params.duration_s=900",
    "venues.SIM.params.preset=wide",
    "strategies.0.params.half_spread_bps=0.5",
)


class Watched(Collector):
    """Also when it was stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped_ns: list[int] = []

    def __call__(self, ts_ns: int, record: Any) -> None:
        super().__call__(ts_ns, record)
        if getattr(record, "source", "") == "stops":
            self.stopped_ns.append(ts_ns)


def play(default_config: Any, *settings: str) -> tuple[Watched, BacktestResult]:
    watched = Watched()
    return watched, run_backtest(default_config(*SETTINGS, *settings), collector=watched)


@pytest.mark.integration
@pytest.mark.parametrize("limit", ["risk.max_daily_loss=3 USDT", "risk.max_drawdown={hard: 3 USDT}"])
def test_it_stops_once_and_closes_its_position_in_slices(default_config: Any, limit: str) -> None:
    watched, result = play(default_config, limit)
    (stopped_ns,) = watched.stopped_ns
    (halt,) = [halt for halt in watched.halts if halt.source == "stops"]
    assert halt.active
    assert "3 is allowed" in halt.reason
    after = [(ts_ns, fill) for ts_ns, fill in watched.fills if ts_ns > stopped_ns]
    closing: list[FillEvent] = [fill for _, fill in after if not fill.maker]
    (score,) = result.scores
    assert score.inventory.last == 0.0
    # Its orders were on their way back at most; since then it only closed.
    assert all(ts_ns - stopped_ns < S for ts_ns, fill in after if fill.maker)
    times = [ts_ns for ts_ns, fill in after if not fill.maker]
    assert times[-1] < result.last_ns - 60 * S
    assert all(
        abs(later.position) < abs(earlier.position) for earlier, later in zip(closing, closing[1:], strict=False)
    )


def test_a_limit_that_is_not_reached_changes_nothing(default_config: Any) -> None:
    short = "venues.SIM.params.duration_s=120"
    without, _ = play(default_config, short)
    limits = ("risk.max_daily_loss=1000000 USDT", "risk.max_drawdown={soft: 500000 USDT, hard: 1000000 USDT}")
    with_limits, _ = play(default_config, short, *limits, "risk.max_losses_in_row=100000")
    assert with_limits.fills_sha256() == without.fills_sha256()
    assert len(without.fills) > 20
    assert with_limits.stopped_ns == []


def test_losses_in_a_row_stop_it(default_config: Any) -> None:
    watched, result = play(default_config, "risk.max_losses_in_row=4")
    (halt,) = [halt for halt in watched.halts if halt.source == "stops"]
    assert halt.reason == "4 losses in a row, 4 are allowed"
    assert result.scores[0].inventory.last == 0.0


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("risk.max_daily_loss=200 EUR", "risk.max_daily_loss: 200 EUR: mm-btc on BTCUSDT.SIM earns USDT"),
        ("risk.max_drawdown={hard: 1 BTC}", "risk.max_drawdown: 1 BTC: mm-btc on BTCUSDT.SIM earns USDT"),
    ],
)
def test_a_limit_in_another_currency_is_told_before_anything_trades(
    default_config: Any, setting: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        play(default_config, setting)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("risk.max_daily_loss=200", "risk.max_daily_loss"),
        ("risk.max_daily_loss=-200 USDT", "risk.max_daily_loss"),
        ("risk.max_drawdown={soft: 3 sigma_day, hard: 2 sigma_day}", "soft must be less than hard"),
        ("risk.max_drawdown={soft: 3 USDT, hard: 3 sigma_day}", "in the same unit"),
        ("risk.max_drawdown={soft: 3 USDT}", "hard"),
    ],
)
def test_a_limit_that_is_none_is_told_by_its_key(default_config: Any, setting: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        default_config(setting)
