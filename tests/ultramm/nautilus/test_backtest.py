"""Golden backtests: exact counts and balances, queue position, faults."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from nautilus_trader.common.actor import Actor

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, ResolvedPlugin, resolve
from ultramm.errors import DataError
from ultramm.market import Book, Fill, Instrument, Trade
from ultramm.nautilus.backtest import BacktestResult, Collector, run_backtest
from ultramm.nautilus.shell import MakerShell
from ultramm.plugin import ActorPlugin
from ultramm.quoting.decision import Decision

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[3]
SHARED = PROJECT.parent / "shared" / "data"


def only_score(result: BacktestResult) -> Any:
    (score,) = result.scores
    return score


def fills_of(collector: Collector) -> list[tuple[str, float, float]]:
    return [(fill.side, fill.price, fill.size) for _, fill in collector.fills]


# -- queue position --------------------------------------------------------------------------------------------


def queue_tape(tape: Any) -> Any:
    """100 rest at 9,999; we join behind them; 80, 30 and 50 are sold into the level."""
    tape.book(0, ("bid", 9999, 100), ("ask", 10001, 100))
    for ms, size in ((100, 80), (200, 30), (300, 50)):
        tape.trade(ms, 9999, size, "sell")
        # The level never empties: others join behind us.
        tape.book(ms + 1, ("bid", 9999, 100))
    return tape


def test_an_order_is_filled_only_after_those_before_it_in_the_queue(tape: Any, on_tape: Any) -> None:
    collector = Collector()
    run_backtest(on_tape(queue_tape(tape), "strategies.0.params.refresh_ms=10000"), collector=collector)
    # 80 of the 100 ahead, then 20 ahead and 10 of ours, then the 40 that are left of our 50.
    assert fills_of(collector)[:2] == [("BUY", 9999.0, 10.0), ("BUY", 9999.0, 40.0)]


PROBABLE = ("venues.X.paper.queue=probabilistic", "strategies.0.params.refresh_ms=10000")


def test_without_cancels_the_probable_queue_is_the_kernels_own(tape: Any, on_tape: Any) -> None:
    """The same tape; the level's sizes say nothing that the trades did not."""
    tape.book(0, ("bid", 9999, 100), ("ask", 10001, 100))
    tape.trade(100, 9999, 80, "sell")
    tape.book(101, ("bid", 9999, 20))
    tape.trade(200, 9999, 30, "sell")
    tape.trade(300, 9999, 50, "sell")
    collector = Collector()
    run_backtest(on_tape(tape, *PROBABLE), collector=collector)
    assert fills_of(collector)[:2] == [("BUY", 9999.0, 10.0), ("BUY", 9999.0, 40.0)]


def test_cancels_ahead_of_us_move_the_probable_queue_alone(tape: Any, on_tape: Any) -> None:
    """100 rest and we join; 90 of them are cancelled, all ahead since none is behind; then 30 are sold."""
    tape.book(0, ("bid", 9999, 100), ("ask", 10001, 100))
    tape.book(50, ("ask", 10001, 99))  # by now our order rests
    tape.book(100, ("bid", 9999, 10))
    tape.trade(200, 9999, 30, "sell")
    tape.book(300, ("bid", 9999, 11))
    probable, pessimistic = Collector(), Collector()
    run_backtest(on_tape(tape, *PROBABLE), collector=probable)
    run_backtest(on_tape(tape, PROBABLE[1]), collector=pessimistic)
    assert fills_of(probable) == [("BUY", 9999.0, 20.0)]
    assert fills_of(pessimistic) == []


def test_a_trade_through_us_fills_the_probable_queue(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9999, 100), ("bid", 9998, 100), ("ask", 10001, 100))
    tape.book(50, ("ask", 10001, 99))
    tape.trade(100, 9998, 30, "sell")
    tape.book(200, ("ask", 10001, 98))
    collector = Collector()
    run_backtest(on_tape(tape, *PROBABLE), collector=collector)
    assert fills_of(collector) == [("BUY", 9999.0, 30.0)]


def test_one_trade_is_spent_once_over_two_of_our_orders(tape: Any, on_tape: Any) -> None:
    """Both levels are passed by a trade of 60: the first takes its 50, the second what is left."""
    tape.book(0, ("bid", 9999, 1), ("bid", 9998, 1), ("ask", 10001, 100))
    tape.book(50, ("ask", 10001, 99))
    tape.trade(100, 9997, 60, "sell")
    tape.book(200, ("ask", 10001, 98))
    collector = Collector()
    run_backtest(on_tape(tape, *PROBABLE, "strategies.0.params.levels=2"), collector=collector)
    assert sorted(fills_of(collector), reverse=True) == [("BUY", 9999.0, 50.0), ("BUY", 9998.0, 10.0)]


def test_a_book_that_crosses_us_fills_by_the_kernels_rules(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9999, 1), ("ask", 10001, 100))
    tape.book(50, ("ask", 10001, 99))
    tape.book(100, ("bid", 9999, 0), ("bid", 9990, 5), ("ask", 9999, 20))
    tape.book(200, ("ask", 9999, 21))
    for overrides in (PROBABLE, PROBABLE[1:]):
        collector = Collector()
        run_backtest(on_tape(tape, *overrides), collector=collector)
        assert fills_of(collector)[0] == ("BUY", 9999.0, 20.0)


def test_the_probable_queue_fills_more_than_the_pessimistic_one(default_config: Any) -> None:
    scores = {
        queue: only_score(
            run_backtest(default_config("venues.SIM.params.duration_s=120", f"venues.SIM.paper.queue={queue}"))
        )
        for queue in ("pessimistic", "probabilistic")
    }
    assert scores["probabilistic"].fills > scores["pessimistic"].fills > 20
    assert scores["probabilistic"].pnl.identity_residual < 1e-9


def test_a_trade_at_another_price_fills_nothing(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9999, 100), ("bid", 9998, 100), ("ask", 10001, 100), ("ask", 10002, 100))
    tape.trade(100, 10001, 40, "buy")
    collector = Collector()
    run_backtest(on_tape(tape), collector=collector)
    assert fills_of(collector) == []


def test_an_order_takes_its_latency_to_the_venue(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9999, 1), ("ask", 10001, 1))
    tape.trade(3, 9999, 100, "sell")  # before the order is there
    tape.book(8, ("bid", 9999, 1), ("ask", 10001, 2))
    tape.trade(9, 9999, 20, "sell")
    tape.book(30, ("bid", 9999, 2))
    collector = Collector()
    run_backtest(
        on_tape(tape, "venues.X.paper.latency_ms=5", "strategies.0.params.refresh_ms=10000"), collector=collector
    )
    # Of the 20, one lot was ahead of us.
    assert fills_of(collector) == [("BUY", 9999.0, 19.0)]


# -- accounting ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fee_bps", [0, 2.5, -1])
def test_the_parts_of_the_pnl_add_up_and_agree_with_the_kernels_account(default_config: Any, fee_bps: float) -> None:
    result = run_backtest(
        default_config("venues.SIM.params.duration_s=60", f"venues.SIM.paper.maker_fee_bps={fee_bps}")
    )
    score = only_score(result)
    assert score.fills > 20
    assert score.pnl.identity_residual < 1e-9
    assert score.pnl.total == pytest.approx(score.pnl.spread_capture + score.pnl.inventory - score.pnl.fees, rel=1e-9)
    assert result.accounts[0].gap == pytest.approx(0.0, abs=1e-8 * score.fills)
    assert (score.pnl.fees > 0) == (fee_bps > 0)
    assert (score.pnl.fees < 0) == (fee_bps < 0)


def test_quotes_stand_off_far_enough_to_cover_their_fee(default_config: Any) -> None:
    free = only_score(run_backtest(default_config("venues.SIM.params.duration_s=60")))
    costly = only_score(
        run_backtest(default_config("venues.SIM.params.duration_s=60", "venues.SIM.paper.maker_fee_bps=6"))
    )
    # Agents leave the price within 6 ticks of the mid for most of a minute.
    assert costly.fills < free.fills / 5


def test_the_same_seed_gives_the_same_result_to_the_byte_and_another_does_not(default_config: Any) -> None:
    def run(seed: int) -> bytes:
        return msgspec.json.encode(run_backtest(default_config("venues.SIM.params.duration_s=30", f"seed={seed}")))

    first = run(7)
    assert run(7) == first
    assert run(8) != first


def test_two_venues_are_merged_in_time_and_settled_apart(default_config: Any, tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(
        """
mode: backtest
name: two
venues:
  A: &venue
    adapter: synthetic
    instruments: [BTCUSDT]
    params: {preset: benign, seed: 1, duration_s: 30, pace: 4}
    paper: {starting_balances: [100000 USDT, 2 BTC]}
  B:
    <<: *venue
    params: {preset: benign, seed: 2, duration_s: 30, pace: 4}
strategies:
  - use: market-maker
    name: both
    instruments: [BTCUSDT.A, BTCUSDT.B]
    params: {order_size: 0.01, max_position: 0.1, half_spread_bps: 1}
"""
    )
    result = run_backtest(resolve(read(path)))
    assert [score.instrument for score in result.scores] == ["BTCUSDT.A", "BTCUSDT.B"]
    assert all(score.fills > 0 and score.pnl.identity_residual < 1e-9 for score in result.scores)
    assert all(account.gap is not None and account.gap < 1e-6 for account in result.accounts)


def test_data_of_different_times_are_not_played_together(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9_999, 10), ("ask", 10_001, 10))
    other = "{adapter: synthetic, instruments: [BTCUSDT], paper: {starting_balances: [1000 USDT]}}"
    resolved = on_tape(tape, f"venues.SIM={other}")
    with pytest.raises(DataError, match=r"the data of X, SIM begin \d+ days apart"):
        run_backtest(resolved)


def test_an_account_without_the_coins_to_sell_quotes_one_side_only(default_config: Any) -> None:
    result = run_backtest(
        default_config("venues.SIM.params.duration_s=20", "venues.SIM.paper.starting_balances=[100000 USDT]")
    )
    score = only_score(result)
    assert score.fills > 5
    assert score.inventory.smallest == 0
    assert score.quoting.ask_uptime < score.quoting.bid_uptime


# -- faults ----------------------------------------------------------------------------------------------------


class Faulty:
    """Quotes as the market maker does, and breaks at the tenth decision."""

    def __init__(self, params: Any, instrument: Instrument) -> None:
        from ultramm_strategies.market_maker.strategy import MarketMaker

        self._maker = MarketMaker(params, instrument)
        self._decisions = 0

    def on_book(self, book: Book) -> None:
        self._maker.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        self._maker.on_trade(trade)

    def on_fill(self, fill: Fill) -> None:
        self._maker.on_fill(fill)

    def decide(self, now_ns: int, inventory: float) -> Decision:
        self._decisions += 1
        if self._decisions == 10:
            raise ZeroDivisionError("a fault of the strategy")
        return self._maker.decide(now_ns, inventory)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Callable[[Resolved], Resolved]:
    module = types.ModuleType("ultramm_test_faulty")
    module.Faulty = Faulty  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def replace(resolved: Resolved) -> Resolved:
        (strategy,) = resolved.strategies
        plugin = msgspec.structs.replace(strategy.plugin, strategy="ultramm_test_faulty:Faulty")
        return msgspec.structs.replace(resolved, strategies=(msgspec.structs.replace(strategy, plugin=plugin),))

    return replace


def test_a_strategy_that_raises_is_degraded_and_its_quotes_are_pulled(default_config: Any, faulty: Any) -> None:
    collector = Collector()
    result = run_backtest(faulty(default_config("venues.SIM.params.duration_s=30")), collector=collector)
    score = only_score(result)
    (halt,) = result.halts
    assert halt.source == "error"
    assert "ZeroDivisionError: a fault of the strategy" in halt.reason
    quoting = score.quoting
    # Every order that got to the venue was filled or cancelled: none was left behind.
    assert quoting.orders_accepted <= quoting.orders_cancelled + quoting.orders_filled
    last_fill_ns = max((ts for ts, _ in collector.fills), default=result.first_ns)
    assert last_fill_ns < result.first_ns + 5e9
    assert score.pnl.identity_residual < 1e-9


def test_a_strategy_that_raises_at_a_fill_loses_no_record_of_it(
    default_config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(_self: Any, _fill: Fill) -> None:
        raise ZeroDivisionError("a fault of the strategy")

    monkeypatch.setattr("ultramm_strategies.market_maker.strategy.MarketMaker.on_fill", raises)
    collector = Collector()
    score = only_score(run_backtest(default_config("venues.SIM.params.duration_s=60"), collector=collector))
    assert score.fills == len(collector.fills) > 0
    assert [(halt.source, halt.reason) for halt in collector.halts] == [
        ("error", "on_order_filled: ZeroDivisionError: a fault of the strategy")
    ]


def test_an_empty_stretch_of_data_is_said_to_be_empty(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9999, 1), ("ask", 10001, 1))
    with pytest.raises(DataError, match="no events"):
        run_backtest(on_tape(tape, "venues.X.params.end=2000-01-01"))


def test_an_instrument_that_the_catalog_lacks_is_named_with_those_it_has(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9999, 1), ("ask", 10001, 1))
    resolved = on_tape(tape, "venues.X.instruments=[ETHUSD]", "strategies.0.instruments=[ETHUSD.X]")
    with pytest.raises(DataError, match=r"no instrument ETHUSD\.X; it holds BTCUSD\.X"):
        run_backtest(resolved)


def test_an_account_pays_its_fees_and_is_never_overdrawn(tape: Any, on_tape: Any) -> None:
    """The kernel breaks at a cash account below zero: with fees beyond all reason the maker must stop before that."""
    tape.book(0, ("bid", 9999, 1), ("ask", 10001, 1))
    for ms in range(100, 2000, 100):
        tape.trade(ms, 9999, 100, "sell")
        tape.book(ms + 1, ("bid", 9999, 1 + ms % 2))
    resolved = on_tape(
        tape,
        "venues.X.paper.starting_balances=[600000 USD]",
        "venues.X.paper.maker_fee_bps=9000",
        "strategies.0.params.cover_fees=false",
        "risk.price_collar_bps=10000",
    )
    result = run_backtest(resolved)
    score = only_score(result)
    assert 0 < score.inventory.last < 600_000 / 9_999 / 1.9
    assert float(result.accounts[0].balances["USD"].split()[0]) >= 0
    assert score.pnl.identity_residual < 1e-9


def test_a_long_run_keeps_no_more_orders_than_a_short_one(default_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is long closed is forgotten: the kernel alone would keep every order, and memory would grow with time."""
    kept: list[int] = []
    stop = MakerShell.on_stop

    def count(self: MakerShell) -> None:
        kept.append(len(self.cache.orders()))
        stop(self)

    monkeypatch.setattr(MakerShell, "on_stop", count)
    scores = [only_score(run_backtest(default_config(f"venues.SIM.params.duration_s={s}"))) for s in (160, 480)]
    submitted = [score.quoting.orders_submitted for score in scores]
    assert submitted[1] > 2.5 * submitted[0]
    assert kept[1] < 1.5 * kept[0]


# -- plugins ---------------------------------------------------------------------------------------------------


class CounterParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    topic: str


class Counter(Actor):
    """Counts what passes on a topic of the kernel's bus."""

    made: ClassVar[list[Counter]] = []

    def __init__(self, params: CounterParams) -> None:
        super().__init__()
        self.count = 0
        self._topic = params.topic
        Counter.made.append(self)

    def on_start(self) -> None:
        self.msgbus.subscribe(self._topic, self._add)

    def _add(self, _message: Any) -> None:
        self.count += 1


def test_an_actor_of_a_plugin_joins(default_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("ultramm_test_counter")
    module.Counter = Counter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    record = ActorPlugin(name="counter", summary="", params="", actor="ultramm_test_counter:Counter")
    resolved = default_config("venues.SIM.params.duration_s=20")
    with_actor = msgspec.structs.replace(
        resolved, plugins=(ResolvedPlugin(record, CounterParams(topic="events.fills.*")),)
    )
    score = only_score(run_backtest(with_actor))
    assert score.fills > 0
    assert Counter.made.pop().count == score.fills


# -- recordings ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not SHARED.is_dir(), reason="no recordings in ../shared/data")
@pytest.mark.parametrize(
    ("config", "fills", "pnl", "gap"),
    [
        ("binance-spot-btcusdt", 1281, -65.94474325, 1e-9),
        ("binance-spot-ethusdt", 1133, -37.4417745, 1e-9),
        ("binance-usdm-btcusdt", 871, -74.85295, 1e-5),
        ("binance-spot-by-usdm", 952, -29.6389934, 1e-9),
        ("binance-coinm-btcusd", 326, -0.0005819420551, 1e-5),
    ],
)
def test_recordings_give_exact_counts_and_balances(
    config: str, fills: int, pnl: float, gap: float, recordings_cache: Path
) -> None:
    path, environment = PROJECT / "config" / "backtests" / f"{config}.yaml", {"SHARED_DATA": str(SHARED)}
    venues = read(path, [], environment).config.venues
    loaded = read(path, [f"venues.{venue}.params.cache={recordings_cache}" for venue in venues], environment)
    result = run_backtest(resolve(loaded))
    score = only_score(result)
    assert score.fills == score.maker_fills == fills
    assert score.pnl.total == pytest.approx(pnl, rel=1e-7)
    assert score.pnl.identity_residual < 1e-9
    assert result.accounts[0].gap < gap
    # What every honest backtest of naive quotes on these recordings shows: passive fills are under water at once.
    assert all(markout.mean_bps < 0 for markout in score.markouts)
