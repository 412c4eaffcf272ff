"""The kernel's clients for Bybit, which say whether they listen and take no missing answer for a refusal."""

from __future__ import annotations

from typing import Any, ClassVar

from nautilus_trader.adapters.bybit.data import BybitDataClient
from nautilus_trader.adapters.bybit.execution import BybitExecutionClient
from nautilus_trader.core.nautilus_pyo3 import BybitEnvironment, BybitWebSocketClient

from ultramm.nautilus.kernel_client import Doubting

_ACTIVE_WITHIN_S = 10.0


class BybitData(BybitDataClient):
    """Market data."""

    @property
    def listening(self) -> bool:
        """Whether every market stream is there."""
        return all(stream.is_active() for stream in self._ws_clients.values())


class BybitExecution(Doubting, BybitExecutionClient):
    """Orders: what the venue's streams say of them is believed, what a request's failure seems to say is not."""

    # The reject reasons of its order stream; and what the kernel says when that stream, or a query, shows a rejection.
    refusals: ClassVar[tuple[str, ...]] = ("EC_", "Order rejected by exchange", "Order rejected: ")

    _ws_private_client: Any
    _ws_trade_client: Any

    @property
    def listening(self) -> bool:
        """Whether the stream of our orders is there, and the one that carries them."""
        return bool(self._ws_private_client.is_active() and (self._is_demo or self._ws_trade_client.is_active()))

    async def listen_again(self) -> None:
        """Open both streams anew; what waits in the old ones, to be sent when they are back, is dropped."""
        await self._ws_private_client.close()
        await self._ws_trade_client.close()
        stream = self._new(BybitWebSocketClient.new_private, self._config.base_url_ws_private)
        self._ws_private_client = stream
        self._ws_trade_client = self._new(BybitWebSocketClient.new_trade, self._config.base_url_ws_trade)
        await self._open(stream)
        await stream.subscribe_orders()
        await stream.subscribe_executions()
        await stream.subscribe_positions()
        await stream.subscribe_wallet()
        if not self._is_demo:
            await self._open(self._ws_trade_client)

    def _new(self, make: Any, url: str | None) -> Any:
        return make(
            environment=self._config.environment or BybitEnvironment.MAINNET,
            api_key=self._config.api_key,
            api_secret=self._config.api_secret,
            url=url,
        )

    async def _open(self, stream: Any) -> None:
        stream.set_account_id(self.pyo3_account_id)
        for instrument in self._instrument_provider.instruments_pyo3():
            stream.cache_instrument(instrument)
        await stream.connect(loop_=self._loop, callback=self._handle_msg)
        await stream.wait_until_active(timeout_secs=_ACTIVE_WITHIN_S)
