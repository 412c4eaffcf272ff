"""What Deribit's parameters and symbols become in the kernel, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.core.nautilus_pyo3 import DeribitEnvironment, DeribitHttpClient, DeribitProductType

from ultramm.errors import UserError
from ultramm_adapters.deribit.params import DeribitParams
from ultramm_adapters.deribit.venue import DeribitVenue

KEYS = {"api_key": "k", "api_secret": "s"}


def venue(*symbols: str, **params: Any) -> DeribitVenue:
    return DeribitVenue("DERIBIT", list(symbols or ["BTC-PERPETUAL"]), DeribitParams(**(KEYS | params)))


@pytest.mark.parametrize(
    ("product", "symbol", "kernel"),
    [
        ("future", "BTC-PERPETUAL", DeribitProductType.FUTURE),
        ("future", "BTC_USDC-PERPETUAL", DeribitProductType.FUTURE),
        ("future", "BTC-25DEC26", DeribitProductType.FUTURE),
        ("option", "BTC-25DEC26-100000-C", DeribitProductType.OPTION),
        ("option", "XRP_USDC-25DEC26-0d5-P", DeribitProductType.OPTION),
        ("spot", "BTC_USDC", DeribitProductType.SPOT),
    ],
)
def test_a_symbol_is_the_venues(product: str, symbol: str, kernel: Any) -> None:
    clients = venue(symbol, product=product).clients()
    for config in (clients.data_config, clients.exec_config):
        assert {each.value for each in config.instrument_provider.load_ids} == {f"{symbol}.DERIBIT"}
        assert config.product_types == (kernel,)


@pytest.mark.parametrize(
    ("product", "symbol"),
    [("future", "BTC_USDC"), ("spot", "BTC-PERPETUAL"), ("option", "BTC-25DEC26"), ("future", "BTC-25DEC26-100000-C")],
)
def test_a_symbol_of_another_product_is_refused(product: str, symbol: str) -> None:
    with pytest.raises(UserError, match=f"instruments: {symbol} is no {product}"):
        venue(symbol, product=product)


def test_there_is_a_testnet() -> None:
    assert venue(environment="testnet").clients().exec_config.environment == DeribitEnvironment.TESTNET


def test_another_server_is_refused() -> None:
    with pytest.raises(UserError, match=r"params\.base_url: the kernel sends this venue's orders to no other server"):
        venue(base_url="http://127.0.0.1:1")


def test_it_takes_no_live_orders_for_nobody_could_clear_up() -> None:
    assert not [name for name in dir(DeribitHttpClient) if "cancel" in name or "query" in name]
    with pytest.raises(UserError, match="asks about no single order"):
        venue().desk()
