"""Every strategy on markets as they should not be: no exception, no crossing quote, and a reason for each silence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from every_strategy import NEEDS, SIZES, built, strategies
from market_path import Event, check, drive, instrument, market

from ultramm.market import Book, Instrument, Level, Side, Trade

S = 1_000_000_000


@pytest.fixture(params=strategies())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(name: str, of: Instrument, events: Iterator[Event], inventory: float = 0.0, **params: Any) -> list[Any]:
    found = drive(built(name, of, **params), events, lambda step: inventory)
    for book, decision in found:
        check(decision, book, of, {**SIZES, **params}["max_position"], inventory)
    return found


def quoting(found: list[Any]) -> int:
    return sum(bool(decision.quotes) for _, decision in found)


def test_every_strategy_is_tried() -> None:
    assert strategies() == sorted(NEEDS)


def test_a_usual_market_is_quoted_on_both_sides(name: str) -> None:
    of = instrument()
    found = run(name, of, market(of))

    _, last = found[-1]
    assert last.side(Side.BUY)
    assert last.side(Side.SELL)
    assert quoting(found) > 0.3 * len(found)


@pytest.mark.parametrize("price", [1e-8, 1.0, 1e6])
def test_any_price_scale(name: str, price: float) -> None:
    of = instrument(price)
    # The appetite of the paper's quoter has units: the same behaviour at another price.
    params = {"gamma": 1e-3 * (5e4 / price)} if name == "avellaneda-stoikov" else {}
    found = run(name, of, market(of, price), **params)
    assert quoting(found) > 0


def test_no_volatility(name: str) -> None:
    of = instrument()
    run(name, of, market(of, step_ticks=0.0))


def test_no_trades(name: str) -> None:
    of = instrument()
    found = run(name, of, market(of, trades=False))
    if name in {"glft", "adaptive-market-maker"}:
        assert "fill intensity is not known" in found[-1][1].reasons[Side.BUY]


def test_trades_on_one_side_alone(name: str) -> None:
    of = instrument()
    run(name, of, (e for e in market(of) if isinstance(e, Book) or e.side is Side.BUY))


@pytest.mark.parametrize("jump_ticks", [-100, 100])
def test_a_jump(name: str, jump_ticks: int) -> None:
    of = instrument()
    after = 50_000.0 + jump_ticks * of.tick_size
    run(name, of, chain(market(of), market(of, after, start_s=120.0, seconds=20.0)), inventory=0.02)


def broken(of: Instrument) -> list[Book]:
    whole = [event for event in market(of, seconds=1.0, start_s=120.0) if isinstance(event, Book)]
    first, second = whole[0], whole[1]
    crossed = Book(second.ts_ns + 3, (Level(of.price(500_100), 1.0),), (Level(of.price(499_900), 1.0),))
    return [
        Book(first.ts_ns, first.bids, ()),
        Book(first.ts_ns + 1, (), first.asks),
        Book(first.ts_ns + 2, (), ()),
        second,
        crossed,
        Book(second.ts_ns + 4, (Level(of.price(500_000), 1.0),), (Level(of.price(500_000), 1.0),)),
    ]


def test_books_that_are_one_sided_empty_crossed_or_locked(name: str) -> None:
    """The maker does not ask on such books; a strategy that is asked must not fall or cross all the same."""
    of = instrument()
    before = list(market(of))
    for start in ([], before):
        run(name, of, iter([*start, *broken(of), *market(of, start_s=130.0, seconds=5.0)]))


@pytest.mark.parametrize("inventory", [-0.05, -0.045, -0.0005, 0.0005, 0.045, 0.05, 0.2])
def test_inventories_at_and_beyond_the_limits(name: str, inventory: float) -> None:
    of = instrument()
    found = run(name, of, market(of), inventory=inventory)
    _, last = found[-1]
    adding = Side.BUY if inventory > 0 else Side.SELL
    if abs(inventory) >= 0.05:
        assert not last.side(adding)
        assert last.reasons[adding].startswith("position")
        assert last.side(adding.opposite)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"min_size": 0.01}, None),
        ({"min_size": 0.011}, "below the smallest order"),
        ({"min_notional": 499.0}, None),
        ({"min_notional": 600.0}, "below the smallest order"),
    ],
)
def test_sizes_at_the_venues_limits(name: str, limits: dict[str, float], reason: str | None) -> None:
    of = instrument(**limits)
    _, last = run(name, of, market(of))[-1]
    if reason is None:
        assert last.side(Side.BUY)
    else:
        assert not last.quotes
        assert name == "market-maker" or reason in last.reasons[Side.SELL]


def test_a_market_that_comes_back_after_silence(name: str) -> None:
    of = instrument()
    run(name, of, chain(market(of), market(of, 51_000.0, start_s=90_000.0)))


def test_time_that_stands_still(name: str) -> None:
    of = instrument()
    run(
        name,
        of,
        (Book(S, e.bids, e.asks) if isinstance(e, Book) else Trade(S, e.price, e.size, e.side) for e in market(of)),
    )
