"""What dYdX's parameters and symbols become in the kernel, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.core.nautilus_pyo3 import DydxNetwork

from ultramm.errors import UserError
from ultramm_adapters.dydx.params import DydxParams
from ultramm_adapters.dydx.venue import DydxVenue

KEYS = {"wallet_address": "dydx1abc", "private_key": "11" * 32}
ADDRESSES = {
    "base_url_http": "http://127.0.0.1:1",
    "base_url_ws": "ws://127.0.0.1:2",
    "base_url_grpc": "http://127.0.0.1:3",
}


def venue(*symbols: str, **params: Any) -> DydxVenue:
    return DydxVenue("DYDX", list(symbols or ["BTC-USD-PERP"]), DydxParams(**(KEYS | params)))


def test_a_symbol_is_the_venues_market_and_perp() -> None:
    clients = venue(environment="testnet", subaccount=3).clients()
    for config in (clients.data_config, clients.exec_config):
        assert {each.value for each in config.instrument_provider.load_ids} == {"BTC-USD-PERP.DYDX"}
        assert config.environment == DydxNetwork.TESTNET
    assert clients.exec_config.subaccount == 3
    with pytest.raises(UserError, match="instruments: BTC-USD does not end in -PERP"):
        venue("BTC-USD")


def test_other_servers_are_reached_by_three_addresses() -> None:
    config = venue(**ADDRESSES).clients().exec_config
    assert (config.base_url_http, config.base_url_ws, config.base_url_grpc) == tuple(ADDRESSES.values())
    with pytest.raises(UserError, match=r"params\.base_url_grpc: missing"):
        venue(**{name: ADDRESSES[name] for name in ("base_url_http", "base_url_ws")})


def test_a_wallet_and_its_key_are_needed() -> None:
    with pytest.raises(UserError, match=r"params\.wallet_address and params\.private_key are needed"):
        venue(wallet_address="")


def test_it_takes_no_live_orders_and_says_why() -> None:
    with pytest.raises(UserError, match="cancels only those of its own"):
        venue().desk()
