"""The kernel's execution clients for Binance, which take no missing answer for a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from nautilus_trader.adapters.binance.futures.execution import BinanceFuturesExecutionClient
from nautilus_trader.adapters.binance.spot.execution import BinanceSpotExecutionClient

from ultramm_adapters.binance.http import OutcomeUnknown
from ultramm_adapters.binance.sockets import is_there


class Honest:
    """What both clients do differently: a request without an answer leaves its order as it was, to be asked about.

    The kernel would reject a new order, or leave an exception with the signed address in the log; and after a gap in
    the user stream it would invent fills from totals. See `ultramm.nautilus.venue.LiveClient`.
    """

    on_doubt: Callable[[str], None] = staticmethod(lambda _: None)
    _log: Any
    _ws_client: Any

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

    async def _batch_cancel_orders(self, command: Any) -> None:
        """The venue has no such request: at once, not one after the other as the kernel does."""
        await asyncio.gather(*[self._cancel_order(cancel) for cancel in command.cancels])


class FuturesExecution(Honest, BinanceFuturesExecutionClient):
    """USDT-margined and coin-margined futures."""

    async def _batch_cancel_orders(self, command: Any) -> None:
        await self._sent(super()._batch_cancel_orders(command))
