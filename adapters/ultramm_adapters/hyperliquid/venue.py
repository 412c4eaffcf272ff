"""Hyperliquid: the kernel's clients and instruments."""

from __future__ import annotations

from typing import Any

from nautilus_trader.adapters.hyperliquid.config import HyperliquidDataClientConfig, HyperliquidExecClientConfig
from nautilus_trader.adapters.hyperliquid.enums import HyperliquidProductType
from nautilus_trader.adapters.hyperliquid.factories import (
    HyperliquidLiveDataClientFactory,
    HyperliquidLiveExecClientFactory,
)
from nautilus_trader.adapters.hyperliquid.providers import HyperliquidInstrumentProvider
from nautilus_trader.core import nautilus_pyo3 as kernel

from ultramm.errors import UserError
from ultramm.nautilus.kernel_venue import KernelVenue, no_address
from ultramm.nautilus.venue import Clients
from ultramm_adapters.hyperliquid.params import HyperliquidParams

_ENVIRONMENTS = {"live": kernel.HyperliquidEnvironment.MAINNET, "testnet": kernel.HyperliquidEnvironment.TESTNET}
_PRODUCTS = {"perp": HyperliquidProductType.PERP, "spot": HyperliquidProductType.SPOT}


class HyperliquidVenue(KernelVenue):
    """One wallet, on perpetuals or on spot."""

    kernel_name = "HYPERLIQUID"
    keys, variable = ("private_key",), "HYPERLIQUID_PRIVATE_KEY"
    no_orders = "the venue is told a hash of an order's id, from which no later run knows its own"

    params: HyperliquidParams

    def check(self, symbols: list[str]) -> None:
        no_address(self.params, "base_url", "the kernel has no other server for this venue's requests")
        suffix = f"-{self.params.product.upper()}"
        for symbol in symbols:
            if not symbol.endswith(suffix):
                raise UserError(f"instruments: {symbol} does not end in {suffix}; params.product says so")

    def provider(self) -> HyperliquidInstrumentProvider:
        return HyperliquidInstrumentProvider(
            client=kernel.HyperliquidHttpClient(environment=_ENVIRONMENTS[self.params.environment]),
            config=self.only_these(),
            product_types=[_PRODUCTS[self.params.product]],
        )

    def clients(self) -> Clients:
        common: dict[str, Any] = {
            "product_types": (_PRODUCTS[self.params.product],),
            "environment": _ENVIRONMENTS[self.params.environment],
            "instrument_provider": self.only_these(),
        }
        execution = HyperliquidExecClientConfig(
            **common,
            private_key=self.params.private_key,
            account_address=self.params.account_address,
            vault_address=self.params.vault_address,
            # Our prices are whole ticks already; one that the kernel moved would be another order.
            normalize_prices=False,
            include_builder_attribution=False,
        )
        return Clients(
            HyperliquidLiveDataClientFactory,
            HyperliquidDataClientConfig(**common),
            HyperliquidLiveExecClientFactory,
            execution,
        )
