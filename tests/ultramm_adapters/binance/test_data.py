"""Books: whatever became of the messages, the venue's book in the end, and none while it is not known."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest
from binance_venue import KEY, SECRET, Served
from kernel_node import Hand, data, eventually, play

from ultramm.market import Side
from ultramm.simulation.events import LevelChange
from ultramm_adapters.binance.params import BinanceParams
from ultramm_adapters.binance.venue import BinanceVenue

pytestmark = pytest.mark.integration

BTCUSDT = "BTCUSDT.BINANCE"


def venue(served: Served, name: str = "BINANCE") -> BinanceVenue:
    return BinanceVenue(name, ["BTCUSDT"], BinanceParams(base_url=served.url, api_key=KEY, api_secret=SECRET))


def numbers(levels: dict[str, str]) -> dict[Decimal, Decimal]:
    return {Decimal(price): Decimal(size) for price, size in levels.items()}


def at_venue(served: Served) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
    shown = served.do(lambda: served.server.apis[0].streams.snapshot("BTCUSDT", 5_000))
    return numbers(dict(shown["bids"])), numbers(dict(shown["asks"]))


def agrees(served: Served, hand: Hand, name: str = BTCUSDT) -> bool:
    bids, asks = hand.levels(name)
    return (numbers(bids), numbers(asks)) == at_venue(served) and bool(bids)


async def moves(served: Served, dice: random.Random, count: int = 12) -> None:
    """The market outside changes, an update each time."""
    for _ in range(count):
        side = dice.choice(list(Side))
        depth = dice.randint(1, 30)
        served.market(LevelChange(side, -side * depth, dice.randint(0, 9) if depth > 1 else dice.randint(1, 9)))
        await asyncio.sleep(0.11)


def followed(served: Served, faults: list[tuple[str, dict[str, Any]]], seed: int) -> tuple[Hand, int]:
    """A node follows the market while its messages meet faults; gives what it saw, and its gaps."""
    gaps = 0

    async def scenario(kernel: Any, hand: Hand) -> None:
        nonlocal gaps
        dice = random.Random(seed)
        await eventually(lambda: agrees(served, hand), "the venue's book")
        hand.books.clear()
        for kind, more in faults:
            served.fault(kind, **more)
        await moves(served, dice)
        served.clear()
        await moves(served, dice, 2)
        await eventually(lambda: agrees(served, hand), "the venue's book in the end")
        gaps = data(kernel).gaps

    return play({"BINANCE": venue(served)}, scenario), gaps


def test_a_book_follows_the_venues_without_a_gap(served: Served) -> None:
    hand, gaps = followed(served, [], 1)
    assert gaps == 0
    assert not any(empty for _, empty in hand.books)


@pytest.mark.parametrize("count", [1, 3])
def test_after_updates_that_were_lost_the_book_is_empty_until_it_is_read_anew(served: Served, count: int) -> None:
    hand, gaps = followed(served, [("drop", {"where": "@depth", "count": count})], 2)
    assert gaps >= 1
    assert any(empty for _, empty in hand.books)


def test_an_update_told_twice_counts_once(served: Served) -> None:
    hand, gaps = followed(served, [("duplicate", {"where": "@depth", "count": 4})], 3)
    assert gaps == 0
    assert not any(empty for _, empty in hand.books)


@pytest.mark.parametrize("kind", ["reorder", "late"])
def test_updates_in_a_wrong_order_are_no_book(served: Served, kind: str) -> None:
    hand, gaps = followed(served, [(kind, {"where": "@depth", "count": 2, "seconds": 0.5})], 4)
    assert gaps >= 1
    assert any(empty for _, empty in hand.books)


def test_a_snapshot_that_is_older_than_what_is_heard_is_asked_for_again(served: Served) -> None:
    faults: list[tuple[str, dict[str, Any]]] = [
        ("stale_snapshot", {"where": "depth", "count": 2}),
        ("drop", {"where": "@depth", "count": 1}),
    ]
    hand, gaps = followed(served, faults, 5)
    assert gaps >= 1
    assert any(empty for _, empty in hand.books)
    assert served.met() == 3


@pytest.mark.parametrize(
    "fault", [{"kind": "server_error"}, {"kind": "swallow_before"}, {"kind": "reject", "code": -1003}]
)
def test_a_snapshot_that_cannot_be_had_is_asked_for_until_it_can(served: Served, fault: dict[str, Any]) -> None:
    kind = fault.pop("kind")
    faults = [(kind, {"where": "GET /api/v3/depth", "count": 2, **fault}), ("drop", {"where": "@depth", "count": 1})]
    followed(served, faults, 6)
    assert served.met() == 3


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_updates_and_snapshots_the_book_is_the_venues_in_the_end(served: Served, seed: int) -> None:
    dice = random.Random(seed)
    faults: list[tuple[str, dict[str, Any]]] = [
        (kind, {"where": "@depth", "share": 0.3, "seconds": 0.3}) for kind in ("drop", "duplicate", "reorder", "late")
    ]
    dice.shuffle(faults)
    faults.append(("stale_snapshot", {"where": "depth", "share": 0.5}))
    followed(served, faults, seed)


def test_a_stream_that_was_cut_is_listened_to_again(served: Served) -> None:
    async def scenario(kernel: Any, hand: Hand) -> None:
        await eventually(lambda: agrees(served, hand), "the venue's book")
        assert data(kernel).listening
        served.fault("refuse", "/stream", seconds=60)
        served.fault("refuse", "/ws", seconds=60)
        served.fault("cut", "")
        await eventually(lambda: not data(kernel).listening, "it knows that it hears nothing")
        await moves(served, random.Random(7), 3)
        served.clear()
        await eventually(lambda: data(kernel).listening, "it listens again")
        await moves(served, random.Random(8), 3)
        await eventually(lambda: agrees(served, hand), "the venue's book in the end")

    play({"BINANCE": venue(served)}, scenario)


def test_several_venues_do_not_mix_their_books(served: Served) -> None:
    with Served() as other:

        async def scenario(kernel: Any, hand: Hand) -> None:
            both = {"BINANCE": served, "OTHER": other}
            for name, server in both.items():
                await eventually(lambda n=name, s=server: agrees(s, hand, f"BTCUSDT.{n}"), f"the book of {name}")
            hand.books.clear()
            served.fault("drop", "@depth", count=1)
            dice = random.Random(9)
            for _ in range(6):
                await asyncio.gather(*[moves(server, dice, 1) for server in both.values()])
            served.clear()
            for name, server in both.items():
                await eventually(lambda n=name, s=server: agrees(s, hand, f"BTCUSDT.{n}"), f"{name} in the end")
            assert data(kernel).gaps >= 1
            assert data(kernel, "OTHER").gaps == 0
            assert any(empty for name, empty in hand.books if name == BTCUSDT)
            assert not any(empty for name, empty in hand.books if name == "BTCUSDT.OTHER")

        play({"BINANCE": venue(served), "OTHER": venue(other, "OTHER")}, scenario)
