"""OKX: the kernel's clients and instruments."""

from __future__ import annotations

from typing import Any

from nautilus_trader.adapters.okx.config import OKXDataClientConfig, OKXExecClientConfig
from nautilus_trader.adapters.okx.factories import OKXLiveDataClientFactory, OKXLiveExecClientFactory
from nautilus_trader.adapters.okx.providers import OKXInstrumentProvider
from nautilus_trader.core import nautilus_pyo3 as kernel

from ultramm.errors import UserError
from ultramm.nautilus.kernel_venue import KernelVenue, addresses
from ultramm.nautilus.venue import Clients
from ultramm_adapters.okx.params import OkxParams

_ENVIRONMENTS = {"live": kernel.OKXEnvironment.LIVE, "demo": kernel.OKXEnvironment.DEMO}
_REGIONS = {"global": kernel.OKXRegion.GLOBAL, "eea": kernel.OKXRegion.EEA, "us": kernel.OKXRegion.US}
_MARGIN = {"cross": kernel.OKXMarginMode.CROSS, "isolated": kernel.OKXMarginMode.ISOLATED}
_PRODUCTS = {
    "spot": kernel.OKXInstrumentType.SPOT,
    "margin": kernel.OKXInstrumentType.MARGIN,
    "swap": kernel.OKXInstrumentType.SWAP,
    "futures": kernel.OKXInstrumentType.FUTURES,
    "option": kernel.OKXInstrumentType.OPTION,
}
# Of an instrument's name, which the venue joins with hyphens: BTC-USDT, BTC-USDT-SWAP, BTC-USD-261225-50000-C.
_PARTS = {"spot": 2, "margin": 2, "swap": 3, "futures": 3, "option": 5}


class OkxVenue(KernelVenue):
    """One account on one instrument type."""

    kernel_name = "OKX"
    keys, variable = ("api_key", "api_secret", "api_passphrase"), "OKX_API_KEY"
    no_orders = (
        "the venue takes order ids of letters and digits only, "
        "and the kernel looks one order up in a list, where a failure is taken for its absence"
    )

    params: OkxParams

    def check(self, symbols: list[str]) -> None:
        product = self.params.product
        for symbol in symbols:
            parts = symbol.split("-")
            if len(parts) != _PARTS[product] or (parts[-1] == "SWAP") is not (product == "swap"):
                raise UserError(f"instruments: {symbol} is no {product}; params.product says so")
        names = {"base_url_http": "base_url_http", "base_url_ws": "base_url_ws"}
        self._addresses = addresses(self.params, names)
        # Without families the venue lists no options, and of the others all there are.
        families = sorted({"-".join(symbol.split("-")[:2]) for symbol in symbols})
        self._families = None if product in ("spot", "margin") else tuple(families)

    def provider(self) -> OKXInstrumentProvider:
        client = kernel.OKXHttpClient(
            api_key=self.params.api_key,
            api_secret=self.params.api_secret,
            api_passphrase=self.params.api_passphrase,
            base_url=self._addresses.get("base_url_http") or kernel.get_okx_http_base_url(_REGIONS[self.params.region]),
            environment=_ENVIRONMENTS[self.params.environment],
        )
        return OKXInstrumentProvider(
            client=client,
            instrument_types=(_PRODUCTS[self.params.product],),
            instrument_families=self._families,
            config=self.only_these(),
        )

    def clients(self) -> Clients:
        common: dict[str, Any] = {
            "api_key": self.params.api_key,
            "api_secret": self.params.api_secret,
            "api_passphrase": self.params.api_passphrase,
            "instrument_types": (_PRODUCTS[self.params.product],),
            "instrument_families": self._families,
            "environment": _ENVIRONMENTS[self.params.environment],
            "region": _REGIONS[self.params.region],
            "instrument_provider": self.only_these(),
            **self._addresses,
        }
        return Clients(
            OKXLiveDataClientFactory,
            OKXDataClientConfig(**common, update_instruments_interval_mins=None),
            OKXLiveExecClientFactory,
            OKXExecClientConfig(
                **common,
                margin_mode=None if self.params.product == "spot" else _MARGIN[self.params.margin_mode],
                use_spot_margin=self.params.product == "margin",
            ),
        )
