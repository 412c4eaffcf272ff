"""The execution client between a server on this machine and a kernel that takes down what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bybit_answers import ORDER
from bybit_sockets import Sockets, bybit_sockets
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.orders import LimitOrder
from stub_server import StubServer

from ultramm_adapters.bybit.params import BybitParams
from ultramm_adapters.bybit.venue import BybitVenue

pytestmark = pytest.mark.integration

INSTRUMENT = InstrumentId.from_str("BTCUSDT-SPOT.BYBIT")
TRADER, STRATEGY = TraderId("T-001"), StrategyId("S-1")
TOLD = ORDER | {"category": "spot", "feeCurrency": "BTC", "closedPnl": "0"}


class Bench:
    """The client, what it told the kernel, and what it doubted."""

    def __init__(self, client: Any, cache: Any, sockets: Sockets) -> None:
        self.client, self.cache, self.sockets = client, cache, sockets
        self.told: list[str] = []
        self.doubts: list[str] = []

    def take(self, event: Any) -> None:
        self.told.append(type(event).__name__)
        self.cache.order(event.client_order_id).apply(event)

    async def submit(self, order_id: str) -> None:
        order = LimitOrder(
            TRADER,
            STRATEGY,
            INSTRUMENT,
            ClientOrderId(order_id),
            OrderSide.BUY,
            Quantity.from_str("0.010000"),
            Price.from_str("50000.00"),
            UUID4(),
            0,
            time_in_force=TimeInForce.GTC,
            post_only=True,
        )
        self.cache.add_order(order)
        await self.client._submit_order(SubmitOrder(TRADER, STRATEGY, order, UUID4(), 0))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def bench(server: StubServer) -> AsyncIterator[Bench]:
    async with bybit_sockets(Sockets()) as sockets:
        params = BybitParams(
            api_key="k" * 16,
            api_secret="s" * 16,
            base_url_http=server.address,
            base_url_ws_public=f"{sockets.address}/public",
            base_url_ws_private=f"{sockets.address}/private",
            base_url_ws_trade=f"{sockets.address}/trade",
        )
        clients, clock, cache = BybitVenue("BYBIT", ["BTCUSDT-SPOT"], params).clients(), LiveClock(), Cache()
        bus = MessageBus(TRADER, clock)
        make: Any = clients.exec_factory
        client = make.create(asyncio.get_running_loop(), "BYBIT", clients.exec_config, bus, cache, clock)
        made = Bench(client, cache, sockets)
        bus.register("ExecEngine.process", made.take)
        client.on_doubt = made.doubts.append
        await client._instrument_provider.initialize()
        await client.listen_again()
        try:
            yield made
        finally:
            await client._disconnect()


def test_an_order_is_accepted_when_the_stream_says_so(server: StubServer) -> None:
    async def run() -> None:
        async with bench(server) as made:
            assert made.client.listening
            await made.submit("umm-1")
            await made.until(lambda: made.sockets.sent == ["umm-1"])
            assert made.told == ["OrderSubmitted"]
            await made.sockets.tell("order", TOLD)
            await made.until(lambda: made.told == ["OrderSubmitted", "OrderAccepted"])
            assert made.doubts == []

    asyncio.run(run())


def test_an_order_that_would_have_taken_is_refused_by_the_stream(server: StubServer) -> None:
    async def run() -> None:
        async with bench(server) as made:
            await made.submit("umm-1")
            refused = {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"}
            await made.sockets.tell("order", TOLD | refused)
            await made.until(lambda: made.told == ["OrderSubmitted", "OrderRejected"])
            assert made.doubts == []

    asyncio.run(run())


def test_a_refusal_that_may_be_a_time_out_leaves_the_order_live_and_is_asked_about(server: StubServer) -> None:
    async def run() -> None:
        async with bench(server) as made:
            made.sockets.refuse_with = "Server Timeout"
            await made.submit("umm-1")
            await made.until(lambda: made.doubts)
            assert made.doubts == ["outcome unknown of order umm-1: Server Timeout"]
            assert made.told == ["OrderSubmitted"]

    asyncio.run(run())


def test_a_lost_connection_is_seen_and_an_order_that_waits_in_it_is_never_sent(server: StubServer) -> None:
    async def run() -> None:
        async with bench(server) as made:
            made.sockets.away = True
            made.sockets.drop()
            await made.submit("umm-1")
            await made.until(lambda: not made.client.listening)
            assert made.told == ["OrderSubmitted"]
            made.sockets.away = False
            await made.client.listen_again()
            assert made.client.listening
            await made.submit("umm-2")
            await made.until(lambda: "umm-2" in made.sockets.sent)
            # Longer than the kernel waits before it connects again by itself.
            await asyncio.sleep(6.0)
            assert made.sockets.sent == ["umm-2"]

    asyncio.run(run())


def test_an_order_that_somebody_else_sent_is_not_the_kernels(server: StubServer) -> None:
    async def run() -> None:
        async with bench(server) as made:
            await made.sockets.tell("order", TOLD | {"orderLinkId": "by-hand"})
            await made.submit("umm-1")
            await made.sockets.tell("order", TOLD)
            await made.until(lambda: "OrderAccepted" in made.told)
            assert made.told == ["OrderSubmitted", "OrderAccepted"]

    asyncio.run(run())
