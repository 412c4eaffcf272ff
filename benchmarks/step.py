"""What one book event costs a maker, without any kernel: features, quote, plan, review."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

import msgspec
import numpy as np
import numpy.typing as npt

from ultramm.maker import Maker
from ultramm.market import Book, Instrument, Level
from ultramm.orders.plan import Plan
from ultramm.risk.budget import MessageBudget
from ultramm.risk.limits import Limits
from ultramm_strategies.market_maker.params import MarketMakerParams
from ultramm_strategies.market_maker.strategy import MarketMaker

DEPTH = 10
_TICK, _LOT = 0.1, 0.001
_INSTRUMENT = Instrument(
    id="BTCUSDT.BENCH",
    tick_size=_TICK,
    lot_size=_LOT,
    price_precision=1,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)
_INTERVAL_NS = 10_000_000


class StepCost(msgspec.Struct, frozen=True):
    """Microseconds of one event; `on_book`, `decide` are parts of `mean`, the rest is plan and review.

    `answers` is not in `mean`: it is what the venue's acknowledgements cost later.
    """

    mean: float
    median: float
    p99: float
    on_book: float
    decide: float
    answers: float
    orders_sent: float


def walk(events: int, seed: int = 1) -> Iterator[Book]:
    """Books of a quiet market: most events change one size, one in twenty moves the touch by a tick or two."""
    rng = random.Random(seed)
    bid = 500_000
    bids = [rng.randint(1, 5_000) for _ in range(DEPTH)]
    asks = [rng.randint(1, 5_000) for _ in range(DEPTH)]
    for index in range(events):
        if rng.random() < 0.05:
            move = rng.choice((-2, -1, 1, 2))
            bid += move
        else:
            rng.choice((bids, asks))[min(int(rng.expovariate(0.5)), DEPTH - 1)] = rng.randint(1, 5_000)
        yield _book(index, bid, bids, asks)


def still(events: int) -> Iterator[Book]:
    """The same book again and again."""
    sizes = [1_000] * DEPTH
    return (_book(index, 500_000, sizes, sizes) for index in range(events))


def jumps(events: int) -> Iterator[Book]:
    """A market that jumps with each event, further than the tolerance and not onto the next level of the ladder."""
    sizes = [1_000] * DEPTH
    return (_book(index, 500_000 + 3 * (index % 2), sizes, sizes) for index in range(events))


def measure(tape: Callable[[int], Iterable[Book]], events: int, levels: int, repeats: int) -> StepCost:
    """Cost of the events of a tape to a maker with `levels` orders a side.

    Each repetition makes the same decisions; of every event the shortest counts: what disturbs a measurement only adds
    to it, and a neighbour on the machine disturbs for longer than an event takes.
    """
    rows = np.min([_pass(tape(events), levels) for _ in range(repeats)], axis=0)
    # The first events build the ladder and fill the caches.
    on_book, total, decide, answers, sent = rows[len(rows) // 20 :].T / 1e3
    return StepCost(
        mean=float(total.mean()),
        median=float(np.median(total)),
        p99=float(np.percentile(total, 99)),
        on_book=float(on_book.mean()),
        decide=float(decide.mean()),
        answers=float(answers.mean()),
        orders_sent=float(sent.mean() * 1e3),
    )


def _pass(books: Iterable[Book], levels: int) -> npt.NDArray[np.int64]:
    """Let a fresh market maker go through the books; every answer comes at once.

    The books are made one by one, between the measurements: as in life, the one at hand is in the processor's cache.
    """
    maker, strategy = _maker(levels)
    ids = map(str, count())
    # Asking for the processor's time would take as long as a short part does.
    clock = time.perf_counter_ns
    rows: list[tuple[int, ...]] = []
    gc.collect()
    for book in books:
        now_ns = book.ts_ns
        start = clock()
        maker.on_book(book)
        seen = clock()
        approved = maker.step(now_ns).approved
        stepped = clock()
        _answer(maker, approved, ids, now_ns)
        answered = clock()
        # Once more, to know its part: deciding changes nothing.
        strategy.decide(now_ns, maker.inventory)
        decided = clock()
        rows.append((seen - start, stepped - start, decided - answered, answered - stepped, len(approved.submits)))
    return np.array(rows)


def _answer(maker: Maker, approved: Plan, ids: map[str], now_ns: int) -> None:
    orders = maker.orders
    for order_id in approved.cancels:
        orders.cancelling(order_id)
        maker.on_cancelled(order_id, now_ns)
    for quote in approved.submits:
        order_id = next(ids)
        orders.sent(order_id, quote, now_ns)
        maker.on_accepted(order_id, now_ns)


def _maker(levels: int) -> tuple[Maker, MarketMaker]:
    params = MarketMakerParams(
        order_size=0.01,
        max_position=10.0,
        half_spread_bps=0.5,
        levels=levels,
        level_step_bps=0.1,
        fair_value="weighted-mid",
        refresh_ms=0,
        tolerance_bps=0.03,
    )
    strategy = MarketMaker(params, _INSTRUMENT)
    limits = Limits(max_notional=1e9, max_open_orders=1_000)
    maker = Maker("bench", _INSTRUMENT, strategy, params, limits, MessageBudget(1e9, 1e9))
    return maker, strategy


def _book(index: int, bid: int, bids: Sequence[int], asks: Sequence[int]) -> Book:
    return Book(
        (index + 1) * _INTERVAL_NS,
        tuple(Level(round((bid - k) * _TICK, 1), lots * _LOT) for k, lots in enumerate(bids)),
        tuple(Level(round((bid + 1 + k) * _TICK, 1), lots * _LOT) for k, lots in enumerate(asks)),
    )
