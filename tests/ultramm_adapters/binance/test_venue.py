"""Binance as a live venue: what it is built from, what it refuses, and its instruments."""

from __future__ import annotations

import asyncio
import re
from decimal import Decimal
from typing import Any

import pytest
from binance_venue import KEY, SECRET
from nautilus_trader.adapters.binance.common.enums import BinanceAccountType, BinanceEnvironment, BinanceKeyType

from ultramm.errors import RunError, UserError
from ultramm_adapters.binance.params import BinanceParams
from ultramm_adapters.binance.venue import BinanceVenue

pytestmark = pytest.mark.integration

BODY = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
PEM = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----"


def venue(symbols: list[str] | None = None, **params: Any) -> BinanceVenue:
    given = {"api_key": KEY, "api_secret": SECRET} | params
    return BinanceVenue("BINANCE", symbols or ["BTCUSDT"], BinanceParams(**given))


@pytest.mark.parametrize("missing", ["api_key", "api_secret"])
def test_without_a_key_there_is_no_venue(missing: str) -> None:
    needed = "params.api_key and params.api_secret are needed; write ${BINANCE_API_KEY}"
    with pytest.raises(UserError, match=re.escape(needed)):
        venue(**{missing: ""})


def test_a_future_is_not_traded_on_spot() -> None:
    with pytest.raises(UserError, match=r"^instruments: BTCUSDT-PERP is a future; params\.product says spot$"):
        venue(["BTCUSDT", "BTCUSDT-PERP"])
    venue(["BTCUSDT-PERP"], product="usdm")


@pytest.mark.parametrize(
    ("product", "kind", "path"),
    [
        ("spot", BinanceAccountType.SPOT, "/ws-api/v3"),
        ("usdm", BinanceAccountType.USDT_FUTURES, "/ws-fapi/v1"),
        ("coinm", BinanceAccountType.COIN_FUTURES, "/ws-dapi/v1"),
    ],
)
def test_another_server_serves_everything(product: Any, kind: Any, path: str) -> None:
    clients = venue(product=product, base_url="http://127.0.0.1:9001").clients()
    for config in (clients.data_config, clients.exec_config):
        assert config.account_type == kind
        assert config.base_url_http == "http://127.0.0.1:9001"
    assert clients.exec_config.base_url_ws == f"ws://127.0.0.1:9001{path}"
    private = "/private" if product == "usdm" else ""  # which the venue keeps apart
    assert clients.exec_config.base_url_ws_stream == f"ws://127.0.0.1:9001{private}"
    assert clients.data_config.base_url_ws == "ws://127.0.0.1:9001"


def test_a_server_on_tls_is_listened_to_on_tls() -> None:
    clients = venue(base_url="https://proxy.example").clients()
    assert clients.exec_config.base_url_ws == "wss://proxy.example/ws-api/v3"


@pytest.mark.parametrize(("environment", "kernels"), [("live", "LIVE"), ("testnet", "TESTNET")])
@pytest.mark.parametrize("product", ["spot", "usdm", "coinm"])
def test_without_another_server_it_is_the_venues_own(product: Any, environment: Any, kernels: str) -> None:
    config = venue(product=product, environment=environment).clients().exec_config
    assert config.environment == BinanceEnvironment[kernels]
    assert config.base_url_ws is None
    assert re.match(r"https://(api|fapi|dapi)\.binance\.com$", config.base_url_http) is None or environment == "live"
    assert re.match(r"https://[a-z-]*\.?(testnet\.)?binance(future)?(\.com|\.vision)$", config.base_url_http)


def test_the_kind_of_a_key_is_seen() -> None:
    assert venue().clients().exec_config.key_type == BinanceKeyType.HMAC
    assert venue(api_secret=PEM).clients().exec_config.key_type == BinanceKeyType.ED25519


def test_only_futures_have_a_switch_for_dead_men() -> None:
    assert venue(dead_man_s=30.0).dead_man_s == 0.0
    assert venue(product="usdm", dead_man_s=30.0).dead_man_s == 30.0


def test_what_is_used_of_the_venues_limit_is_four_fifths_or_what_is_said() -> None:
    assert BinanceParams().weight_budget == 4_800
    assert BinanceParams(product="usdm").weight_budget == 1_920
    assert BinanceParams(weight_per_minute=300).weight_budget == 300


def test_the_clients_of_a_venue_share_what_they_know_of_it_and_those_of_another_do_not(served: Any) -> None:
    first, second = venue(base_url=served.url), venue(base_url=served.url)
    desks = [first.desk(), first.desk(), second.desk()]
    served.fault("skew", seconds=30)
    with pytest.raises(Exception, match="Timestamp"):
        asyncio.run(desks[0].holdings())
    asyncio.run(desks[1].holdings())
    with pytest.raises(Exception, match="Timestamp"):
        asyncio.run(desks[2].holdings())


def test_instruments_come_with_the_accounts_fees_in_the_order_that_was_asked_for(served: Any) -> None:
    (instrument,) = asyncio.run(venue(base_url=served.url).instruments())
    assert instrument.id.value == "BTCUSDT.BINANCE"
    symbol = served.venue.books["BTCUSDT"].symbol
    assert (instrument.maker_fee, instrument.taker_fee) == (symbol.maker_fee, symbol.taker_fee)
    assert instrument.price_increment.as_decimal() == Decimal(1)
    assert instrument.size_increment.as_decimal() == Decimal("0.001")


def test_a_venue_of_another_name_has_instruments_of_that_name(served: Any) -> None:
    params = BinanceParams(base_url=served.url, api_key=KEY, api_secret=SECRET)
    (instrument,) = asyncio.run(BinanceVenue("SPOT_2", ["BTCUSDT"], params).instruments())
    assert instrument.id.value == "BTCUSDT.SPOT_2"


def test_an_instrument_that_is_not_traded_is_named(served: Any) -> None:
    with pytest.raises(RunError, match=r"BINANCE: .*NIXUSDT"):
        asyncio.run(venue(["BTCUSDT", "NIXUSDT"], base_url=served.url).instruments())


@pytest.mark.parametrize("kind", ["swallow_before", "server_error"])
@pytest.mark.parametrize("where", ["exchangeInfo", "tradeFee"])
def test_instruments_that_cannot_be_had_end_the_start_in_words(served: Any, kind: str, where: str) -> None:
    served.fault(kind, where)
    with pytest.raises(RunError, match="BINANCE: ") as refusal:
        asyncio.run(venue(base_url=served.url).instruments())
    assert SECRET not in str(refusal.value)
    assert "signature" not in str(refusal.value)
