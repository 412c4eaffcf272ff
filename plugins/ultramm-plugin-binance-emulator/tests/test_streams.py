"""Who only listens knows as much as the venue: books from depth, orders and accounts from their events."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from actions import BASE, act, cancels, ladder, limit, market, market_moves, named, orders
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm.market import Side
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.connections import Delivery
from ultramm_binance_emulator.contracts import Contract
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.faults import Faults
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.futures_streams import FuturesStreams
from ultramm_binance_emulator.listeners import UserStreams
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.streams import Streams
from ultramm_binance_emulator.symbols import Symbol

D = Decimal
GRID = {"tick_size": D("0.5"), "step_size": D("0.001"), "min_quantity": D("0.002")}
PAIR = Symbol(name="BTCUSDT", base="BTC", quote="USDT", **GRID)
PERPETUAL = Contract(name="BTCUSDT", base="BTC", quote="USDT", **GRID)


class Listening:
    """What a connection needs to be, for streams, and what came by stream."""

    def __init__(self) -> None:
        self.streams: set[str] = set()
        self.came: dict[str, list[Any]] = {}

    def send_of(self, stream: str, message: Any, *, market: bool = False) -> None:
        assert market
        self.came.setdefault(stream, []).append(message)


def served(product: str, *names: str) -> tuple[SpotVenue | FuturesVenue, Streams, Listening]:
    accounts = [Account.funded(key, "s", {"USDT": D(10_000), "BTC": D(5)}, D(10_000)) for key in ("me", "you")]
    faults = Delivery(Faults(lambda: 0))
    venue: SpotVenue | FuturesVenue
    if product == "spot":
        venue = SpotVenue({PAIR: BASE}, accounts, lambda: 1_000)
        streams = Streams(venue, lambda: 1_000, faults)
    else:
        venue = FuturesVenue({PERPETUAL: BASE}, accounts, lambda: 1_000)
        streams = FuturesStreams(venue, lambda: 1_000, faults)
    ladder(venue)
    streams.elapse(0)
    listening = Listening()
    streams.subscribe(listening, [f"btcusdt@{name}" for name in names])  # type: ignore[arg-type]
    return venue, streams, listening


actions = st.lists(st.one_of(orders("GTC", "IOC", "MARKET"), cancels, market_moves, st.just(("elapse",))), max_size=30)


@pytest.mark.parametrize(
    ("product", "speed"),
    [
        ("spot", "depth@100ms"),
        ("spot", "depth"),
        ("usdm", "depth@0ms"),
        ("usdm", "depth@100ms"),
        ("usdm", "depth@500ms"),
    ],
)
@settings(max_examples=60, deadline=None)
@given(actions=actions)
def test_depth_carries_a_snapshot_to_where_the_book_is(
    product: str, speed: str, actions: list[tuple[Any, ...]]
) -> None:
    venue, streams, listening = served(product, speed, "bookTicker", "trade", "aggTrade")
    snapshot = streams.snapshot("BTCUSDT", 1_000)
    book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    last, now_ms = snapshot["lastUpdateId"], 1
    for action in actions:
        if action[0] == "elapse":
            now_ms += 70
            streams.elapse(now_ms)
        else:
            act(venue, action)
    streams.elapse(now_ms + 10_000)
    for update in listening.came.get(f"btcusdt@{speed}", []):
        assert update["U"] == last + 1 <= update["u"]
        assert update.get("pu", last) == last
        last = update["u"]
        for side, rows in (("bids", update["b"]), ("asks", update["a"])):
            for price, size in rows:
                book[side].pop(price, None)
                if D(size):
                    book[side][price] = size
    now = streams.snapshot("BTCUSDT", 1_000)
    assert {side: dict(now[side]) for side in book} == book
    assert now["lastUpdateId"] == last
    assert_best(now, listening.came.get("btcusdt@bookTicker", []))
    assert_trades(listening)


def assert_best(book: dict[str, Any], told: list[dict[str, str]]) -> None:
    """The last best prices that were told are those of the book, where it has both."""
    if told and book["bids"] and book["asks"]:
        assert [[told[-1]["b"], told[-1]["B"]], [told[-1]["a"], told[-1]["A"]]] == [book["bids"][0], book["asks"][0]]


def assert_trades(listening: Listening) -> None:
    trades, together = (listening.came.get(f"btcusdt@{name}", []) for name in ("trade", "aggTrade"))
    assert [(t["t"], t["p"], t["q"], t["m"]) for t in trades] == [(a["a"], a["p"], a["q"], a["m"]) for a in together]
    assert len({trade["t"] for trade in trades}) == len(trades)


# -- members' own events ---------------------------------------------------------------------------------------


class Told:
    """What a member knows that hears its events and asks for nothing."""

    def __init__(self) -> None:
        self.orders: dict[int, tuple[str, Decimal, Decimal]] = {}
        self.balances: dict[str, tuple[Decimal, Decimal]] = {}
        self.wallet: Decimal | None = None
        self.position = D(0)

    def on_user_event(self, account: Account, event: dict[str, Any]) -> None:
        if account.key != "me":
            return
        kind = event["e"]
        order = event["o"] if kind == "ORDER_TRADE_UPDATE" else event
        if kind in ("executionReport", "ORDER_TRADE_UPDATE"):
            self.orders[order["i"]] = (order["X"], D(order["q"]), D(order["z"]))
        elif kind == "outboundAccountPosition":
            self.balances |= {row["a"]: (D(row["f"]), D(row["l"])) for row in event["B"]}
        elif kind == "ACCOUNT_UPDATE":
            self.wallet = D(event["a"]["B"][0]["wb"])
            self.position = D(event["a"]["P"][0]["pa"])

    def on_trade(self, *_: Any) -> None: ...

    def on_levels(self, symbol: Symbol, changed: Iterable[tuple[Side, int]]) -> None: ...


@pytest.mark.parametrize("product", ["spot", "usdm"])
@settings(max_examples=100, deadline=None)
@given(actions=actions, reduces=st.booleans())
def test_events_tell_all_of_orders_and_accounts(product: str, actions: list[tuple[Any, ...]], *, reduces: bool) -> None:
    venue, _, _ = served(product)
    told = Told()
    venue.listeners.append(told)
    for action in actions:
        act(venue, action, **({"reduceOnly": "true"} if reduces and action[0] == "order" and action[1] == "me" else {}))
    account = venue.accounts["me"]
    for order in venue.all_orders(account, {"symbol": "BTCUSDT", "limit": "1000"}):
        assert told.orders[order.id] == (order.status, order.quantity, order.filled)
    if isinstance(venue, SpotVenue):
        for asset, known in told.balances.items():
            balance = account.balance(asset)
            assert known == (balance.free, balance.locked)
    elif told.wallet is not None:
        assert (told.wallet, told.position) == (account.wallet.balance, venue.position(account, "BTCUSDT").quantity)


# -- listen keys -----------------------------------------------------------------------------------------------


def test_a_listen_key_is_good_for_an_hour_and_says_when_it_is_over() -> None:
    clock, heard = [0], []
    users = UserStreams(lambda: clock[0], Delivery(Faults(lambda: 0)))
    account = Account("me", "s")
    key = users.new_key(account)
    users.add(account, heard.append)
    clock[0] = 59 * 60_000
    assert users.keep_key(key)
    clock[0] += 60 * 60_000 - 1
    users.elapse()
    assert (users.listener(key), users.key_of(account), heard) == (account, key, [])
    clock[0] += 1
    assert (users.listener(key), users.keep_key(key)) == (None, False)
    users.elapse()
    assert [(event["e"], event["listenKey"]) for event in heard] == [("listenKeyExpired", key)]
    users.elapse()
    assert len(heard) == 1


def test_keys_that_are_dropped_say_nothing() -> None:
    heard: list[Any] = []
    users = UserStreams(lambda: 0, Delivery(Faults(lambda: 0)))
    account = Account("me", "s")
    users.add(account, heard.append)
    users.drop_key(users.new_key(account))
    users.expire_all()
    assert (heard, users.key_of(account)) == ([], None)


def test_who_is_not_told_any_more_hears_nothing() -> None:
    venue, streams, _ = served("spot")
    heard: list[Any] = []
    account = venue.accounts["me"]
    streams.users.add(account, heard.append)
    venue.place(account, limit("BUY", "999", "0.01"))
    streams.users.remove(account, heard.append)
    before = len(heard)
    venue.cancel_all(account, {"symbol": "BTCUSDT"})
    assert len(heard) == before > 0


def test_marks_are_told_every_second_and_every_three() -> None:
    _, streams, listening = served("usdm", "markPrice@1s", "markPrice")
    streams.elapse(10_000)
    for now_ms in range(10_100, 16_001, 100):
        streams.elapse(now_ms)
    counts = {name: len(came) for name, came in listening.came.items()}
    assert counts == {"btcusdt@markPrice@1s": 7, "btcusdt@markPrice": 3}
    assert {event["p"] for event in listening.came["btcusdt@markPrice"]} == {"1000.00000000"}


def test_an_order_on_either_side_moves_the_mark_and_none_leaves_the_last_price() -> None:
    venue, _, _ = served("usdm")
    assert isinstance(venue, FuturesVenue)
    account = venue.accounts["me"]
    bid = venue.place(account, limit("BUY", "1000", "0.01"))
    assert venue.mark("BTCUSDT") == D("1000.25")
    venue.cancel(account, named(bid.id))
    venue.place(account, market("BUY", "0.1"))
    assert venue.books["BTCUSDT"].matching.best(Side.SELL) is None
    assert venue.mark("BTCUSDT") == D("1002.5")
    with pytest.raises(VenueError):
        venue.cancel(account, named(bid.id))
