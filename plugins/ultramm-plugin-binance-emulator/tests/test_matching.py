"""Price-time priority among members and over the market of others."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketTrade
from ultramm_binance_emulator.matching import Match, Matching, Resting, Tif

BUY, SELL = Side.BUY, Side.SELL


def order(name: str, side: Side, ticks: int | None, lots: int, owner: str = "me") -> Resting:
    return Resting(name, owner, side, ticks, lots)


def traded(matches: Iterable[Match]) -> list[tuple[str, int, int, bool]]:
    return [(match.order.id, match.ticks, match.lots, match.maker) for match in matches]


@pytest.fixture
def book() -> Matching:
    """Others bid 5 at 99 and 7 at 98, and offer 5 at 101 and 7 at 102."""
    book = Matching()
    levels = [(BUY, 99, 5), (BUY, 98, 7), (SELL, 101, 5), (SELL, 102, 7)]
    traded(book.on_levels([LevelChange(*level) for level in levels]))
    return book


def test_it_shows_members_and_others_together(book: Matching) -> None:
    traded(book.place(order("a", BUY, 99, 2), Tif.GTC))
    traded(book.place(order("b", BUY, 100, 1), Tif.GTC))
    assert list(book.levels(BUY)) == [(100, 1), (99, 7), (98, 7)]
    assert list(book.levels(SELL)) == [(101, 5), (102, 7)]
    assert (book.best(BUY), book.best(SELL), book.lots_at(BUY, 99)) == (100, 101, 7)


def test_a_taker_walks_the_book_and_what_is_left_rests(book: Matching) -> None:
    taker = order("a", BUY, 101, 8)
    assert traded(book.place(taker, Tif.GTC)) == [("a", 101, 5, False)]
    assert taker.left == 3
    assert book.best(BUY) == 101
    assert list(book.levels(SELL)) == [(102, 7)]


def test_a_market_order_takes_what_there_is(book: Matching) -> None:
    assert traded(book.place(order("a", SELL, None, 20), Tif.GTC)) == [("a", 99, 5, False), ("a", 98, 7, False)]
    assert list(book.levels(BUY)) == []


def test_fill_or_kill_takes_all_or_nothing(book: Matching) -> None:
    assert traded(book.place(order("a", BUY, 102, 13), Tif.FOK)) == []
    assert traded(book.place(order("b", BUY, 102, 12), Tif.FOK)) == [("b", 101, 5, False), ("b", 102, 7, False)]


def test_immediate_or_cancel_leaves_nothing(book: Matching) -> None:
    assert traded(book.place(order("a", BUY, 101, 8), Tif.IOC)) == [("a", 101, 5, False)]
    assert book.best(BUY) == 99


def test_members_trade_in_the_order_of_price_and_time(book: Matching) -> None:
    for name, ticks in (("late", 100), ("better", 100)):
        traded(book.place(order(name, SELL, ticks, 2, name), Tif.GTC))
    matches = list(book.place(order("taker", BUY, 101, 5), Tif.GTC))
    assert traded(matches) == [
        ("taker", 100, 2, False),
        ("late", 100, 2, True),
        ("taker", 100, 2, False),
        ("better", 100, 2, True),
        ("taker", 101, 1, False),
    ]
    assert matches[0].against is not None
    assert matches[0].against.id == "late"


def test_who_was_there_before_a_member_trades_before_it(book: Matching) -> None:
    """Others had 5 at 101; a taker of 8 gets those, then ours, then what came behind us."""
    traded(book.place(order("ours", SELL, 101, 2), Tif.GTC))
    traded(book.on_levels([LevelChange(SELL, 101, 9)]))
    assert traded(book.place(order("taker", BUY, 101, 8, "you"), Tif.IOC)) == [
        ("taker", 101, 5, False),
        ("taker", 101, 2, False),
        ("ours", 101, 2, True),
        ("taker", 101, 1, False),
    ]
    assert book.lots_at(SELL, 101) == 3


def test_trades_of_others_reach_us_after_those_before_us(book: Matching) -> None:
    traded(book.place(order("ours", BUY, 99, 3), Tif.GTC))
    assert traded(book.on_trade(MarketTrade(SELL, 99, 4))) == []
    traded(book.on_levels([LevelChange(BUY, 99, 1)]))
    assert traded(book.on_trade(MarketTrade(SELL, 99, 2))) == [("ours", 99, 1, True)]
    assert traded(book.on_trade(MarketTrade(SELL, 98, 9))) == [("ours", 99, 2, True)]
    assert traded(book.on_trade(MarketTrade(SELL, 98, 9))) == []


def test_one_trade_is_spent_once(book: Matching) -> None:
    for name in ("a", "b"):
        traded(book.place(order(name, BUY, 100, 3), Tif.GTC))
    assert traded(book.on_trade(MarketTrade(SELL, 99, 4))) == [("a", 100, 3, True), ("b", 100, 1, True)]


def test_others_who_come_to_meet_us_trade_at_our_price(book: Matching) -> None:
    ours = order("ours", BUY, 100, 3)
    traded(book.place(ours, Tif.GTC))
    assert traded(book.on_levels([LevelChange(SELL, 99, 2), LevelChange(SELL, 101, 0)])) == [("ours", 100, 2, True)]
    assert ours.left == 1
    assert book.best(SELL) == 102


def test_a_cancelled_order_is_gone(book: Matching) -> None:
    ours = order("ours", BUY, 100, 3)
    traded(book.place(ours, Tif.GTC))
    book.cancel(ours)
    assert book.best(BUY) == 99
    assert traded(book.on_trade(MarketTrade(SELL, 90, 100))) == []


# -- icebergs --------------------------------------------------------------------------------------------------


def test_only_the_tip_is_shown_and_the_rest_is_there(book: Matching) -> None:
    traded(book.place(Resting("ice", "me", SELL, 100, 10, tip=3), Tif.GTC))
    assert next(iter(book.levels(SELL))) == (100, 3)
    assert traded(book.place(order("fok", BUY, 100, 11, "you"), Tif.FOK)) == []
    taken = traded(book.place(order("taker", BUY, 100, 10, "you"), Tif.IOC))
    assert [match[2] for match in taken if match[0] == "ice"] == [3, 3, 3, 1]
    assert book.best(SELL) == 101


def test_the_next_part_queues_behind_everybody(book: Matching) -> None:
    ice = Resting("ice", "me", SELL, 101, 6, tip=2)
    traded(book.place(ice, Tif.GTC))
    traded(book.place(order("after", SELL, 101, 4, "it"), Tif.GTC))
    book_lots = book.lots_at(SELL, 101)
    matches = traded(book.place(order("taker", BUY, 101, 14, "you"), Tif.IOC))
    makers = [(name, lots) for name, _, lots, maker in matches if maker]
    assert book_lots == 5 + 2 + 4
    assert makers == [("ice", 2), ("after", 4), ("ice", 2), ("ice", 1)]
    assert (ice.left, ice.shown, book.lots_at(SELL, 101)) == (1, 1, 1)


def test_a_trade_at_its_price_gets_the_tip_and_one_through_it_all(book: Matching) -> None:
    ice = Resting("ice", "me", BUY, 100, 9, tip=2)
    traded(book.place(ice, Tif.GTC))
    assert traded(book.on_trade(MarketTrade(SELL, 100, 5))) == [("ice", 100, 2, True)]
    assert (ice.left, ice.shown) == (7, 2)
    assert traded(book.on_trade(MarketTrade(SELL, 99, 6))) == [("ice", 100, 6, True)]
    assert (ice.left, ice.shown) == (1, 1)


def test_an_order_that_shrinks_keeps_its_place(book: Matching) -> None:
    ours, after = order("ours", BUY, 100, 5), order("after", BUY, 100, 5, "you")
    for each in (ours, after):
        traded(book.place(each, Tif.GTC))
    book.shrink(ours, 2)
    assert (book.lots_at(BUY, 100), ours.lots) == (7, 2)
    assert traded(book.on_trade(MarketTrade(SELL, 100, 3))) == [("ours", 100, 2, True), ("after", 100, 1, True)]


def test_it_finds_own_orders_that_would_be_met(book: Matching) -> None:
    mine = order("mine", SELL, 100, 1)
    traded(book.place(mine, Tif.GTC))
    traded(book.place(order("yours", SELL, 100, 1, "you"), Tif.GTC))
    assert book.own_in_reach(order("x", BUY, 100, 1)) == [mine]
    assert book.own_in_reach(order("x", BUY, 99, 1)) == []
    assert book.would_take(BUY, 100)
    assert not book.would_take(BUY, 99)
