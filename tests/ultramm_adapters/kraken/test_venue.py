"""What Kraken's parameters and symbols become in the kernel, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.adapters.kraken.execution import KrakenExecutionClient
from nautilus_trader.core.nautilus_pyo3 import KrakenEnvironment, KrakenProductType
from nautilus_trader.model.identifiers import ClientOrderId

from ultramm.errors import UserError
from ultramm_adapters.kraken.params import KrakenParams
from ultramm_adapters.kraken.venue import KrakenVenue

KEYS = {"api_key": "k", "api_secret": "s"}
ADDRESSES = {"base_url_http": "http://127.0.0.1:1", "base_url_ws": "ws://127.0.0.1:2"}


def venue(*symbols: str, **params: Any) -> KrakenVenue:
    return KrakenVenue("KRAKEN", list(symbols or ["BTC/USD"]), KrakenParams(**(KEYS | params)))


@pytest.mark.parametrize(
    ("product", "symbol", "kernel"),
    [("spot", "BTC/USD", KrakenProductType.SPOT), ("futures", "PF_XBTUSD", KrakenProductType.FUTURES)],
)
def test_a_symbol_and_its_addresses_are_of_its_product(product: str, symbol: str, kernel: Any) -> None:
    clients = venue(symbol, product=product, **ADDRESSES).clients()
    for config in (clients.data_config, clients.exec_config):
        assert {each.value for each in config.instrument_provider.load_ids} == {f"{symbol}.KRAKEN"}
        assert config.product_types == (kernel,)
        assert getattr(config, f"base_url_http_{product}") == ADDRESSES["base_url_http"]
        assert getattr(config, f"base_url_ws_{product}") == ADDRESSES["base_url_ws"]


@pytest.mark.parametrize(("product", "symbol"), [("spot", "PF_XBTUSD"), ("futures", "BTC/USD")])
def test_a_symbol_of_the_other_product_is_refused(product: str, symbol: str) -> None:
    with pytest.raises(UserError, match=f"instruments: {symbol} is not of {product}"):
        venue(symbol, product=product)


def test_there_is_a_demo_of_futures_only() -> None:
    clients = venue("PF_XBTUSD", product="futures", environment="demo").clients()
    assert clients.exec_config.environment == KrakenEnvironment.DEMO
    with pytest.raises(UserError, match=r"params\.environment: spot has no demo; use live"):
        venue(environment="demo")


def test_one_address_alone_is_refused() -> None:
    with pytest.raises(UserError, match=r"params\.base_url_http: missing"):
        venue(base_url_ws="ws://127.0.0.1:2")


def test_it_takes_no_live_orders_for_the_kernel_cuts_their_ids() -> None:
    ours = ClientOrderId("umm-0123abcd-mxyz1234-1")
    assert KrakenExecutionClient._truncate_client_order_id(None, ours) == "O" + ours.value[-17:]
    with pytest.raises(UserError, match="cuts an order's id"):
        venue().desk()
