"""A node inside the test's own loop: what the outside cannot see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import (
    CancelAllOrders,
    GenerateFillReports,
    GenerateOrderStatusReport,
    GenerateOrderStatusReports,
    GeneratePositionStatusReports,
)
from nautilus_trader.model.enums import OrderSide

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.errors import RunError
from ultramm.nautilus import node as node_module
from ultramm.nautilus.backtest import Collector
from ultramm.nautilus.feed import FeedDataClient, Player
from ultramm.nautilus.node import NodeRunner, NodeSummary
from ultramm.nautilus.paper import PaperExecutionClient

pytestmark = pytest.mark.integration


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Resolved]:
    def build(*overrides: str) -> Resolved:
        return resolve(read(None, [f"logging.directory={tmp_path}/logs", *overrides]))

    return build


async def eventually(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "never happened"
        await asyncio.sleep(0.02)


def run(runner: NodeRunner, scenario: Callable[[NodeRunner], Any]) -> NodeSummary:
    """Run a node, the scenario beside it, and stop the node when the scenario is over."""

    async def both() -> NodeSummary:
        node = asyncio.create_task(runner.run())
        try:
            await scenario(runner)
        finally:
            runner.stop("the scenario is over")
        return await node

    return asyncio.run(both())


def quoting(runner: NodeRunner) -> bool:
    return all(shell.started and len(shell.maker.orders) >= 4 for shell in runner.shells)


def test_a_node_whose_venue_does_not_connect_fails_instead_of_pretending(
    configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(self: FeedDataClient) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(FeedDataClient, "_connect", never)
    monkeypatch.setattr(node_module, "_START_TIMEOUT_S", 1.0)
    runner = NodeRunner(configured(), Collector())
    with pytest.raises(RunError, match="did not start: connecting or reconciling timed out"):
        asyncio.run(runner.run())


def test_a_feed_that_breaks_stops_the_node_and_cancels_its_orders(
    configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Player._play

    async def breaks(self: Player, events: Any, now_ns: int) -> None:
        def some() -> Any:
            for count, event in enumerate(events):
                if count == 2000:
                    raise OSError("the line is dead")
                yield event

        await real(self, some(), now_ns)

    monkeypatch.setattr(Player, "_play", breaks)
    collector = Collector()
    runner = NodeRunner(configured("venues.SIM.params.pace=20"), collector)
    with pytest.raises(RunError, match="OSError: the line is dead"):
        asyncio.run(runner.run())
    assert len(collector.fills) > 0
    assert all(len(shell.maker.orders) == 0 for shell in runner.shells)


def test_the_paper_venue_reports_what_is_open_filled_and_held(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[PaperExecutionClient] = []
    connect = PaperExecutionClient.connect
    monkeypatch.setattr(PaperExecutionClient, "connect", lambda self: (made.append(self), connect(self))[1])

    async def scenario(runner: NodeRunner) -> None:
        await eventually(lambda: quoting(runner) and runner.shells[0].maker.inventory != 0)
        (client,), (shell,) = made, runner.shells
        instrument_id = shell.instrument_id
        common: dict[str, Any] = {"command_id": UUID4(), "ts_init": 0}
        window: dict[str, Any] = {"start": None, "end": None, **common}
        runner.command("pause")
        await eventually(lambda: len(shell.maker.orders) == 0)
        assert (
            await client.generate_order_status_reports(
                GenerateOrderStatusReports(instrument_id=instrument_id, open_only=True, **window)
            )
            == []
        )
        fills = await client.generate_fill_reports(
            GenerateFillReports(instrument_id=instrument_id, venue_order_id=None, **window)
        )
        assert sum(1 if fill.order_side == OrderSide.BUY else -1 for fill in fills) == shell.maker.inventory_lots
        (position,) = await client.generate_position_status_reports(
            GeneratePositionStatusReports(instrument_id=instrument_id, **window)
        )
        assert float(position.quantity) == abs(shell.maker.inventory)
        runner.command("resume")
        await eventually(lambda: any(order.is_open for order in shell.cache.orders_open()))
        opened = await client.generate_order_status_reports(
            GenerateOrderStatusReports(instrument_id=instrument_id, open_only=True, **window)
        )
        assert opened
        one = await client.generate_order_status_report(
            GenerateOrderStatusReport(
                instrument_id=instrument_id,
                client_order_id=opened[0].client_order_id,
                venue_order_id=opened[0].venue_order_id,
                **common,
            )
        )
        assert one is not None
        assert one.client_order_id == opened[0].client_order_id

    summary = run(NodeRunner(configured(), Collector()), scenario)
    assert summary.open_orders == 0


TWO_STRATEGIES = [
    "strategies=[{use: market-maker, name: a, instruments: [BTCUSDT.SIM],"
    " params: {order_size: 0.01, max_position: 0.1, half_spread_bps: 8, levels: 2}},"
    " {use: market-maker, name: b, instruments: [BTCUSDT.SIM],"
    " params: {order_size: 0.01, max_position: 0.1, half_spread_bps: 8, levels: 2}}]"
]


def test_cancel_all_of_one_strategy_leaves_the_others_orders(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[PaperExecutionClient] = []
    connect = PaperExecutionClient.connect
    monkeypatch.setattr(PaperExecutionClient, "connect", lambda self: (made.append(self), connect(self))[1])

    async def scenario(runner: NodeRunner) -> None:
        await eventually(lambda: quoting(runner))
        (client,), (first, second) = made, runner.shells
        before = {str(order.client_order_id) for order in second.cache.orders_open(strategy_id=second.id)}
        client.cancel_all_orders(
            CancelAllOrders(
                trader_id=first.trader_id,
                strategy_id=first.id,
                instrument_id=first.instrument_id,
                order_side=OrderSide.NO_ORDER_SIDE,
                command_id=UUID4(),
                ts_init=0,
            )
        )
        assert first.cache.orders_open(strategy_id=first.id) == []
        assert {str(order.client_order_id) for order in second.cache.orders_open(strategy_id=second.id)} == before

    summary = run(NodeRunner(configured(*TWO_STRATEGIES), Collector()), scenario)
    assert summary.open_orders == 0


def test_a_silent_market_pulls_the_quotes_and_says_why(configured: Any) -> None:
    runner = NodeRunner(configured("strategies.0.params.stale_after_s=1"), Collector())

    async def scenario(runner: NodeRunner) -> None:
        await eventually(lambda: quoting(runner))
        runner._venues.hold()
        (shell,) = runner.shells
        await eventually(lambda: len(shell.maker.orders) == 0)
        status = shell.maker.status(shell.now_ns)
        assert status.bid.reason == status.ask.reason == "no market data for more than 1 s"

    assert run(runner, scenario).open_orders == 0


def test_timers_of_the_kernel_reach_the_strategy_on_the_loops_thread(
    configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from ultramm.nautilus.shell import MakerShell

    seen: set[int] = set()
    real = MakerShell._heartbeat

    def heartbeat(self: MakerShell) -> None:
        seen.add(threading.get_ident())
        real(self)

    monkeypatch.setattr(MakerShell, "_heartbeat", heartbeat)

    async def scenario(_runner: NodeRunner) -> None:
        await eventually(lambda: seen)

    run(NodeRunner(configured(), Collector()), scenario)
    assert seen == {threading.get_ident()}


def test_flatten_goes_on_until_the_position_is_closed_however_thin_the_book(configured: Any) -> None:
    """One market order takes what the book shows; the rest is sent again."""
    from ultramm.market import Fill, Side

    runner = NodeRunner(configured("venues.SIM.params.pace=8"), Collector())

    async def scenario(runner: NodeRunner) -> None:
        await eventually(lambda: quoting(runner))
        (shell,) = runner.shells
        maker = shell.maker
        # As if it had been bought elsewhere: more than the book ever shows at once.
        price = maker.score.mid
        maker.on_fill(Fill(shell.now_ns, "elsewhere", Side.BUY, price, 1.5, 0.0, maker=False))
        runner.command("flatten")
        await eventually(lambda: maker.inventory_lots == 0 and not len(maker.orders), 60.0)

    assert run(runner, scenario).open_orders == 0


def test_an_actor_that_breaks_ends_the_node_in_order_and_is_named(configured: Any) -> None:
    from nautilus_trader.common.actor import Actor

    class Broken(Actor):
        def on_start(self) -> None:
            self.subscribe_trade_ticks(runner.shells[0].instrument_id)

        def on_trade_tick(self, tick: Any) -> None:
            if quoting(runner):
                raise ValueError("this actor is broken")

    runner = NodeRunner(configured("venues.SIM.params.pace=8"), Collector())
    build = runner._build

    def with_actor(loop: asyncio.AbstractEventLoop) -> Any:
        node = build(loop)
        node.trader.add_actor(Broken())
        return node

    runner._build = with_actor  # type: ignore[method-assign]
    with pytest.raises(RunError, match="this actor is broken"):
        asyncio.run(runner.run())
    assert all(len(shell.maker.orders) == 0 for shell in runner.shells)


def test_fills_of_long_ago_are_not_kept_by_the_kernel(
    configured: Callable[..., Resolved], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It remembers each for a minute; without the loop of its checks it would for ever."""
    monkeypatch.setattr(node_module, "_FORGET_TICKS", 1)

    async def scenario(runner: NodeRunner) -> None:
        await eventually(lambda: runner.shells[0].started)
        kept = runner._node.kernel.exec_engine._recent_fills_cache
        kept["long ago"] = 1
        await eventually(lambda: "long ago" not in kept)

    run(NodeRunner(configured(), Collector()), scenario)


def test_a_node_whose_strategies_have_all_stopped_ends_once_they_hold_nothing(configured: Any) -> None:
    runner = NodeRunner(configured("risk.disconnect=true"), Collector())

    async def stopped() -> NodeSummary:
        node = asyncio.create_task(runner.run(120.0))
        await eventually(lambda: quoting(runner))
        for shell in runner.shells:
            shell.maker.stops.trip("somebody has seen enough")
        return await node

    summary = asyncio.run(stopped())
    assert summary.reason == "every strategy has stopped, and holds nothing"
    assert summary.open_orders == 0
    assert all(score.inventory.last == 0.0 for score in summary.scores)
