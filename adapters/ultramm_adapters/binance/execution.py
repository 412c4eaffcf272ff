"""The kernel's execution clients for Binance, which take no missing answer for a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from nautilus_trader.adapters.binance.common.enums import BinanceExecutionType
from nautilus_trader.adapters.binance.futures.execution import BinanceFuturesExecutionClient
from nautilus_trader.adapters.binance.spot.execution import BinanceSpotExecutionClient

from ultramm_adapters.binance.http import OutcomeUnknown
from ultramm_adapters.binance.sockets import is_there

_OVER = ("FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH")


class Honest:
    """What both clients do differently: a request without an answer leaves its order as it was, to be asked about.

    The kernel would reject a new order, or leave an exception with the signed address in the log; and after a gap in
    the user stream it would invent fills from totals. See `ultramm.nautilus.venue.LiveClient`.
    """

    on_doubt: Callable[[str], None] = staticmethod(lambda _: None)
    _log: Any
    _ws_client: Any
    _told: dict[str, Decimal]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By our id, what of an order has traded, as far as its messages told.
        self._told = {}

    def _follow(self, order_id: str, traded: str, last: str, *, over: bool) -> None:
        """Doubt when a message says that more has traded than those before it told of; `last` is its own trade."""
        total, told = Decimal(traded), self._told.get(order_id, 0)
        if total > told and total - Decimal(last) != told:
            self.on_doubt(f"a trade of order {order_id} was not told")
        if over:
            self._told.pop(order_id, None)
        elif total > told:
            self._told[order_id] = total

    @property
    def listening(self) -> bool:
        """Whether the user stream is there."""
        stream = self._ws_client
        socket = stream._stream_client if stream._is_futures else stream._client
        return stream.subscription_id is not None and is_there(socket)

    async def listen_again(self) -> None:
        """Open the user stream anew; the kernel gives up for good when that fails once."""
        stream = self._ws_client
        await stream.disconnect()
        await stream.connect()
        await stream.session_logon()
        await stream.subscribe_user_data_stream()

    async def _reconcile_after_resubscribe(self) -> None:
        self.on_doubt("the user stream was interrupted")

    async def _submit_order(self, command: Any) -> None:
        await self._sent(super()._submit_order(command))  # type: ignore[misc]

    async def _cancel_order(self, command: Any) -> None:
        await self._sent(super()._cancel_order(command))  # type: ignore[misc]

    async def _modify_order(self, command: Any) -> None:
        await self._sent(super()._modify_order(command))  # type: ignore[misc]

    async def _sent(self, request: Any) -> None:
        try:
            await request
        except OutcomeUnknown as exc:
            self._log.warning(f"Outcome unknown: {exc}")
            self.on_doubt(f"outcome unknown: {exc}")


class SpotExecution(Honest, BinanceSpotExecutionClient):
    """Spot."""

    def _handle_execution_report(self, raw: bytes) -> None:
        super()._handle_execution_report(raw)
        report = self._decoder_spot_order_update.decode(raw)
        name = report.C if report.x == BinanceExecutionType.CANCELED and report.C else report.c
        last = report.l if report.x == BinanceExecutionType.TRADE else "0"
        self._follow(name, report.z, last, over=report.X.value in _OVER)

    async def _batch_cancel_orders(self, command: Any) -> None:
        """The venue has no such request: at once, not one after the other as the kernel does."""
        await asyncio.gather(*[self._cancel_order(cancel) for cancel in command.cancels])


class FuturesExecution(Honest, BinanceFuturesExecutionClient):
    """USDT-margined and coin-margined futures."""

    def _handle_order_trade_update(self, raw: bytes) -> None:
        super()._handle_order_trade_update(raw)
        order = self._decoder_futures_order_update.decode(raw).o
        last = order.l if order.x == BinanceExecutionType.TRADE else "0"
        self._follow(order.c, order.z, last, over=order.X.value in _OVER)

    async def _batch_cancel_orders(self, command: Any) -> None:
        await self._sent(super()._batch_cancel_orders(command))
