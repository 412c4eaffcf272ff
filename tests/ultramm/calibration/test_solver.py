"""From a market as it is seen to a table, and what stands in the way."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from market_path import MS, instrument, market

from ultramm.calibration.market_model import MarketModel
from ultramm.calibration.solver import Solver
from ultramm.maker import EngineParams
from ultramm.market import Book, Level, Side, Trade

BTC = instrument()
S = 1_000_000_000


def solver(**params: Any) -> Solver:
    return Solver(BTC, msgspec.convert({"order_size": 0.01, "max_position": 0.1, **params}, EngineParams))


def feed(to: Solver | MarketModel, seconds: float = 300.0, *, trades: bool = True) -> int:
    last_ns = 0
    for event in market(BTC, seconds=seconds, trades=trades):
        if isinstance(event, Trade):
            to.on_trade(event)
        else:
            to.on_book(event)
            last_ns = event.ts_ns
            if isinstance(to, Solver) and last_ns % S == 0:
                found = to.estimate(last_ns)
                if found is not None:
                    to.solve(found, 0.0)
    return last_ns


def test_it_solves_what_it_has_seen() -> None:
    found = solver()
    feed(found)
    assert found.model is not None
    assert found.table is not None
    assert found.table.flat_depth == pytest.approx(1.0 / found.model.kappa, rel=0.5)


def test_too_large_an_error_leaves_no_table_and_says_so() -> None:
    found = solver(max_error_pct=0.5)
    feed(found)
    assert found.table is None
    assert "fill intensity is known to" in found.problem


def test_volume_and_volatility_may_be_told() -> None:
    found = solver()
    now_ns = feed(found)
    estimate = found.estimate(now_ns)
    assert estimate is not None
    found.solve(estimate, 2.0, sigma=3.0, bid_volume=2.0, ask_volume=2.0)
    assert found.model is not None
    assert (found.model.sigma, found.model.fee) == (3.0, 2.0)
    assert found.model.bid_arrival_rate == 2.0 * estimate.bid.arrival_rate


def test_a_fee_beyond_most_reaches_does_not_make_it_come_and_go() -> None:
    """The table aims where the fee puts the quotes; when nothing is known there, that is kept to for a while."""
    found, tables, now_ns = solver(), [], 0
    for event in market(BTC, seconds=300.0):
        if isinstance(event, Trade):
            found.on_trade(event)
            continue
        found.on_book(event)
        if event.ts_ns % S == 0:
            now_ns = event.ts_ns
            estimate = found.estimate(now_ns)
            if estimate is not None:
                found.solve(estimate, 25.0)
            tables.append(found.table is not None)
    changes = sum(before != after for before, after in pairwise(tables))
    assert now_ns > 0
    assert changes <= 3


# -- without a tape --------------------------------------------------------------------------------------------


def jumpy(seconds: float, spread_ticks: int = 2) -> list[Book]:
    """A currency pair: quotes only, and now and then they jump by an exponential step of mean four ticks."""
    rng, mid, books = random.Random(6), 500_000, []
    for step in range(round(seconds * 10)):
        if rng.random() < 0.3:
            mid += (1 if rng.random() < 0.5 else -1) * (1 + int(rng.expovariate(0.25)))
        bid, ask = mid - spread_ticks // 2, mid + spread_ticks // 2
        books.append(Book(step * 100 * MS, (Level(BTC.price(bid), 1.0),), (Level(BTC.price(ask), 1.0),)))
    return books


def test_quotes_without_a_tape_tell_how_far_quotes_are_reached() -> None:
    """A step of x ticks comes x - 1 beyond the mid before it: one in four of mean four ticks is beyond five."""
    model = MarketModel(BTC)
    for book in jumpy(900.0):
        model.on_book(book)
        if book.ts_ns % S == 0:
            model.aim(book.ts_ns, 4 * BTC.tick_size)
    found = model.estimate()
    assert not isinstance(found, str)
    assert found.bid.kappa * BTC.tick_size == pytest.approx(0.25, rel=0.15)
    # Steps of either side come 1.5 times a second.
    depth = 4 * BTC.tick_size
    assert found.bid.rate(depth) == pytest.approx(1.5 * math.exp(-0.25 * 4), rel=0.2)


def test_what_quotes_seemed_to_tell_is_forgotten_with_the_first_trade() -> None:
    model = MarketModel(BTC)
    for book in jumpy(120.0):
        model.on_book(book)
        model.aim(book.ts_ns, 4 * BTC.tick_size)
    assert not isinstance(model.estimate(), str)
    model.on_trade(Trade(120 * S, BTC.price(500_000), 1.0, Side.BUY))
    model.aim(120 * S, 4 * BTC.tick_size)
    assert "no market order came as far" in str(model.estimate())


# -- our own orders --------------------------------------------------------------------------------------------


def alone_and_learning() -> tuple[MarketModel, MarketModel]:
    """Two that have seen the same market; only the second learns from orders of ours."""
    models = MarketModel(BTC), MarketModel(BTC, own_fills=True)
    for model in models:
        feed(model, 1.0)
        model.aim(S, 4 * BTC.tick_size)
        feed(model, 600.0)
    return models


def test_own_orders_that_are_hit_less_often_lower_the_rate_of_both_sides() -> None:
    """Market orders reach our price twice as often as an order in its queue there is filled."""
    alone, learning = alone_and_learning()
    before = alone.estimate()
    assert not isinstance(before, str)
    for second in range(600):
        for ticks in (3, 5):
            depth = ticks * BTC.tick_size
            rate = 0.5 * math.sqrt(before.bid.rate(depth) * before.ask.rate(depth))
            learning.on_exposure(second * S, depth, 1.0, 0)
            learning.on_exposure(second * S, depth, 0.0, rate)  # in the mean
    after = learning.estimate()
    assert not isinstance(after, str)
    depth = 4 * BTC.tick_size
    assert after.bid.rate(depth) == pytest.approx(0.5 * before.bid.rate(depth), rel=0.1)
    assert after.bid.arrival_rate / after.ask.arrival_rate == pytest.approx(
        before.bid.arrival_rate / before.ask.arrival_rate
    )
    assert after.bid.relative_error < before.bid.relative_error


def test_without_orders_of_ours_nothing_changes() -> None:
    alone, learning = alone_and_learning()
    assert alone.estimate() == learning.estimate()
