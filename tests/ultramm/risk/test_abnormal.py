"""A market that is wide, gapped, wild, or told late holds quotes back, and a usual one does not."""

from __future__ import annotations

import random

import pytest

from ultramm.market import Book, Level, Side, Trade
from ultramm.risk.abnormal import AbnormalMarket, MarketLimits

MS, S = 1_000_000, 1_000_000_000


class Market:
    """Ten touches a second around a mid that walks, two ticks wide, and two trades a second."""

    def __init__(self, seconds: int = 300, **limits) -> None:
        self.guard = AbnormalMarket(MarketLimits(**limits), 0.5)
        self.rng, self.mid, self.now_ns = random.Random(1), 1_000.0, S
        for _ in range(seconds * 10):
            self.step()

    def step(self, move: float | None = None, spread: float = 1.0, trades: float = 1.0, delay_ms: float = 20.0) -> None:
        self.now_ns += 100 * MS
        self.mid += self.rng.gauss(0.0, 0.1) if move is None else move
        half = 0.5 * spread
        self.guard.on_clock(self.now_ns, self.now_ns - round((delay_ms + self.rng.uniform(0.0, 5.0)) * MS))
        self.guard.on_touch(Book(self.now_ns, (Level(self.mid - half, 1.0),), (Level(self.mid + half, 1.0),)))
        if self.rng.random() < 0.2:
            self.guard.on_trade(Trade(self.now_ns, self.mid, trades, Side.BUY))

    @property
    def held(self) -> dict[str, tuple[bool, float, float]]:
        """By reason: whether pulled, how much wider, how much smaller; the same on both sides."""
        cautions = self.guard.cautions(self.now_ns)
        found = {c.reason: (c.pulled, c.times, c.share) for _, c in cautions}
        assert len(cautions) == 2 * len(found)
        return found

    def only(self) -> tuple[str, tuple[bool, float, float]]:
        (found,) = self.held.items()
        return found


def test_a_usual_market_is_none() -> None:
    market = Market(0)
    for _ in range(3_000):
        market.step()
        assert market.held == {}


def test_nothing_into_a_spread_of_a_share_of_the_mid_even_at_once() -> None:
    market = Market(0)
    market.step(spread=60.0)
    assert market.only() == ("the spread is 6.0 % of the mid", (True, 1.0, 1.0))
    market.step()
    assert market.held == {}


def test_nothing_into_a_spread_many_times_the_usual() -> None:
    market = Market()
    market.step(spread=12.0)
    reason, held = market.only()
    assert reason.startswith("the spread is 12.")
    assert held[0]
    assert Market(20).held == {}
    early = Market(20)
    early.step(spread=12.0)
    assert early.held == {}, "nobody knows yet what is usual"


def test_after_a_gap_it_rests() -> None:
    market = Market()
    market.step(move=-10.0)
    reason, held = market.only()
    assert "sigma at once" in reason
    assert held[0]
    for _ in range(49):
        market.step(move=0.0)
    assert any("sigma" in each for each in market.held)
    for _ in range(60):
        market.step(move=0.0)
    assert not any("sigma" in each for each in market.held)


def test_wild_is_wider_by_as_much() -> None:
    market = Market(gap_sigmas=1e6)
    for _ in range(150):
        market.step(move=market.rng.gauss(0.0, 0.6))
    reason, (pulled, times, share) = market.only()
    assert reason.startswith("volatility is ")
    assert (pulled, share) == (False, 1.0)
    assert 3.0 <= times <= 4.0


def test_much_volume_halves() -> None:
    market = Market()
    for _ in range(200):
        market.step(trades=40.0)
    reason, held = market.only()
    assert reason.startswith("volume is ")
    assert held == (False, 1.0, 0.5)


@pytest.mark.parametrize("delay_ms", [150.0, -200.0, 5_000.0])
def test_messages_that_come_later_or_earlier_than_usual(delay_ms: float) -> None:
    market = Market()
    market.step(delay_ms=delay_ms)
    reason, held = market.only()
    assert "off their usual delay, 50 is allowed" in reason
    assert held[0]
    for _ in range(15):
        market.step()
    assert market.held == {}


def test_clocks_need_not_agree() -> None:
    market = Market(0)
    for _ in range(3_000):
        market.step(delay_ms=-1_270.0)
    assert market.held == {}


def test_a_feed_without_the_venues_time_says_nothing_of_it() -> None:
    market = Market()
    market.guard.on_clock(market.now_ns, 0)
    assert market.held == {}


def test_an_interruption_is_no_gap() -> None:
    market = Market()
    market.guard.interrupted()
    market.now_ns += 30 * S
    market.step(move=-50.0)
    assert not any("sigma" in each for each in market.held)
