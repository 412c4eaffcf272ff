"""Places of our orders, watched in books as a maker sees them."""

from __future__ import annotations

import math

import pytest
from market_path import instrument

from ultramm.market import Book, Level, Quote, Side, Trade
from ultramm.orders.live import LiveOrder, OrderState
from ultramm.orders.watch import QueueWatch

S = 1_000_000_000
INSTRUMENT = instrument(tick_size=0.5, lot_size=0.1, price_precision=1, size_precision=1)


def order(ticks: int, side: Side = Side.BUY, order_id: str = "ours") -> LiveOrder:
    return LiveOrder(order_id, side, ticks, 10, 10, 0, 0, OrderState.OPEN)


def book(*bids: tuple[float, float], ask: float = 101.0, ts_ns: int = 0) -> Book:
    return Book(ts_ns, tuple(Level(*bid) for bid in bids), (Level(ask, 3.0),))


@pytest.fixture
def watch() -> QueueWatch:
    watch = QueueWatch(INSTRUMENT)
    watch.on_touch(book((99.0, 4.0)))
    watch.on_depth(book((99.0, 4.0), (98.5, 6.0), (97.5, 2.0)))
    return watch


@pytest.mark.parametrize(
    ("ticks", "ahead"),
    [(199, 0.0), (198, 4.0), (197, 6.0), (196, 0.0), (195, 2.0), (194, math.nan)],
    ids=["in front of all", "at the touch", "behind it", "between levels", "at the last seen", "out of sight"],
)
def test_an_order_joins_behind_what_is_there(watch: QueueWatch, ticks: int, ahead: float) -> None:
    watch.joined(order(ticks))
    assert watch.ahead("ours") == pytest.approx(ahead, nan_ok=True)
    assert watch.size_at(Side.BUY, ticks) == pytest.approx(ahead, nan_ok=True)


def test_trades_and_cancels_bring_it_forward(watch: QueueWatch) -> None:
    watch.joined(order(198))
    watch.on_trade(Trade(1, 99.0, 1.0, Side.SELL))
    assert watch.ahead("ours") == pytest.approx(3.0)
    watch.on_touch(book((99.0, 3.0), ts_ns=2))  # what was traded
    assert watch.ahead("ours") == pytest.approx(3.0)
    watch.on_touch(book((99.0, 1.0), ts_ns=3))  # cancels
    assert watch.ahead("ours") == pytest.approx(1.0)


def test_it_is_first_when_others_have_left_its_price(watch: QueueWatch) -> None:
    watch.joined(order(198))
    watch.on_touch(book((98.5, 6.0), ts_ns=1))
    assert watch.ahead("ours") == 0.0


def test_a_touch_says_nothing_of_what_is_behind_it(watch: QueueWatch) -> None:
    watch.joined(order(197))
    watch.on_touch(book((99.0, 1.0), ts_ns=1))
    assert watch.ahead("ours") == 6.0
    watch.on_depth(book((99.0, 1.0), (98.5, 2.0), ts_ns=1))
    assert watch.ahead("ours") == pytest.approx(2.0)


def test_a_level_that_comes_into_sight_is_all_ahead_of_us(watch: QueueWatch) -> None:
    watch.joined(order(194))
    watch.on_trade(Trade(1, 97.0, 1.0, Side.SELL))
    assert math.isnan(watch.ahead("ours"))
    watch.on_depth(book((97.5, 1.0), (97.0, 5.0), ts_ns=1))
    assert watch.ahead("ours") == 5.0


def test_asks_are_seen_from_the_other_side(watch: QueueWatch) -> None:
    watch.joined(order(202, Side.SELL))
    assert watch.ahead("ours") == 3.0
    watch.on_touch(book((99.0, 4.0), ask=101.5, ts_ns=1))
    assert watch.ahead("ours") == 0.0
    watch.on_trade(Trade(2, 101.0, 1.0, Side.SELL))  # takes bids
    assert watch.ahead("ours") == 0.0


def test_what_left_is_forgotten(watch: QueueWatch) -> None:
    watch.joined(order(198))
    watch.left("ours")
    assert math.isnan(watch.ahead("ours"))
    assert math.isnan(watch.ahead("never heard of"))


def test_before_any_book_nothing_is_known() -> None:
    watch = QueueWatch(INSTRUMENT)
    watch.joined(order(198))
    assert math.isnan(watch.ahead("ours"))


def test_a_place_is_kept_against_a_long_queue_and_given_up_for_an_empty_one(watch: QueueWatch) -> None:
    """Two units trade at a price before it goes; ours stands first, a tick behind where it should."""
    watch.on_trade(Trade(1, 99.0, 2.0, Side.SELL))
    watch.on_touch(book((98.5, 6.0), ts_ns=S))
    watch.joined(order(196))
    watch.on_depth(book((98.5, 6.0), (97.5, 2.0), ts_ns=S))
    long_queue, empty = Quote(Side.BUY, 197, 10), Quote(Side.BUY, 198, 10)
    assert watch.keeps(order(196), long_queue, kappa=0.5)
    assert not watch.keeps(order(196), empty, kappa=0.5)
    # A tick is more than the whole depth of a quote: there is no place worth that.
    assert not watch.keeps(order(196), long_queue, kappa=2.5)
