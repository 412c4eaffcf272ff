"""Size that trades at a best price while it is best."""

from __future__ import annotations

import math
import random

import pytest

from ultramm.features.touch_volume import TouchVolume
from ultramm.market import Book, Level, Side, Trade

S = 1_000_000_000


def touch(ts_ns: int, bid: float, ask: float) -> Book:
    return Book(ts_ns, (Level(bid, 1.0),), (Level(ask, 1.0),))


def test_a_price_counts_once_it_has_gone() -> None:
    volume = TouchVolume()
    volume.on_book(touch(0, 99.0, 101.0))
    volume.on_trade(Trade(1, 99.0, 2.0, Side.SELL))
    volume.on_trade(Trade(2, 99.0, 3.0, Side.SELL))
    assert math.isnan(volume.value)
    volume.on_book(touch(S, 98.0, 101.0))
    assert volume.value == 5.0


def test_prices_without_a_trade_and_trades_elsewhere_count_nothing() -> None:
    volume = TouchVolume()
    for step in range(10):
        volume.on_book(touch(step * S, 99.0 - step, 101.0 - step))
        volume.on_trade(Trade(step * S, 97.0 - step, 9.0, Side.SELL))  # through the best
        volume.on_trade(Trade(step * S, 99.0 - step, 9.0, Side.BUY))  # of the other side
    assert math.isnan(volume.value)


def test_an_empty_side_is_as_it_was() -> None:
    """Where we alone are the touch, others are seen to have none: that is not a new price."""
    volume = TouchVolume()
    for step in range(3):
        volume.on_book(touch(2 * step * S, 99.0, 101.0))
        volume.on_trade(Trade(2 * step * S, 101.0, 4.0, Side.BUY))
        volume.on_book(Book((2 * step + 1) * S, (Level(99.0, 1.0),), ()))
    assert math.isnan(volume.value)
    volume.on_book(touch(9 * S, 99.0, 102.0))
    assert volume.value == 12.0


def test_prices_that_go_together_count_alike() -> None:
    volume = TouchVolume()
    for step in range(100):
        volume.on_book(touch(step * S, 99.0 + step, 101.0 + step))
        volume.on_trade(Trade(step * S, 99.0 + step, 1.0, Side.SELL))
        volume.on_trade(Trade(step * S, 101.0 + step, 100.0, Side.BUY))
    assert volume.value == pytest.approx(50.5)


def test_it_finds_the_mean_of_what_prices_bear() -> None:
    """Each price of either side bears an exponential size of mean two."""
    rng, volume = random.Random(5), TouchVolume(tau_s=3_000.0)
    for step in range(20_000):
        price = 100.0 + step % 7
        volume.on_book(touch(step * S, price, price + 2))
        volume.on_trade(Trade(step * S, price, rng.expovariate(0.5), Side.SELL))
        volume.on_trade(Trade(step * S, price + 2, rng.expovariate(0.5), Side.BUY))
    assert volume.value == pytest.approx(2.0, rel=0.05)
