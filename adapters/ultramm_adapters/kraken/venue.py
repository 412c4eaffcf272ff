"""Kraken: the kernel's clients and instruments."""

from __future__ import annotations

from typing import Any

from nautilus_trader.adapters.kraken.config import KrakenDataClientConfig, KrakenExecClientConfig
from nautilus_trader.adapters.kraken.factories import KrakenLiveDataClientFactory, KrakenLiveExecClientFactory
from nautilus_trader.adapters.kraken.providers import KrakenInstrumentProvider
from nautilus_trader.core import nautilus_pyo3 as kernel

from ultramm.errors import UserError
from ultramm.nautilus.kernel_venue import KernelVenue, addresses
from ultramm.nautilus.venue import Clients
from ultramm_adapters.kraken.params import KrakenParams

_ENVIRONMENTS = {"live": kernel.KrakenEnvironment.LIVE, "demo": kernel.KrakenEnvironment.DEMO}
_PRODUCTS = {"spot": kernel.KrakenProductType.SPOT, "futures": kernel.KrakenProductType.FUTURES}


class KrakenVenue(KernelVenue):
    """One account, on spot or on futures."""

    kernel_name = "KRAKEN"
    keys, variable = ("api_key", "api_secret"), "KRAKEN_API_KEY"
    no_orders = "the kernel cuts an order's id to its last 17 letters, so that no later run knows its own"

    params: KrakenParams

    def check(self, symbols: list[str]) -> None:
        product = self.params.product
        if product == "spot" and self.params.environment == "demo":
            raise UserError("params.environment: spot has no demo; use live, or product: futures")
        for symbol in symbols:
            if kernel.kraken_product_type_from_symbol(symbol) != _PRODUCTS[product]:
                raise UserError(f"instruments: {symbol} is not of {product}; params.product says so")
        names = {"base_url_http": f"base_url_http_{product}", "base_url_ws": f"base_url_ws_{product}"}
        self._addresses = addresses(self.params, names)

    def provider(self) -> KrakenInstrumentProvider:
        product = self.params.product
        common: dict[str, Any] = {
            "api_key": self.params.api_key,
            "api_secret": self.params.api_secret,
            "base_url": self._addresses.get(f"base_url_http_{product}"),
            "max_requests_per_second": self.params.max_requests_per_s,
        }
        spot = kernel.KrakenSpotHttpClient(**common) if product == "spot" else None
        demo = self.params.environment == "demo"
        futures = kernel.KrakenFuturesHttpClient(**common, demo=demo) if product == "futures" else None
        return KrakenInstrumentProvider(
            http_client_spot=spot,
            http_client_futures=futures,
            product_types=[_PRODUCTS[product]],
            config=self.only_these(),
        )

    def clients(self) -> Clients:
        common: dict[str, Any] = {
            "api_key": self.params.api_key,
            "api_secret": self.params.api_secret,
            "environment": _ENVIRONMENTS[self.params.environment],
            "product_types": (_PRODUCTS[self.params.product],),
            "max_requests_per_second": self.params.max_requests_per_s,
            "instrument_provider": self.only_these(),
            **self._addresses,
        }
        return Clients(
            KrakenLiveDataClientFactory,
            KrakenDataClientConfig(**common, update_instruments_interval_mins=None),
            KrakenLiveExecClientFactory,
            KrakenExecClientConfig(**common),
        )
