"""Whatever is asked is answered or refused by a code; nothing that is refused leaves a trace in the money."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from actions import assert_uncrossed, ladder
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.api import Api
from ultramm_binance_emulator.connections import Delivery
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.faults import Faults
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.futures_api import FuturesApi
from ultramm_binance_emulator.futures_streams import FuturesStreams
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.spot_api import SpotApi
from ultramm_binance_emulator.streams import Streams
from ultramm_binance_emulator.threaded import BTCUSDT, BTCUSDT_PERPETUAL


def clock() -> int:
    return 1_000


def api(product: str) -> Api:
    """Of a venue with five levels a side around 50,000."""
    account = Account.funded("me", "s", {"USDT": Decimal(10_000), "BTC": Decimal(1)}, Decimal(10_000))
    faults = Faults(clock)
    made: Api
    if product == "spot":
        spot = SpotVenue({BTCUSDT: 50_000}, [account], clock)
        made = SpotApi(spot, Streams(spot, clock, Delivery(faults)), faults)
    else:
        futures = FuturesVenue({BTCUSDT_PERPETUAL: 50_000}, [account], clock)
        made = FuturesApi(futures, FuturesStreams(futures, clock, Delivery(faults)), faults)
    ladder(made.venue)
    return made


sensible = {
    "symbol": ["BTCUSDT"],
    "side": ["BUY", "SELL"],
    "type": ["LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "STOP", "STOP_MARKET"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    "quantity": ["0.01", "0.5", "1000"],
    "newQty": ["0.005"],
    "price": ["49990", "50001", "50500"],
    "stopPrice": ["50010", "49000"],
    "triggerPrice": ["50010", "49000"],
    "icebergQty": ["0.001", "0.005"],
    "algoType": ["CONDITIONAL"],
    "orderId": ["1000000001", "1000000002"],
    "origClientOrderId": ["a"],
    "newClientOrderId": ["a", "b"],
    "algoId": ["1000000001"],
    "clientAlgoId": ["a"],
    "reduceOnly": ["true", "false"],
    "closePosition": ["true"],
    "limit": ["1", "5"],
    "leverage": ["5"],
    "marginType": ["CROSSED"],
    "dualSidePosition": ["true"],
    "countdownTime": ["0", "1000"],
    "batchOrders": [json.dumps([{"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}])],
    "orderIdList": ["[1000000001]"],
    "origClientOrderIdList": ['["a"]'],
    "symbols": ['["BTCUSDT"]'],
}
odd = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1e9",
        "1E-30",
        "NaN",
        "inf",
        "x",
        "true",
        "[]",
        "{}",
        "[1]",
        '["x"]',
        "[[]]",
        "null",
        "½",
        "9" * 40,
    ]
)
ORDER = ("symbol", "side", "type", "timeInForce", "quantity", "price", "algoType", "triggerPrice")
either = {name: st.one_of(st.sampled_from(values), odd) for name, values in sensible.items()}
likely = {name: st.sampled_from(values) for name, values in sensible.items()}
parameters = st.one_of(
    st.fixed_dictionaries({}, optional=either),
    st.fixed_dictionaries(
        {name: likely[name] for name in ORDER},
        optional={name: values for name, values in likely.items() if name not in ORDER},
    ),
)


@pytest.mark.parametrize("product", ["spot", "usdm"])
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_request_is_answered_or_refused(product: str, data: st.DataObject) -> None:
    made = api(product)
    (account,) = made.venue.accounts.values()
    calls: list[Any] = [route.handle for route in made.signed()] + list(made.calls().values())
    reads = [read for _, read in made.public().values()]
    for _ in range(data.draw(st.integers(1, 8))):
        sent = data.draw(parameters)
        if data.draw(st.integers(0, 9)) == 0:
            call, arguments = data.draw(st.sampled_from(reads)), (sent,)
        else:
            call, arguments = data.draw(st.sampled_from(calls)), (account, sent)
        before = made.held(account)
        try:
            json.dumps(call(*arguments))
        except VenueError:
            assert made.held(account) == before
    assert_uncrossed(made.venue)
