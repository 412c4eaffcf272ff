"""What holds for all strategies together, and what guards a market, by the kernel."""

from __future__ import annotations

from typing import Any

import pytest

from ultramm.errors import ConfigError
from ultramm.journal.records import GuardEvent
from ultramm.nautilus.backtest import BacktestResult, Collector, run_backtest
from ultramm.nautilus.synthetic import EPOCH_NS

S = 1_000_000_000
SETTINGS = ("venues.SIM.params.duration_s=150", "venues.SIM.params.preset=wide")
TWO = (
    "venues.SIM.instruments=[BTCUSDT, ETHUSDT]",
    "strategies=[{use: market-maker, name: one, instruments: [BTCUSDT.SIM, ETHUSDT.SIM], "
    "params: {half_spread_bps: 0.5, order_size: 0.01, max_position: 0.05}}]",
)


class Watched(Collector):
    """Also what guards held back, and the largest sum of positions' worth."""

    def __init__(self) -> None:
        super().__init__()
        self.guards: list[GuardEvent] = []
        self.worth: dict[str, float] = {}
        self.most = 0.0

    def __call__(self, ts_ns: int, record: Any) -> None:
        super().__call__(ts_ns, record)
        if isinstance(record, GuardEvent):
            self.guards.append(record)
        if getattr(record, "position", None) is not None and record.mid is not None:
            self.worth[record.instrument] = abs(record.position) * record.mid
            self.most = max(self.most, sum(self.worth.values()))


def play(default_config: Any, *settings: str) -> tuple[Watched, BacktestResult]:
    watched = Watched()
    return watched, run_backtest(default_config(*SETTINGS, *settings), collector=watched)


def test_all_positions_together_stay_within_their_limit(default_config: Any) -> None:
    free, _ = play(default_config, *TWO)
    assert free.most > 2_000.0
    held, result = play(default_config, *TWO, "risk.total={max_gross: 1200 USDT}")
    assert 600.0 < held.most <= 1_200.0 * 1.01  # the mid moves after an order was placed
    assert all(score.fills > 0 for score in result.scores)


def test_a_peg_that_does_not_hold_lets_positions_only_shrink(default_config: Any) -> None:
    broken = "risk.pegs=[{instrument: BTCUSDT.SIM, price: 1000, within_bps: 50}]"
    _, result = play(default_config, broken)
    assert result.scores[0].fills == 0
    _, free = play(default_config, "risk.pegs=[{instrument: BTCUSDT.SIM, price: 50000, within_bps: 5000}]")
    assert free.scores[0].fills > 0


@pytest.mark.integration
def test_guards_are_told_of_in_the_journal_and_let_go_again(default_config: Any) -> None:
    watched, result = play(
        default_config,
        "venues.SIM.params.preset=tight",
        "venues.SIM.params.duration_s=900",
        "strategies.0.params.half_spread_bps=0.2",
        "risk.toxicity={gain: 1}",
        "risk.market={}",
        "risk.manipulation=true",
        "risk.fill_burst={orders: 2}",
    )
    held = [guard for guard in watched.guards if guard.active]
    assert {"toxic fills", "fill burst"} <= {guard.guard for guard in held}
    assert all(guard.reason for guard in held)
    for name in {guard.guard for guard in held}:
        for side in ("BUY", "SELL"):
            turns = [guard.active for guard in watched.guards if (guard.guard, guard.side) == (name, side)]
            assert turns == [index % 2 == 0 for index in range(len(turns))]
    assert result.scores[0].fills > 0


def test_without_guards_and_with_those_that_find_nothing_a_run_is_the_same(default_config: Any) -> None:
    _, plain = play(default_config)
    watched, guarded = play(default_config, "risk.manipulation=true")
    assert watched.guards == []
    assert guarded.fills_sha256 == plain.fills_sha256


def test_value_at_risk_lets_nothing_begin_before_the_market_was_seen_for_a_minute(default_config: Any) -> None:
    held, _ = play(default_config, "risk.max_var={budget: 1000000 USDT}")
    free, _ = play(default_config)
    begins_ns = min(ts_ns for ts_ns, _ in free.fills)
    assert begins_ns < EPOCH_NS + 60 * S
    assert min(ts_ns for ts_ns, _ in held.fills) > EPOCH_NS + 60 * S


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("risk.total={max_gross: 5 USDT, max_net: 5 EUR}", "risk.total: EUR, USDT: state all in one currency"),
        ("risk.pegs=[{instrument: NOSUCH.SIM}]", "risk.pegs[0].instrument: unknown instrument NOSUCH.SIM"),
        ("strategies.0.risk={total: {}}", "strategies[0].risk.total: it is of all strategies together"),
        ("strategies.0.risk={max_notonal: 5}", "strategies[0].risk.max_notonal: unknown key"),
        ("risk.max_var={budget: 5 EUR}", "risk.max_var.budget: 5 EUR: mm-btc on BTCUSDT.SIM earns USDT"),
        ("risk.market={gap_sigmas: 0}", "risk.market.gap_sigmas"),
        ("risk.toxicity={gian: 1}", "risk.toxicity.gian: unknown key"),
        ("risk.session_edges={after_open_s: -1}", "risk.session_edges.after_open_s"),
        ("risk.max_messages_per_trade=0", "risk.max_messages_per_trade"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(default_config: Any, setting: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run_backtest(default_config(*SETTINGS, setting))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_strategys_own_limits_hold_for_it(default_config: Any) -> None:
    resolved = default_config("risk.max_notional=5000", "risk.widen=3", "strategies.0.risk={max_notional: 100}")
    (strategy,) = resolved.strategies
    assert (strategy.risk.max_notional, strategy.risk.widen) == (100.0, 3.0)
    assert resolved.config.risk.max_notional == 5_000.0


def test_a_position_that_the_market_runs_from_is_closed_and_quoting_goes_on_after_a_rest(default_config: Any) -> None:
    scenario = "venues.SIM.params={preset: benign, pace: 4, duration_s: 300, scenario: flash-crash, scenario_at_s: 150}"
    stop = "risk.position_stop={sigmas: 3, over_s: 30, rest_s: 10}"
    watched, result = play(default_config, scenario, stop)
    halts = [halt for halt in watched.halts if halt.source == "position stop"]
    assert len(halts) >= 2, "it stopped, and went on"
    assert [halt.active for halt in halts] == [index % 2 == 0 for index in range(len(halts))]
    assert "sigma from the best of this position" in halts[0].reason
    closing = [fill for _, fill in watched.fills if not fill.maker]
    assert closing
    last_ns = max(ts_ns for ts_ns, _ in watched.fills)
    assert any(fill.maker for ts_ns, fill in watched.fills if ts_ns > last_ns - 60 * 10**9)
    assert result.scores[0].fills > len(closing)
