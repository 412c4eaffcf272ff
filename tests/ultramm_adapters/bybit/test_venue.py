"""What Bybit's parameters and symbols become in the kernel, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.core.nautilus_pyo3 import BybitEnvironment, BybitProductType
from nautilus_trader.model.identifiers import TraderId

from ultramm.errors import UserError
from ultramm_adapters.bybit.params import BybitParams
from ultramm_adapters.bybit.venue import BybitVenue

KEYS = {"api_key": "k" * 16, "api_secret": "s" * 16}
ADDRESSES = {
    "base_url_http": "http://127.0.0.1:1",
    "base_url_ws_public": "ws://127.0.0.1:2",
    "base_url_ws_private": "ws://127.0.0.1:3",
    "base_url_ws_trade": "ws://127.0.0.1:4",
}


def venue(*symbols: str, name: str = "BYBIT", **params: Any) -> BybitVenue:
    return BybitVenue(name, list(symbols or ["BTCUSDT-SPOT"]), BybitParams(**(KEYS | params)))


@pytest.mark.parametrize(
    ("product", "symbol", "kernel"),
    [
        ("spot", "BTCUSDT-SPOT", BybitProductType.SPOT),
        ("linear", "BTCUSDT-LINEAR", BybitProductType.LINEAR),
        ("inverse", "BTCUSD-INVERSE", BybitProductType.INVERSE),
        ("option", "BTC-26DEC25-100000-C-OPTION", BybitProductType.OPTION),
    ],
)
def test_a_symbol_ends_in_its_category(product: str, symbol: str, kernel: Any) -> None:
    clients = venue(symbol, product=product).clients()
    assert {each.value for each in clients.exec_config.instrument_provider.load_ids} == {f"{symbol}.BYBIT"}
    assert clients.exec_config.product_types == clients.data_config.product_types == (kernel,)
    with pytest.raises(UserError, match=r"instruments: BTCUSDT does not end in -"):
        venue("BTCUSDT", product=product)


@pytest.mark.parametrize(
    ("environment", "kernel"),
    [("live", BybitEnvironment.MAINNET), ("demo", BybitEnvironment.DEMO), ("testnet", BybitEnvironment.TESTNET)],
)
def test_an_environment_is_the_kernels(environment: str, kernel: Any) -> None:
    clients = venue(environment=environment).clients()
    assert clients.exec_config.environment == clients.data_config.environment == kernel


def test_another_server_is_reached_by_four_addresses() -> None:
    config = venue(**ADDRESSES).clients().exec_config
    assert config.base_url_http == ADDRESSES["base_url_http"]
    assert config.base_url_ws_private == ADDRESSES["base_url_ws_private"]
    assert config.base_url_ws_trade == ADDRESSES["base_url_ws_trade"]
    with pytest.raises(UserError, match=r"params\.base_url_ws_public: missing"):
        venue(base_url_http=ADDRESSES["base_url_http"])


def test_the_market_stream_gets_its_own_address_and_not_that_of_requests() -> None:
    async def made() -> Any:
        clients, clock = venue(**ADDRESSES).clients(), LiveClock()
        rest = MessageBus(TraderId("T-1"), clock), Cache(), clock
        loop = asyncio.get_running_loop()
        return clients.data_factory.create(loop, "BYBIT", clients.data_config, *rest)  # type: ignore[attr-defined]

    client = asyncio.run(made())
    assert client._config.base_url_http == ADDRESSES["base_url_ws_public"]
    assert client._http_client.base_url == ADDRESSES["base_url_http"]
    assert not client.listening


def test_the_kernel_moves_no_money_of_its_own_accord() -> None:
    assert venue().clients().exec_config.auto_repay_spot_borrows is False


def test_only_spot_takes_live_orders() -> None:
    assert venue().desk().forgets_after_s == 7.0
    assert venue(recv_window_ms=10_000).desk().forgets_after_s == 12.0
    with pytest.raises(UserError, match="takes no live orders: only product: spot does"):
        venue("BTCUSDT-LINEAR", product="linear").desk()
    assert "live-orders" in BybitParams().capabilities
    assert "live-orders" not in BybitParams(product="linear").capabilities
    assert "batch-cancel" not in BybitParams(environment="demo").capabilities


def test_an_account_and_the_kernels_name_are_needed() -> None:
    with pytest.raises(UserError, match=r"params\.api_key and params\.api_secret are needed"):
        venue(api_key="")
    with pytest.raises(UserError, match="call the venue BYBIT"):
        venue(name="BY")
    with pytest.raises(msgspec.ValidationError, match="matching regex"):
        msgspec.convert({"base_url_http": "127.0.0.1:1"}, BybitParams)
