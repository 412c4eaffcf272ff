"""Order flow and trade flow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.features.flow import DecayingSum, OrderFlowImbalance, TradeFlowImbalance, order_flow
from ultramm.market import Book, Level, Side, Trade

S = 1_000_000_000


def _book(bid: float, bid_size: float, ask: float, ask_size: float, ts_ns: int = 0) -> Book:
    return Book(ts_ns, (Level(bid, bid_size),), (Level(ask, ask_size),))


TOUCHES = [(99, 10, 101, 10), (99, 15, 101, 8), (100, 5, 101, 8), (100, 5, 102, 4)]


def test_known_order_flow() -> None:
    """Cont, Kukanov, Stoikov (2014), eq. 4, on four touches: 7, 5, 8."""
    books = [_book(*touch) for touch in TOUCHES]

    assert [order_flow(*pair) for pair in zip(books, books[1:], strict=False)] == [7, 5, 8]


def test_order_flow_is_antisymmetric() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        bid, other = rng.integers(90, 100, 2)
        before = _book(bid, rng.integers(1, 9), bid + rng.integers(1, 5), rng.integers(1, 9))
        after = _book(other, rng.integers(1, 9), other + rng.integers(1, 5), rng.integers(1, 9))
        assert order_flow(before, after) == -order_flow(_mirrored(before), _mirrored(after))


def _mirrored(book: Book) -> Book:
    return _book(-book.asks[0].price, book.asks[0].size, -book.bids[0].price, book.bids[0].size)


def test_a_side_that_is_gone_is_no_flow() -> None:
    assert order_flow(_book(*TOUCHES[0]), Book(0, (), (Level(101, 3),))) == 0.0


def test_sums_decay_as_a_batch_would() -> None:
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.integers(0, 2 * S, 50)).tolist()
    bids = rng.integers(90, 100, 50)
    books = [
        _book(bid, rng.integers(1, 9), bid + 1, rng.integers(1, 9), ts) for bid, ts in zip(bids, times, strict=True)
    ]
    imbalance = OrderFlowImbalance([1.0, 10.0])
    for book in books:
        imbalance.update(book)

    now_ns = times[-1] + S
    for tau_s, value in zip((1.0, 10.0), imbalance.values(now_ns), strict=True):
        flows = [
            order_flow(a, b) * math.exp(-(now_ns - b.ts_ns) / (tau_s * S))
            for a, b in zip(books, books[1:], strict=False)
        ]
        assert value == pytest.approx(math.fsum(flows), rel=1e-9)


def test_trade_flow_as_a_batch_would() -> None:
    rng = np.random.default_rng(3)
    trades = [
        Trade(int(ts), 100.0, float(size), Side.BUY if buys else Side.SELL)
        for ts, size, buys in zip(
            np.cumsum(rng.integers(0, S, 40)), rng.uniform(1, 9, 40), rng.random(40) < 0.6, strict=True
        )
    ]
    flow = TradeFlowImbalance(5.0)
    for trade in trades:
        flow.update(trade)

    weights = [math.exp((t.ts_ns - trades[-1].ts_ns) / (5 * S)) * math.sqrt(t.size) for t in trades]
    signed = math.fsum(w * t.side for w, t in zip(weights, trades, strict=True))
    assert flow.value == pytest.approx(signed / math.fsum(weights), rel=1e-12)
    assert flow.pressure(trades[-1].ts_ns + 5 * S) == pytest.approx(signed / math.e, rel=1e-12)


def test_one_sided_flow_and_none() -> None:
    flow = TradeFlowImbalance(5.0)
    assert flow.value == 0.0
    flow.update(Trade(0, 100.0, 4.0, Side.SELL))
    assert flow.value == -1.0


def test_a_time_before_the_last_does_not_grow_the_sum() -> None:
    total = DecayingSum(1.0)
    total.add(10 * S, 1.0)
    total.add(9 * S, 1.0)
    assert total.at(9 * S) == total.at(10 * S) == 2.0


def test_what_a_book_after_an_interruption_differs_by_is_no_flow() -> None:
    pressure = OrderFlowImbalance([10.0])
    pressure.update(_book(99.0, 5.0, 101.0, 5.0))
    pressure.interrupted()
    pressure.update(_book(109.0, 5.0, 111.0, 5.0, S))
    assert pressure.values(S) == [0.0]
    pressure.update(_book(109.0, 7.0, 111.0, 5.0, S))
    assert pressure.values(S) == [2.0]
