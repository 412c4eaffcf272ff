"""What the parameters of Interactive Brokers become in the kernel, and what is refused."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import pytest

from ultramm.errors import RunError, UserError
from ultramm_adapters.interactive_brokers.params import InteractiveBrokersParams
from ultramm_adapters.interactive_brokers.venue import InteractiveBrokersVenue

WITH_EXTRA = importlib.util.find_spec("ibapi") is not None


def venue(name: str = "NASDAQ", symbol: str = "AAPL", **params: Any) -> InteractiveBrokersVenue:
    return InteractiveBrokersVenue(name, [symbol], InteractiveBrokersParams(**({"account": "DU123456"} | params)))


@pytest.mark.skipif(not WITH_EXTRA, reason="without the extra: pip install 'ultramm[ib]'")
@pytest.mark.parametrize(
    ("name", "symbol"), [("NASDAQ", "AAPL"), ("IDEALPRO", "EUR/USD"), ("CME", "ESZ6"), ("COMEX", "GCZ6")]
)
def test_the_venue_is_an_exchange_and_gets_what_is_traded_there(name: str, symbol: str) -> None:
    clients = venue(name, symbol).clients()
    for config in (clients.data_config, clients.exec_config):
        assert {each.value for each in config.instrument_provider.load_ids} == {f"{symbol}.{name}"}
        assert config.routing.venues == frozenset({name})


@pytest.mark.skipif(not WITH_EXTRA, reason="without the extra: pip install 'ultramm[ib]'")
@pytest.mark.parametrize(("params", "port"), [({}, 4002), ({"environment": "live"}, 4001), ({"port": 7497}, 7497)])
def test_the_port_is_the_gateways_own_unless_given(params: dict[str, Any], port: int) -> None:
    config = venue(client_id=7, **params).clients().exec_config
    assert (config.ibg_host, config.ibg_port, config.ibg_client_id) == ("127.0.0.1", port, 7)
    assert config.account_id == "DU123456"


@pytest.mark.skipif(WITH_EXTRA, reason="with the extra")
def test_without_the_extra_its_clients_are_refused_with_the_remedy() -> None:
    with pytest.raises(UserError, match=r"adapter: No module named 'ibapi'.*; pip install 'ultramm\[ib\]'"):
        venue().clients()


def test_an_account_and_an_exchange_are_needed() -> None:
    with pytest.raises(UserError, match=r"params\.account is needed"):
        venue(account="")
    with pytest.raises(UserError, match="is no exchange of the kernel's"):
        venue("NASDAQ-1")


def test_it_takes_no_live_orders_and_knows_no_instruments_without_a_gateway() -> None:
    with pytest.raises(UserError, match="refuses orders that only make"):
        venue().desk()
    with pytest.raises(RunError, match="by a running gateway only"):
        asyncio.run(venue().instruments())
