"""What Hyperliquid's parameters and symbols become in the kernel, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.adapters.hyperliquid.enums import HyperliquidProductType
from nautilus_trader.core.nautilus_pyo3 import HyperliquidEnvironment

from ultramm.errors import UserError
from ultramm_adapters.hyperliquid.params import HyperliquidParams
from ultramm_adapters.hyperliquid.venue import HyperliquidVenue

KEYS = {"private_key": "0x" + 32 * "11"}


def venue(*symbols: str, **params: Any) -> HyperliquidVenue:
    return HyperliquidVenue("HYPERLIQUID", list(symbols or ["BTC-USD-PERP"]), HyperliquidParams(**(KEYS | params)))


@pytest.mark.parametrize(
    ("product", "symbol", "kernel"),
    [
        ("perp", "BTC-USD-PERP", HyperliquidProductType.PERP),
        ("spot", "PURR-USDC-SPOT", HyperliquidProductType.SPOT),
    ],
)
def test_a_symbol_ends_in_its_product(product: str, symbol: str, kernel: Any) -> None:
    clients = venue(symbol, product=product, environment="testnet").clients()
    for config in (clients.data_config, clients.exec_config):
        assert {each.value for each in config.instrument_provider.load_ids} == {f"{symbol}.HYPERLIQUID"}
        assert config.product_types == (kernel,)
        assert config.environment == HyperliquidEnvironment.TESTNET
    with pytest.raises(UserError, match="instruments: BTC does not end in -"):
        venue("BTC", product=product)


def test_the_kernel_changes_no_price_and_adds_no_code() -> None:
    config = venue(account_address="0xa", vault_address="0xb").clients().exec_config
    assert (config.normalize_prices, config.include_builder_attribution) == (False, False)
    assert (config.account_address, config.vault_address) == ("0xa", "0xb")


def test_another_server_is_refused() -> None:
    with pytest.raises(UserError, match=r"params\.base_url: the kernel has no other server .*; remove it"):
        venue(base_url="http://127.0.0.1:1")


def test_it_takes_no_live_orders_and_says_why() -> None:
    with pytest.raises(UserError, match="told a hash of an order's id"):
        venue().desk()
