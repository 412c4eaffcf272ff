"""dYdX v4: the kernel's clients and instruments."""

from __future__ import annotations

from typing import Any

from nautilus_trader.adapters.dydx.config import DydxDataClientConfig, DydxExecClientConfig
from nautilus_trader.adapters.dydx.factories import DydxLiveDataClientFactory, DydxLiveExecClientFactory
from nautilus_trader.adapters.dydx.factories import get_cached_dydx_http_client as http_client
from nautilus_trader.adapters.dydx.providers import DydxInstrumentProvider
from nautilus_trader.core import nautilus_pyo3 as kernel

from ultramm.errors import UserError
from ultramm.nautilus.kernel_venue import KernelVenue, addresses
from ultramm.nautilus.venue import Clients
from ultramm_adapters.dydx.params import DydxParams

_NETWORKS = {"live": kernel.DydxNetwork.MAINNET, "testnet": kernel.DydxNetwork.TESTNET}


class DydxVenue(KernelVenue):
    """One subaccount."""

    kernel_name = "DYDX"
    keys, variable = ("wallet_address", "private_key"), "DYDX_PRIVATE_KEY"
    no_orders = "the kernel numbers orders anew in each process, and cancels only those of its own"

    params: DydxParams

    def check(self, symbols: list[str]) -> None:
        for symbol in symbols:
            if not symbol.endswith("-PERP"):
                raise UserError(f"instruments: {symbol} does not end in -PERP; the venue has perpetuals only")
        names = ("base_url_http", "base_url_ws", "base_url_grpc")
        self._addresses = addresses(self.params, dict(zip(names, names, strict=True)))

    def provider(self) -> DydxInstrumentProvider:
        client = http_client(base_url=self._addresses.get("base_url_http"), network=_NETWORKS[self.params.environment])
        return DydxInstrumentProvider(client=client, config=self.only_these())

    def clients(self) -> Clients:
        common: dict[str, Any] = {
            "environment": _NETWORKS[self.params.environment],
            "base_url_http": self._addresses.get("base_url_http"),
            "base_url_ws": self._addresses.get("base_url_ws"),
            "instrument_provider": self.only_these(),
        }
        execution = DydxExecClientConfig(
            **common,
            base_url_grpc=self._addresses.get("base_url_grpc"),
            wallet_address=self.params.wallet_address,
            private_key=self.params.private_key,
            subaccount=self.params.subaccount,
        )
        return Clients(DydxLiveDataClientFactory, DydxDataClientConfig(**common), DydxLiveExecClientFactory, execution)
