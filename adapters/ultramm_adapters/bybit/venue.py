"""Bybit as a live venue: the clients of a node, and the desk that is asked in doubt."""

from __future__ import annotations

from typing import Any

import msgspec
from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.adapters.bybit.config import BybitDataClientConfig, BybitExecClientConfig
from nautilus_trader.adapters.bybit.providers import BybitInstrumentProvider
from nautilus_trader.core import nautilus_pyo3 as kernel
from nautilus_trader.live.factories import LiveDataClientFactory, LiveExecClientFactory

from ultramm.custody.desk import Desk
from ultramm.errors import UserError
from ultramm.nautilus.kernel_desk import KernelDesk
from ultramm.nautilus.kernel_venue import KernelVenue, addresses
from ultramm.nautilus.venue import Clients
from ultramm_adapters.bybit.execution import BybitData, BybitExecution
from ultramm_adapters.bybit.params import BybitParams
from ultramm_adapters.bybit.teller import BybitTeller

_ENVIRONMENTS = {
    "live": kernel.BybitEnvironment.MAINNET,
    "demo": kernel.BybitEnvironment.DEMO,
    "testnet": kernel.BybitEnvironment.TESTNET,
}
_PRODUCTS = {
    "spot": kernel.BybitProductType.SPOT,
    "linear": kernel.BybitProductType.LINEAR,
    "inverse": kernel.BybitProductType.INVERSE,
    "option": kernel.BybitProductType.OPTION,
}


class BybitVenue(KernelVenue):
    """One account on one product."""

    kernel_name = "BYBIT"
    keys, variable = ("api_key", "api_secret"), "BYBIT_API_KEY"
    no_orders = "only product: spot does, for nothing tells the price of a position here"

    params: BybitParams

    def check(self, symbols: list[str]) -> None:
        suffix = f"-{self.params.product.upper()}"
        for symbol in symbols:
            if not symbol.endswith(suffix):
                raise UserError(f"instruments: {symbol} does not end in {suffix}; params.product says so")
        self._product = _PRODUCTS[self.params.product]
        self._environment = _ENVIRONMENTS[self.params.environment]
        self._addresses = addresses(
            self.params,
            {
                "base_url_http": "base_url_http",
                "base_url_ws_public": "public",
                "base_url_ws_private": "base_url_ws_private",
                "base_url_ws_trade": "base_url_ws_trade",
            },
        )

    def provider(self) -> BybitInstrumentProvider:
        return self._provider(self._client())

    def clients(self) -> Clients:
        common: dict[str, Any] = {
            "api_key": self.params.api_key,
            "api_secret": self.params.api_secret,
            "product_types": (self._product,),
            "environment": self._environment,
            "base_url_http": self._addresses.get("base_url_http"),
            "recv_window_ms": self.params.recv_window_ms,
            "instrument_provider": self.only_these(),
        }
        data = BybitDataClientConfig(**common, update_instruments_interval_mins=None, instrument_status_poll_secs=None)
        execution = BybitExecClientConfig(
            **common,
            base_url_ws_private=self._addresses.get("base_url_ws_private"),
            base_url_ws_trade=self._addresses.get("base_url_ws_trade"),
            # It would move money on its own account of what was bought.
            auto_repay_spot_borrows=False,
        )
        return Clients(self._data_factory(), data, self._exec_factory(), execution)

    def desk(self) -> Desk:
        if self.params.product != "spot":
            return super().desk()
        account = kernel.AccountId(f"{self.venue}-UNIFIED")
        teller = BybitTeller(
            self._client(retries=0), self._product, account, self._provider, self.params.recv_window_ms
        )
        return KernelDesk(teller, [each.value for each in self.instrument_ids])

    def _client(self, retries: int = 3) -> Any:
        """One of its own for each who asks: the kernel shares one, and whoever disconnects cancels all requests."""
        return kernel.BybitHttpClient(
            api_key=self.params.api_key,
            api_secret=self.params.api_secret,
            base_url=self._addresses.get("base_url_http") or kernel.get_bybit_http_base_url(self._environment),
            demo=self.params.environment == "demo",
            testnet=self.params.environment == "testnet",
            max_retries=retries,
            recv_window_ms=self.params.recv_window_ms,
        )

    def _provider(self, client: Any) -> BybitInstrumentProvider:
        return BybitInstrumentProvider(client=client, product_types=(self._product,), config=self.only_these())

    def _data_factory(self) -> type:
        venue = self

        class BybitDataFactory(LiveDataClientFactory):
            @staticmethod
            def create(loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any) -> BybitData:
                client = venue._client()
                # The kernel takes the address of requests for that of its market stream.
                config = msgspec.structs.replace(config, base_url_http=venue._addresses.get("public"))
                return BybitData(loop, client, msgbus, cache, clock, venue._provider(client), config, name)

        return BybitDataFactory

    def _exec_factory(self) -> type:
        venue = self

        class BybitExecFactory(LiveExecClientFactory):
            @staticmethod
            def create(loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any) -> BybitExecution:
                # The kernel's client notes this for the whole process, and fails where it has been noted.
                AccountFactory.deregister_cash_borrowing(venue.venue)
                client = venue._client()
                return BybitExecution(loop, client, msgbus, cache, clock, venue._provider(client), config, name)

        return BybitExecFactory
