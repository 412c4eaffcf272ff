"""The venue's word about our account, over its own protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from ultramm.custody.desk import NoAnswer, NotLetIn, Terms
from ultramm.custody.records import VenueOrder
from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm_adapters.binance import desk as module
from ultramm_adapters.binance.desk import BinanceDesk
from ultramm_adapters.binance.params import BinanceParams
from ultramm_adapters.binance.product import PRODUCTS
from ultramm_adapters.binance.venue import BinanceVenue
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.threaded import ThreadedServer

pytestmark = pytest.mark.integration

BTCUSDT = "BTCUSDT.BINANCE"


def desk_of(served: Any, *symbols: str, **more: Any) -> BinanceDesk:
    member = served.member
    params = BinanceParams(base_url=served.url, api_key=member.key, api_secret=member.secret, **more)
    return BinanceVenue("BINANCE", list(symbols) or ["BTCUSDT"], params).desk()


def run[T](asked: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asked)


@pytest.fixture
def desk(served: Any) -> BinanceDesk:
    return desk_of(served)


def test_what_a_trade_moves(desk: BinanceDesk) -> None:
    assert run(desk.terms()) == {BTCUSDT: Terms(base="BTC", quote="USDT", settlement="USDT", cash=True)}


def test_an_instrument_that_the_venue_does_not_list_is_named(served: Any) -> None:
    with pytest.raises(NoAnswer, match="does not list NIXUSDT"):
        run(desk_of(served, "BTCUSDT", "NIXUSDT").terms())


def test_open_orders_are_told_whoever_sent_them_and_those_that_ended_are_not(served: Any, desk: BinanceDesk) -> None:
    assert run(desk.open_orders()) == []
    mine, theirs = served.place("umm-1"), served.place("web", side="SELL", price="50020", quantity="0.02")
    assert run(desk.open_orders()) == [
        VenueOrder(
            order_id="umm-1",
            venue_order_id=str(mine.id),
            instrument=BTCUSDT,
            side=Side.BUY,
            price=Decimal(49990),
            size=Decimal("0.01"),
            filled=Decimal(0),
            status="open",
        ),
        VenueOrder(
            order_id="web",
            venue_order_id=str(theirs.id),
            instrument=BTCUSDT,
            side=Side.SELL,
            price=Decimal(50020),
            size=Decimal("0.02"),
            filled=Decimal(0),
            status="open",
        ),
    ]


def test_one_order_is_told_with_what_became_of_it(served: Any, desk: BinanceDesk) -> None:
    def said(order_id: str) -> tuple[str, Decimal] | None:
        found = run(desk.order(BTCUSDT, order_id))
        return None if found is None else (found.status, found.filled)

    assert said("never") is None
    served.place("resting")
    assert said("resting") == ("open", Decimal(0))
    trade = MarketTrade(Side.SELL, -11, 4)  # through it, a tick below
    served.do(lambda: served.venue.on_market("BTCUSDT", MarketEvent(0.0, (), (trade,))))
    assert said("resting") == ("open", Decimal("0.004"))
    served.do(lambda: served.venue.cancel(served.member, {"symbol": "BTCUSDT", "origClientOrderId": "resting"}))
    assert said("resting") == ("cancelled", Decimal("0.004"))
    served.buy("taken", "0.002")
    assert said("taken") == ("filled", Decimal("0.002"))
    served.place("at once", timeInForce="IOC")
    assert said("at once") == ("expired", Decimal(0))


def test_a_cancel_says_whether_there_was_anything_to_cancel(served: Any, desk: BinanceDesk) -> None:
    served.place("umm-1")
    (order,) = run(desk.open_orders())
    assert run(desk.cancel(order)) is True
    assert served.open_orders() == []
    assert run(desk.cancel(order)) is False


def test_fills_are_exact_and_name_the_order_by_the_venues_id(served: Any, desk: BinanceDesk) -> None:
    before_ns = served.do(served.venue.now_ms) * 1_000_000
    order = served.buy("umm-1", "0.002")
    (fill,) = run(desk.fills(BTCUSDT, before_ns))
    assert (fill.venue_order_id, fill.side, fill.maker) == (str(order.id), Side.BUY, False)
    assert (fill.price, fill.size) == (Decimal(50001), Decimal("0.002"))
    assert (fill.fee, fill.fee_currency) == (Decimal("0.002") * order.symbol.taker_fee, "BTC")
    assert fill.instrument == BTCUSDT
    assert before_ns <= fill.ts_ns


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 10])
def test_fills_come_page_after_page_each_once_oldest_first(
    served: Any, desk: BinanceDesk, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(module, "_PAGE", 3)
    before_ns = served.do(served.venue.now_ms) * 1_000_000
    ids = [str(served.buy().id) for _ in range(count)]
    fills = run(desk.fills(BTCUSDT, before_ns))
    assert [fill.venue_order_id for fill in fills] == ids
    assert len({fill.trade_id for fill in fills}) == count


def test_fills_of_one_millisecond_come_page_after_page_too(
    served: Any, desk: BinanceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 3)
    now_ms = served.do(served.venue.now_ms)
    clock, served.venue.now_ms = served.venue.now_ms, lambda: now_ms
    ids = [str(served.buy().id) for _ in range(10)]
    served.venue.now_ms = clock
    later = str(served.buy().id)
    assert [fill.venue_order_id for fill in run(desk.fills(BTCUSDT, now_ms * 1_000_000))] == [*ids, later]


def test_fills_of_before_are_not_asked_for(served: Any, desk: BinanceDesk) -> None:
    served.buy()
    later_ns = (served.do(served.venue.now_ms) + 1) * 1_000_000
    assert run(desk.fills(BTCUSDT, later_ns)) == []


def test_after_weeks_trades_on_futures_are_all_found_though_the_venue_tells_a_week_at_once() -> None:
    member = Account.funded("weeks-key", "weeks-secret", {}, Decimal(100_000))
    with ThreadedServer([member]) as served:
        served.member = member  # type: ignore[attr-defined]
        asked = desk_of(served, "BTCUSDT-PERP", product="usdm")
        buy = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.002"}
        clock = served.futures.now_ms
        now_ms = clock()
        ids = []
        for days in (40, 39, 20, 0):
            served.futures.now_ms = lambda days=days: now_ms - days * 86_400_000  # type: ignore[misc]
            ids.append(str(served.do(lambda: served.futures.place(member, buy)).id))
        served.futures.now_ms = clock

        def found(days: int) -> list[str]:
            since_ns = (now_ms - days * 86_400_000) * 1_000_000
            return [fill.venue_order_id for fill in run(asked.fills("BTCUSDT-PERP.BINANCE", since_ns))]

        assert found(60) == ids
        assert found(30) == ids[2:]
        assert found(10) == ids[3:]
        assert found(-1) == []


def test_holdings_have_what_is_locked_and_every_digit(served: Any, desk: BinanceDesk) -> None:
    served.place("umm-1")
    served.buy("umm-2", "0.003")
    held = run(desk.holdings())
    fee = Decimal("0.003") * served.orders()[0].symbol.taker_fee
    assert held.balances["USDT"] == Decimal(100_000) - Decimal("0.003") * 50001
    assert held.balances["BTC"] == Decimal(2) + Decimal("0.003") - fee
    assert (held.positions, held.unrealised, held.marks) == ({}, {}, {})


def test_a_spot_venue_has_no_switch_for_dead_men(desk: BinanceDesk) -> None:
    assert run(desk.keep_alive(60.0)) is False


def test_a_request_is_dead_when_the_venues_window_and_a_margin_are_over(served: Any) -> None:
    assert desk_of(served, recv_window_ms=1_000).forgets_after_s > 1.0 + 1.0  # the venue's clock may be a second ahead


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "swallow_before"},
        {"kind": "swallow_after"},
        {"kind": "server_error"},
        {"kind": "reject", "code": -1003},
        {"kind": "reject", "code": -1007},
        {"kind": "reject", "code": -2015},
    ],
    ids=lambda fault: "".join(str(value) for value in fault.values()),
)
@pytest.mark.parametrize("method", ["terms", "open_orders", "order", "fills", "holdings", "cancel"])
def test_whatever_goes_wrong_is_no_answer_and_never_taken_for_one(
    served: Any, desk: BinanceDesk, method: str, fault: dict[str, Any]
) -> None:
    served.place("umm-1")
    (order,) = run(desk.open_orders())
    arguments: dict[str, tuple[Any, ...]] = {"order": (BTCUSDT, "umm-1"), "fills": (BTCUSDT, 0), "cancel": (order,)}
    served.fault(**fault)
    with pytest.raises(NoAnswer) as unknown:
        run(getattr(desk, method)(*arguments.get(method, ())))
    assert isinstance(unknown.value, NotLetIn) == (fault.get("code") == -2015 and method != "terms")
    for word in (served.member.key, served.member.secret, "signature"):
        assert word not in str(unknown.value)


@pytest.mark.parametrize("body", [b'{"symbols": [', b"[{}]", b"{}", b'[{"status": "NEW_ADL"}]'])
def test_an_answer_that_is_not_understood_is_none(answering: Any, body: bytes) -> None:
    with answering(lambda _: (200, {}, body)) as (url, _):
        params = BinanceParams(base_url=url, api_key="k", api_secret="s")
        desk = BinanceVenue("BINANCE", ["BTCUSDT"], params).desk()
        for asked in (
            desk.terms(),
            desk.open_orders(),
            desk.order(BTCUSDT, "a"),
            desk.fills(BTCUSDT, 0),
            desk.holdings(),
        ):
            with pytest.raises(NoAnswer):
                run(asked)


def test_a_clock_that_is_off_is_learnt_and_the_next_answer_is_one(served: Any, desk: BinanceDesk) -> None:
    served.fault("skew", seconds=20)
    with pytest.raises(NoAnswer, match="Timestamp"):
        run(desk.open_orders())
    assert run(desk.open_orders()) == []


# -- what futures say, as documented -------------------------------------------------------------------------------


def test_what_a_coin_margined_contract_moves() -> None:
    listed = {
        "symbol": "BTCUSD_PERP",
        "baseAsset": "BTC",
        "quoteAsset": "USD",
        "marginAsset": "BTC",
        "contractSize": 100,
    }
    terms = PRODUCTS["coinm"].terms(listed)
    assert terms == Terms(base="BTC", quote="USD", settlement="BTC", cash=False, multiplier=Decimal(100), inverse=True)


def test_what_a_dollar_margined_contract_moves() -> None:
    listed = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT"}
    assert PRODUCTS["usdm"].terms(listed) == Terms(base="BTC", quote="USDT", settlement="USDT", cash=False)


def test_the_book_is_where_it_should_be(served: Any) -> None:
    """The fixture's market, that the prices above rest on."""
    served.market(LevelChange(Side.BUY, -1, 10))
    assert served.do(lambda: served.server.apis[0].streams.snapshot("BTCUSDT", 1))["asks"][0][0].startswith("50001")
