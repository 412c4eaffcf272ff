"""Each pattern is seen where all of it is there, and not where a part of it is missing."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Book, Level, Side, Trade
from ultramm.risk.surveillance.messages import MessageBursts
from ultramm.risk.surveillance.mirrored import MirroredTrades
from ultramm.risk.surveillance.response import Response, Rung
from ultramm.risk.surveillance.runs import SuddenRuns
from ultramm.risk.surveillance.surges import Surges
from ultramm.risk.surveillance.vanishing import VanishingOrders

MS, S = 1_000_000, 1_000_000_000
BUY, SELL = Side.BUY, Side.SELL


def book(ts_ns: int, bid: int = 100, spread: int = 1, bids: Iterable[float] = (), asks: Iterable[float] = ()) -> Book:
    """Ten levels a side, of five unless stated."""
    bid_sizes, ask_sizes = [*bids, *[5.0] * 10][:10], [*asks, *[5.0] * 10][:10]
    return Book(
        ts_ns,
        tuple(Level(float(bid - i), size) for i, size in enumerate(bid_sizes)),
        tuple(Level(float(bid + spread + i), size) for i, size in enumerate(ask_sizes)),
    )


# -- the answer ---------------------------------------------------------------------------------------------------


def test_a_rung_holds_until_nothing_has_raised_it_for_a_while() -> None:
    response = Response(30.0)
    response.raise_to(Rung.HALVE, BUY, 0, "first")
    response.raise_to(Rung.WIDEN, BUY, 20 * S, "less")
    assert response.rung(BUY, 29 * S) is Rung.HALVE
    assert response.rung(SELL, 0) is Rung.NONE
    ((side, caution),) = response.cautions(29 * S)
    assert (side, caution.times, caution.share, caution.reason) == (BUY, 2.0, 0.5, "first")
    assert response.cautions(30 * S) == []
    assert response.alarms == 1
    response.raise_to(Rung.WIDEN, BUY, 31 * S, "again")
    assert response.alarms == 2


@pytest.mark.parametrize(
    ("rung", "held"),
    [
        (Rung.WIDEN, {BUY: (2.0, 1.0, False, False)}),
        (Rung.HALVE, {BUY: (2.0, 0.5, False, False)}),
        (Rung.REDUCE, {BUY: (2.0, 0.5, True, False)}),
        (Rung.PULL_SIDE, {BUY: (1.0, 1.0, False, True)}),
        (Rung.PULL_ALL, {BUY: (1.0, 1.0, False, True), SELL: (1.0, 1.0, False, True)}),
    ],
)
def test_what_each_rung_leaves(rung: Rung, held: dict[Side, tuple[float, float, bool, bool]]) -> None:
    response = Response(1.0)
    response.raise_to(rung, BUY, 0, "why")
    found = {side: (c.times, c.share, c.reducing, c.pulled) for side, c in response.cautions(0)}
    assert found == held


@given(
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(list(Rung)[1:]), st.sampled_from(list(Side))), max_size=30)
)
def test_it_never_holds_less_than_what_it_was_raised_to_within_the_hold(raises) -> None:
    response, now_s, seen = Response(10.0), 0, []
    for gap_s, rung, side in raises:
        now_s += gap_s
        response.raise_to(rung, side, now_s * S, "why")
        seen.append((now_s, rung, side))
        at_least = max(rung for at_s, rung, each in seen if each is side and at_s == now_s)
        assert response.rung(side, now_s * S) >= at_least
        assert response.rung(side, (now_s + 10) * S) is Rung.NONE or any(
            at_s > now_s for at_s, _, each in seen if each is side
        )


# -- large orders that vanish ---------------------------------------------------------------------------------


class Layering:
    """A market that jitters for a while, and what is put on top of it."""

    def __init__(self) -> None:
        self.guard = VanishingOrders()
        self.now_ns = 0
        rng = random.Random(1)
        for _ in range(800):
            sides = ([rng.uniform(3.0, 7.0) for _ in range(10)] for _ in Side)
            self.show(*sides, bid=rng.randint(95, 105))

    def show(self, bids: Iterable[float] = (), asks: Iterable[float] = (), *, bid: int = 100) -> None:
        self.now_ns += 250 * MS
        self.guard.on_depth(book(self.now_ns, bid, bids=bids, asks=asks))

    def trade(self, side: Side, price: float = 101.0, size: float = 1.0) -> None:
        self.guard.on_trade(Trade(self.now_ns, price, size, side))

    def held(self) -> dict[Side, Rung]:
        return {side: self.guard.response.rung(side, self.now_ns) for side in Side}

    def event(self, *, trades: Side = BUY, after_s: float = 1.0, left: float = 5.0) -> None:
        """40 lots at each of two bids, and gone again."""
        self.show([5, 45, 45])
        for _ in range(2):
            self.trade(trades)
        self.now_ns += round(after_s * S)
        self.show([5, left, left])


def test_it_takes_two_of_them() -> None:
    market = Layering()
    market.event()
    assert market.held() == {BUY: Rung.NONE, SELL: Rung.NONE}
    market.event()
    assert market.held() == {BUY: Rung.WIDEN, SELL: Rung.NONE}
    ((_, caution),) = market.guard.cautions(market.now_ns)
    assert "the last of 80 gone in 1.2 s while 2 more trades went its way than against it" in caution.reason


def test_more_of_them_more_of_an_answer() -> None:
    market, rungs = Layering(), []
    for _ in range(6):
        market.event()
        rungs.append(market.held()[BUY])
    assert rungs == [Rung.NONE, Rung.WIDEN, Rung.HALVE, Rung.PULL_SIDE, Rung.PULL_ALL, Rung.PULL_ALL]


@pytest.mark.parametrize(
    "otherwise",
    [
        {"trades": SELL},
        {"after_s": 6.0},
        {"left": 30.0},
    ],
    ids=["takers trade against it", "it stays for longer", "most of it stays"],
)
def test_without_one_of_its_parts_it_is_none(otherwise) -> None:
    market = Layering()
    for _ in range(4):
        market.event(**otherwise)
        market.now_ns += 6 * S
        market.show()
    assert market.held()[BUY] is Rung.NONE


def test_what_was_traded_did_not_vanish() -> None:
    market = Layering()
    for _ in range(4):
        market.show([5, 45, 45])
        market.trade(BUY)
        market.trade(BUY)
        market.trade(SELL, price=99.0, size=20.0)
        market.show()
    assert market.held()[BUY] is Rung.NONE


def test_what_comes_into_view_has_not_grown() -> None:
    market = Layering()
    for _ in range(4):
        # The market falls by five ticks, to where much stands, and comes back.
        market.show([5, 5, 5, 5, 5, 5, 45, 45], bid=95)
        market.trade(BUY)
        market.show()
    assert market.held()[BUY] is Rung.NONE


def test_before_it_knows_what_is_large_it_says_nothing() -> None:
    guard, now_ns = VanishingOrders(), 0
    for number in range(20):
        now_ns += S
        guard.on_depth(book(now_ns, bids=[5, 45, 45] if number % 2 else ()))
        guard.on_trade(Trade(now_ns, 101.0, 1.0, BUY))
    assert guard.cautions(now_ns) == []


# -- bursts of messages ---------------------------------------------------------------------------------------


def quiet(guard: MessageBursts, seconds: float, start_ns: int = 0, *, trades: bool = True) -> int:
    """Ten messages a second on average, and a trade every other."""
    rng, now_ns = random.Random(2), start_ns
    end_ns = start_ns + round(seconds * S)
    guard.on_touch(100.5, 1.0)
    while now_ns < end_ns:
        now_ns += round(rng.expovariate(10.0) * S)
        guard.on_message(now_ns)
        if trades and rng.random() < 0.05:
            guard.on_trade(now_ns)
    return now_ns


def test_a_thousand_messages_that_trade_and_move_nothing_pull_both_sides() -> None:
    guard = MessageBursts()
    now_ns = quiet(guard, 120.0)
    assert guard.cautions(now_ns) == []
    for _ in range(1_000):
        now_ns += MS
        guard.on_message(now_ns)
    held = guard.cautions(now_ns)
    assert {side for side, caution in held if caution.pulled} == set(Side)
    assert "messages in a second where" in held[0][1].reason
    assert guard.cautions(now_ns + 4 * S) != []
    assert guard.cautions(quiet(guard, 8.0, now_ns)) == []


@pytest.mark.parametrize("what", ["trades", "moves"])
def test_news_is_no_burst(what: str) -> None:
    guard = MessageBursts()
    now_ns = quiet(guard, 120.0)
    for number in range(1_000):
        now_ns += MS
        guard.on_message(now_ns)
        if what == "trades" and number % 3 == 0:
            guard.on_trade(now_ns)
        if what == "moves":
            guard.on_touch(100.5 + 0.01 * number, 1.0)
    assert guard.cautions(now_ns) == []


def test_after_a_gap_it_counts_anew() -> None:
    guard = MessageBursts()
    now_ns = quiet(guard, 120.0) + 3_600 * S
    guard.on_message(now_ns)
    assert guard.cautions(now_ns) == []


# -- sudden runs ----------------------------------------------------------------------------------------------


def walked(guard: SuddenRuns, seconds: int = 120) -> tuple[int, int]:
    """A market that moves by a tick now and then; gives the time and the bid."""
    rng, bid = random.Random(3), 1_000
    for step in range(seconds * 10):
        now_ns = step * 100 * MS
        bid += rng.choice((-1, 0, 0, 0, 0, 0, 0, 0, 1))
        guard.on_touch(book(now_ns, bid))
        guard.on_depth(book(now_ns, bid))
        if rng.random() < 0.2:
            guard.on_trade(Trade(now_ns, float(bid), 1.0, rng.choice(list(Side))))
    return now_ns, bid


def run(guard: SuddenRuns, *, flow: float = 20.0, thin: bool = True, ticks: int = 12) -> int:
    now_ns, bid = walked(guard)
    for step in range(ticks):
        now_ns += 80 * MS
        if flow:
            guard.on_trade(Trade(now_ns, float(bid + step + 1), flow, BUY))
        guard.on_touch(book(now_ns, bid + step + 1))
        guard.on_depth(book(now_ns, bid + step + 1, asks=[1.0] * 10 if thin else ()))
    return now_ns


def test_a_run_on_trades_into_a_thin_book_pulls_the_side_that_it_hits() -> None:
    guard = SuddenRuns(1.0)
    now_ns = run(guard)
    ((side, caution),) = guard.cautions(now_ns)
    assert (side, caution.pulled) == (SELL, True)
    assert "into 2" in caution.reason
    assert guard.cautions(now_ns + 5 * S) == []


def test_where_the_book_is_not_thin_it_steps_back() -> None:
    guard = SuddenRuns(1.0)
    ((side, caution),) = guard.cautions(run(guard, thin=False))
    assert (side, caution.pulled, caution.times) == (SELL, False, 2.0)


@pytest.mark.parametrize("otherwise", [{"flow": 0.0}, {"ticks": 1}], ids=["nobody trades", "hardly any move"])
def test_without_trades_or_a_move_there_is_no_run(otherwise) -> None:
    guard = SuddenRuns(1.0)
    assert guard.cautions(run(guard, **otherwise)) == []


# -- mirrored trades ------------------------------------------------------------------------------------------


def traded(guard: MirroredTrades, seconds: int, rate: float, start_ns: int = 0, *, pairs: bool = False) -> int:
    rng, now_ns = random.Random(4), start_ns
    end_ns = start_ns + seconds * S
    while now_ns < end_ns:
        now_ns += round(rng.expovariate(rate) * S)
        size, side = float(rng.randint(1, 20)), rng.choice(list(Side))
        guard.on_trade(Trade(now_ns, 100.0, size, side))
        if pairs:
            now_ns += 5 * MS
            guard.on_trade(Trade(now_ns, 100.0, size, side.opposite))
    return now_ns


def test_much_volume_in_pairs_is_doubtful() -> None:
    guard = MirroredTrades()
    now_ns = traded(guard, 900, 2.0)
    assert not guard.doubtful
    now_ns = traded(guard, 40, 20.0, now_ns, pairs=True)
    assert guard.doubtful
    held = guard.cautions(now_ns)
    assert {(side, caution.share) for side, caution in held} == {(BUY, 0.5), (SELL, 0.5)}
    now_ns = traded(guard, 120, 2.0, now_ns)
    assert not guard.doubtful
    assert guard.cautions(now_ns) == []


def test_volume_alone_and_pairs_alone_are_not() -> None:
    busy = MirroredTrades()
    traded(busy, 40, 20.0, traded(busy, 900, 2.0))
    assert not busy.doubtful
    always = MirroredTrades()
    traded(always, 900, 2.0, pairs=True)
    assert not always.doubtful


# -- surges ---------------------------------------------------------------------------------------------------


def surge(*, ticks_a_sample: float, volume: float) -> list[tuple[Side, object]]:
    guard, rng, mid = Surges(), random.Random(5), 10_000.0
    for sample in range(400 + 40):
        late = sample >= 400
        now_ns = sample * 10 * S
        mid += rng.gauss(0.0, 2.0) + (ticks_a_sample if late else 0.0)
        guard.on_trade(Trade(now_ns, mid, volume if late else 1.0, BUY))
        guard.on_touch(Book(now_ns + 1, (Level(mid - 0.5, 1.0),), (Level(mid + 0.5, 1.0),)))
    return list(guard.cautions(now_ns))


def test_a_surge_of_price_and_volume_lets_positions_only_shrink() -> None:
    held = surge(ticks_a_sample=4.0, volume=30.0)
    assert {side for side, _ in held} == set(Side)
    assert all(caution.reducing for _, caution in held)


@pytest.mark.parametrize(("ticks", "volume"), [(4.0, 2.0), (0.0, 30.0)])
def test_one_of_them_is_none(ticks: float, volume: float) -> None:
    assert surge(ticks_a_sample=ticks, volume=volume) == []


# -- all of them ----------------------------------------------------------------------------------------------


def test_an_interruption_is_no_pattern() -> None:
    market = Layering()
    market.show([5, 45, 45])
    market.guard.interrupted()
    market.show()
    assert market.held()[BUY] is Rung.NONE
    runs = SuddenRuns(1.0)
    now_ns, bid = walked(runs)
    runs.interrupted()
    runs.on_touch(book(now_ns + S, bid + 500))
    assert runs.cautions(now_ns + S) == []
