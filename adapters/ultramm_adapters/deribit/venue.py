"""Deribit: the kernel's clients and instruments."""

from __future__ import annotations

import re
from typing import Any

from nautilus_trader.adapters.deribit.config import DeribitDataClientConfig, DeribitExecClientConfig
from nautilus_trader.adapters.deribit.factories import DeribitLiveDataClientFactory, DeribitLiveExecClientFactory
from nautilus_trader.adapters.deribit.providers import DeribitInstrumentProvider
from nautilus_trader.core import nautilus_pyo3 as kernel

from ultramm.errors import UserError
from ultramm.nautilus.kernel_venue import KernelVenue, no_address
from ultramm.nautilus.venue import Clients
from ultramm_adapters.deribit.params import DeribitParams

_ENVIRONMENTS = {"live": kernel.DeribitEnvironment.MAINNET, "testnet": kernel.DeribitEnvironment.TESTNET}
_PRODUCTS = {
    "future": kernel.DeribitProductType.FUTURE,
    "option": kernel.DeribitProductType.OPTION,
    "spot": kernel.DeribitProductType.SPOT,
}
_NAMES = {
    "future": r"\w+-(PERPETUAL|\d+[A-Z]+\d+)",
    "option": r"\w+-\d+[A-Z]+\d+-[\dd]+-[CP]",
    "spot": r"[^\W_]+_[^\W_]+",
}


class DeribitVenue(KernelVenue):
    """One account, on one kind of instruments."""

    kernel_name = "DERIBIT"
    keys, variable = ("api_key", "api_secret"), "DERIBIT_API_KEY"
    no_orders = "the kernel asks about no single order, and cancels over the socket of a running node only"

    params: DeribitParams

    def check(self, symbols: list[str]) -> None:
        product = self.params.product
        no_address(self.params, "base_url", "the kernel sends this venue's orders to no other server")
        for symbol in symbols:
            if not re.fullmatch(_NAMES[product], symbol):
                raise UserError(f"instruments: {symbol} is no {product}; params.product says so")

    def provider(self) -> DeribitInstrumentProvider:
        client = kernel.DeribitHttpClient(
            api_key=self.params.api_key,
            api_secret=self.params.api_secret,
            environment=_ENVIRONMENTS[self.params.environment],
        )
        product_types = (_PRODUCTS[self.params.product],)
        return DeribitInstrumentProvider(client=client, product_types=product_types, config=self.only_these())

    def clients(self) -> Clients:
        common: dict[str, Any] = {
            "api_key": self.params.api_key,
            "api_secret": self.params.api_secret,
            "product_types": (_PRODUCTS[self.params.product],),
            "environment": _ENVIRONMENTS[self.params.environment],
            "instrument_provider": self.only_these(),
        }
        return Clients(
            DeribitLiveDataClientFactory,
            DeribitDataClientConfig(**common, update_instruments_interval_mins=None),
            DeribitLiveExecClientFactory,
            DeribitExecClientConfig(**common),
        )
