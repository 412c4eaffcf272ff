"""What OKX's parameters and symbols become in the kernel, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.core.nautilus_pyo3 import OKXEnvironment, OKXInstrumentType, OKXMarginMode, OKXRegion

from ultramm.errors import UserError
from ultramm_adapters.okx.params import OkxParams
from ultramm_adapters.okx.venue import OkxVenue

KEYS = {"api_key": "k", "api_secret": "s", "api_passphrase": "p"}


def venue(*symbols: str, **params: Any) -> OkxVenue:
    return OkxVenue("OKX", list(symbols or ["BTC-USDT"]), OkxParams(**(KEYS | params)))


@pytest.mark.parametrize(
    ("product", "symbol", "kernel", "families"),
    [
        ("spot", "BTC-USDT", OKXInstrumentType.SPOT, None),
        ("margin", "BTC-USDT", OKXInstrumentType.MARGIN, None),
        ("swap", "BTC-USDT-SWAP", OKXInstrumentType.SWAP, ("BTC-USDT",)),
        ("futures", "BTC-USD-261225", OKXInstrumentType.FUTURES, ("BTC-USD",)),
        ("option", "BTC-USD-261225-50000-C", OKXInstrumentType.OPTION, ("BTC-USD",)),
    ],
)
def test_a_symbol_is_the_venues_and_names_its_family(product: str, symbol: str, kernel: Any, families: Any) -> None:
    clients = venue(symbol, product=product).clients()
    for config in (clients.data_config, clients.exec_config):
        assert {each.value for each in config.instrument_provider.load_ids} == {f"{symbol}.OKX"}
        assert config.instrument_types == (kernel,)
        assert config.instrument_families == families
    assert clients.exec_config.use_spot_margin is (product == "margin")


@pytest.mark.parametrize(
    ("product", "symbol"),
    [("spot", "BTC-USDT-SWAP"), ("swap", "BTC-USD-261225"), ("futures", "BTC-USDT-SWAP"), ("option", "BTC-USDT")],
)
def test_a_symbol_of_another_product_is_refused(product: str, symbol: str) -> None:
    with pytest.raises(UserError, match=f"instruments: {symbol} is no {product}"):
        venue(symbol, product=product)


def test_environment_region_and_margin_are_the_kernels() -> None:
    params = {"product": "swap", "environment": "demo", "region": "eea", "margin_mode": "isolated"}
    config = venue("BTC-USDT-SWAP", **params).clients().exec_config
    assert config.environment == OKXEnvironment.DEMO
    assert config.region == OKXRegion.EEA
    assert config.margin_mode == OKXMarginMode.ISOLATED


def test_another_server_is_reached_by_both_addresses() -> None:
    addresses = {"base_url_http": "http://127.0.0.1:1", "base_url_ws": "ws://127.0.0.1:2"}
    config = venue(**addresses).clients().data_config
    assert (config.base_url_http, config.base_url_ws) == tuple(addresses.values())
    with pytest.raises(UserError, match=r"params\.base_url_ws: missing"):
        venue(base_url_http="http://127.0.0.1:1")


def test_it_takes_no_live_orders_and_says_why() -> None:
    assert "live-orders" not in OkxParams().capabilities
    with pytest.raises(UserError, match="order ids of letters and digits only"):
        venue().desk()
