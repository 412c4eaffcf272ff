"""A simulated venue for paper trading, by the rules of the backtest: queue position, latency, fees, reports.

It wraps the kernel's own `SimulatedExchange`. Fills reach the strategy before the market event that caused them, as
in a backtest; a fill that travelled through the execution engine's queue would arrive after it, and the same
recording would then trade differently on paper.
"""

from __future__ import annotations

import asyncio
from typing import Any

from nautilus_trader.backtest.engine import SimulatedExchange
from nautilus_trader.backtest.execution_client import BacktestExecClient
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.reports import FillReport, OrderStatusReport, PositionStatusReport
from nautilus_trader.live.execution_client import LiveExecutionClient
from nautilus_trader.live.factories import LiveExecClientFactory
from nautilus_trader.model.data import OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import LiquiditySide, OrderSide, OrderStatus, PositionSide
from nautilus_trader.model.identifiers import AccountId, ClientId, Venue

# Above the priority at which the data engine updates its books (10): the venue sees each event first.
_BEFORE_BOOKS = 20


class PaperExecutionClient(LiveExecutionClient):
    """The paper venue.

    Parameters
    ----------
    venue : str
        Its name; account and client ids go by it.
    rules : dict
        As `ultramm.nautilus.account.exchange_arguments` gives them.
    instruments : list
        What it trades.
    exec_engine : LiveExecutionEngine
        Takes order events at once.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        portfolio: Any,
        msgbus: Any,
        cache: Any,
        clock: Any,
        venue: str,
        rules: dict[str, Any],
        instruments: list[Any],
        exec_engine: Any,
    ) -> None:
        super().__init__(
            loop=loop,
            client_id=ClientId(venue),
            venue=Venue(venue),
            oms_type=rules["oms_type"],
            account_type=rules["account_type"],
            base_currency=rules["base_currency"],
            instrument_provider=InstrumentProvider(),
            msgbus=msgbus,
            cache=cache,
            clock=clock,
        )
        self._set_account_id(AccountId(f"{venue}-001"))
        self._instruments = instruments
        latency = rules["latency_model"]
        self._latency_s = latency.insert_latency_nanos * 1e-9 if latency is not None else 0.0
        self._venue_clock = TestClock()
        self._venue_clock.set_time(clock.timestamp_ns())
        self._exchange = SimulatedExchange(
            venue=Venue(venue),
            portfolio=portfolio,
            msgbus=self._private_bus(msgbus, clock, exec_engine),
            cache=cache,
            clock=self._venue_clock,
            **rules,
        )
        self._client = BacktestExecClient(
            exchange=self._exchange, msgbus=self._exchange.msgbus, cache=cache, clock=self._venue_clock
        )
        self._exchange.register_client(self._client)
        self._exchange.initialize_account()

    def _private_bus(self, msgbus: Any, clock: Any, exec_engine: Any) -> Any:
        """A bus of the venue's own: order events are handled at once, the account's travel as usual."""
        bus = MessageBus(msgbus.trader_id, clock, instance_id=UUID4(), name=f"paper-{self.venue}")
        bus.register("ExecEngine.process", exec_engine._handle_event_with_tracking)
        bus.register("Portfolio.update_account", lambda event: msgbus.send("Portfolio.update_account", event))
        return bus

    def connect(self) -> None:
        """Trade from now on."""
        for instrument in self._instruments:
            self._exchange.add_instrument(instrument)
        self._msgbus.subscribe(f"data.*.{self.venue}.*", handler=self._on_data, priority=_BEFORE_BOOKS)
        self._client._set_connected(True)
        self._set_connected(True)

    def disconnect(self) -> None:
        self._set_connected(False)

    def _on_data(self, data: Any) -> None:
        """Match, then let commands take effect whose latency has passed: the order of the backtest's loop."""
        if isinstance(data, OrderBookDeltas):
            self._exchange.process_order_book_deltas(data)
        elif isinstance(data, TradeTick):
            self._exchange.process_trade_tick(data)
        else:
            return
        self._exchange.process(data.ts_init)

    # -- commands --------------------------------------------------------------------------------------------

    def submit_order(self, command: Any) -> None:
        self._client.submit_order(command)
        self._settle_after_latency()

    def submit_order_list(self, command: Any) -> None:
        self._client.submit_order_list(command)
        self._settle_after_latency()

    def modify_order(self, command: Any) -> None:
        self._client.modify_order(command)
        self._settle_after_latency()

    def cancel_order(self, command: Any) -> None:
        self._client.cancel_order(command)
        self._settle_after_latency()

    def cancel_all_orders(self, command: Any) -> None:
        """Order by order: the simulated exchange would cancel those of other strategies too."""
        for order in self._cache.orders_open(
            venue=None, instrument_id=command.instrument_id, strategy_id=command.strategy_id
        ):
            matching = self._exchange.get_matching_engine(order.instrument_id)
            if matching is not None and command.order_side in (order.side, OrderSide.NO_ORDER_SIDE):
                matching.cancel_order(order)

    def batch_cancel_orders(self, command: Any) -> None:
        self._client.batch_cancel_orders(command)
        self._settle_after_latency()

    def _settle_after_latency(self) -> None:
        """A command takes effect with the next market event, or without one as soon as its latency has passed."""
        if self._latency_s == 0.0:
            self._settle()
        else:
            # A millisecond more: loops round their delays to whole ones, and an early look would be the last.
            self._loop.call_later(self._latency_s + 0.001, self._settle)

    def _settle(self) -> None:
        venue_ns = self._venue_clock.timestamp_ns()
        self._exchange.process(max(self._clock.timestamp_ns(), venue_ns) if self._latency_s else venue_ns)

    # -- reports ---------------------------------------------------------------------------------------------

    async def generate_order_status_report(self, command: Any) -> Any:
        order = self._cache.order(command.client_order_id)
        return self._order_report(order) if order is not None and order.is_open else None

    async def generate_order_status_reports(self, command: Any) -> list[Any]:
        open_orders = self._cache.orders_open(venue=self.venue, instrument_id=command.instrument_id)
        return [self._order_report(order) for order in open_orders]

    async def generate_fill_reports(self, command: Any) -> list[Any]:
        orders = self._cache.orders(venue=self.venue, instrument_id=command.instrument_id)
        return [
            self._fill_report(event)
            for order in orders
            for event in order.events
            if type(event).__name__ == "OrderFilled"
        ]

    async def generate_position_status_reports(self, command: Any) -> list[Any]:
        instrument_ids = [command.instrument_id] if command.instrument_id else [i.id for i in self._instruments]
        return [self._position_report(instrument_id) for instrument_id in instrument_ids]

    def _order_report(self, order: Any) -> Any:
        now_ns = self._clock.timestamp_ns()
        return OrderStatusReport(
            account_id=self.account_id,
            instrument_id=order.instrument_id,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            order_side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            order_status=OrderStatus.PARTIALLY_FILLED if order.filled_qty > 0 else OrderStatus.ACCEPTED,
            price=order.price if order.has_price else None,
            quantity=order.quantity,
            filled_qty=order.filled_qty,
            post_only=order.is_post_only,
            reduce_only=order.is_reduce_only,
            report_id=UUID4(),
            ts_accepted=order.ts_accepted,
            ts_last=order.ts_last,
            ts_init=now_ns,
        )

    def _fill_report(self, event: Any) -> Any:
        return FillReport(
            account_id=self.account_id,
            instrument_id=event.instrument_id,
            venue_order_id=event.venue_order_id,
            trade_id=event.trade_id,
            order_side=event.order_side,
            last_qty=event.last_qty,
            last_px=event.last_px,
            commission=event.commission,
            liquidity_side=LiquiditySide(event.liquidity_side),
            report_id=UUID4(),
            ts_event=event.ts_event,
            ts_init=self._clock.timestamp_ns(),
            client_order_id=event.client_order_id,
        )

    def _position_report(self, instrument_id: Any) -> Any:
        now_ns = self._clock.timestamp_ns()
        positions = self._cache.positions_open(venue=self.venue, instrument_id=instrument_id)
        instrument = self._cache.instrument(instrument_id)
        net = sum(position.signed_qty for position in positions)
        side = PositionSide.LONG if net > 0 else PositionSide.SHORT if net < 0 else PositionSide.FLAT
        return PositionStatusReport(
            account_id=self.account_id,
            instrument_id=instrument_id,
            position_side=side,
            quantity=instrument.make_qty(abs(net)),
            report_id=UUID4(),
            ts_last=now_ns,
            ts_init=now_ns,
        )


def paper_factory(venue: str, rules: dict[str, Any], instruments: list[Any], exec_engine: Any) -> type:
    """A factory class for `TradingNode`.

    Its name is what makes the node's builder pass the portfolio: it must be that of the stock sandbox's factory.
    """

    class SandboxLiveExecClientFactory(LiveExecClientFactory):
        @staticmethod
        def create(
            loop: Any,
            name: str,  # noqa: ARG004
            config: Any,  # noqa: ARG004
            portfolio: Any,
            msgbus: Any,
            cache: Any,
            clock: Any,
        ) -> PaperExecutionClient:
            return PaperExecutionClient(loop, portfolio, msgbus, cache, clock, venue, rules, instruments, exec_engine)

    return SandboxLiveExecClientFactory
