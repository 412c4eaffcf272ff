"""A small random market for strategies, and a driver that asks them as the maker would."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator

from ultramm.market import Book, Instrument, Level, Side, Trade
from ultramm.quoting.decision import Decision

MS = 1_000_000
Event = Book | Trade


def instrument(price: float = 50_000.0, **changes: object) -> Instrument:
    """One whose tick is about a basis point of `price`."""
    digits = 4 - math.floor(math.log10(price))
    return Instrument(
        **{
            "id": "BTCUSDT.SIM",
            "tick_size": 10.0**-digits,
            "lot_size": 0.001,
            "price_precision": max(0, digits),
            "size_precision": 3,
            "quote_currency": "USDT",
            "settlement_currency": "USDT",
            **changes,
        }  # type: ignore[arg-type]
    )


def market(
    of: Instrument,
    price: float = 50_000.0,
    *,
    seconds: float = 120.0,
    start_s: float = 0.0,
    seed: int = 1,
    step_ticks: float = 0.4,
    trades: bool = True,
) -> Iterator[Event]:
    """Ten books a second whose mid walks, four ticks wide and ten levels deep, and market orders that reach far."""
    rng = random.Random(seed)
    mid_ticks = price / of.tick_size
    for step in range(round(seconds * 10)):
        ts_ns = round(start_s * 1e9) + step * 100 * MS
        mid_ticks += rng.gauss(0.0, step_ticks) if step_ticks else 0.0
        bid = math.floor(mid_ticks) - 2
        yield _book(of, ts_ns, bid, bid + 4, rng)
        if trades and rng.random() < 0.4:
            side = Side.BUY if rng.random() < 0.5 else Side.SELL
            touch = bid + 4 if side is Side.BUY else bid
            reach = touch + side * int(rng.expovariate(0.5))
            yield Trade(ts_ns + 30 * MS, of.price(reach), 0.01, side)


def _book(of: Instrument, ts_ns: int, bid: int, ask: int, rng: random.Random) -> Book:
    def levels(best: int, away: int) -> tuple[Level, ...]:
        return tuple(
            Level(of.price(best + away * rank), round(rng.uniform(0.01, 1.0), 3))
            for rank in range(10)
            if best + away * rank > 0
        )

    return Book(ts_ns, levels(bid, -1), levels(ask, 1))


def flow(
    seconds: float, impact_ticks: float, seed: int = 3, lean: float = 0.0, of: Instrument | None = None
) -> Iterator[Event]:
    """Ten books a second; market orders reach up to eight ticks, and the price follows them by `impact_ticks`.

    With `lean` the size at the touch tells of the next step.
    """
    of = of or instrument()
    rng = random.Random(seed)
    mid = 500_000.0
    for step in range(round(seconds * 10)):
        ts_ns = step * 100 * MS
        move = rng.gauss(0.0, 0.2)
        ahead = lean * (1 if rng.random() < 0.5 else -1)
        best = math.floor(mid) - 2
        sizes = (1.0 + (ahead > 0), 1.0 + (ahead < 0)) if lean else (1.0, 1.0)
        yield Book(
            ts_ns,
            tuple(Level(of.price(best - i), sizes[0]) for i in range(10)),
            tuple(Level(of.price(best + 4 + i), sizes[1]) for i in range(10)),
        )
        if rng.random() < 0.3:
            side = Side.BUY if rng.random() < 0.5 else Side.SELL
            middle = best + 2
            yield Trade(ts_ns + 30 * MS, of.price(middle + side * (2 + int(rng.expovariate(0.5)))), 0.01, side)
            move += side * impact_ticks
        mid += move + ahead


def touch(book: Book) -> Book:
    return Book(book.ts_ns, book.bids[:1], book.asks[:1])


def drive(
    strategy: object,
    events: Iterable[Event],
    inventory: Callable[[int], float] = lambda step: 0.0,
) -> list[tuple[Book, Decision]]:
    """Feed `strategy`, recalibrate it once a second, and ask it at each book."""
    found: list[tuple[Book, Decision]] = []
    due_ns = 0
    for step, event in enumerate(events):
        if isinstance(event, Trade):
            strategy.on_trade(event)  # type: ignore[attr-defined]
            continue
        strategy.on_book(touch(event))  # type: ignore[attr-defined]
        if len(event.bids) > 1 or len(event.asks) > 1:
            strategy.on_book(event)  # type: ignore[attr-defined]
        found.append((event, strategy.decide(event.ts_ns, inventory(step))))  # type: ignore[attr-defined]
        if event.ts_ns >= due_ns and hasattr(strategy, "recalibrate"):
            due_ns = event.ts_ns + 1_000 * MS
            strategy.recalibrate(event.ts_ns)
    return found


def check(decision: Decision, book: Book, of: Instrument, max_position: float, inventory: float) -> None:
    """What must hold for any decision on any book."""
    bids, asks = decision.side(Side.BUY), decision.side(Side.SELL)
    for side, quotes in ((Side.BUY, bids), (Side.SELL, asks)):
        assert quotes or decision.reasons.get(side), f"{side} has neither quotes nor a reason"
        ticks = [-side * quote.ticks for quote in quotes]
        assert ticks == sorted(set(ticks)), "levels best first, none twice"
        assert all(quote.lots >= of.smallest_lots(of.price(quote.ticks)) for quote in quotes)
        assert (
            side * inventory + sum(of.size(quote.lots) for quote in quotes) <= max(max_position, abs(inventory)) + 1e-9
        )
    if bids and book.asks:
        assert of.price(bids[0].ticks) < book.asks[0].price
    if asks and book.bids:
        assert of.price(asks[0].ticks) > book.bids[0].price
    if bids and asks:
        assert bids[0].ticks < asks[0].ticks
