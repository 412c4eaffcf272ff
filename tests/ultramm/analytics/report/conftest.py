"""Traces made by hand, of a maker that is not there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from ultramm.analytics.report.page import RunFacts
from ultramm.analytics.report.trace import Trace
from ultramm.analytics.scorecard import Scorecard
from ultramm.market import Book, Fill, Instrument, Level, Side

S = 1_000_000_000
START_NS = 1_700_000_000 * S

INSTRUMENT = Instrument(
    id="BTCUSD.X",
    tick_size=0.5,
    lot_size=0.01,
    price_precision=1,
    size_precision=2,
    quote_currency="USD",
    settlement_currency="USD",
)


class Session:
    """A market and a maker in it, played by the test; times are seconds since the start."""

    def __init__(self, name: str = "mm", instrument: Instrument = INSTRUMENT, **options: Any) -> None:
        self.score = Scorecard(name, instrument)
        self.quotes = (math.nan, math.nan)
        self.effects: dict[str, float | None] = {}
        self.trace = Trace(self.score, lambda: self.quotes, 1.0, effects=lambda _: self.effects, **options)
        self._book: Book | None = None
        self._orders = 0

    def mid(self, at_s: float, mid: float, spread: float = 1.0) -> None:
        """The book changes, as the shell sees it: what stood before is traced first."""
        ts_ns = START_NS + round(at_s * S)
        self.trace.until(ts_ns, self._book)
        if self._book is None:
            self.score.started(ts_ns)
        self._book = Book(ts_ns, (Level(mid - spread / 2, 1.0),), (Level(mid + spread / 2, 1.0),))
        self.score.on_mid(ts_ns, mid)

    def fill(self, at_s: float, side: Side, price: float, size: float = 0.01, fee: float = 0.0) -> None:
        ts_ns = START_NS + round(at_s * S)
        self._orders += 1
        order_id = f"o{self._orders}"
        self.trace.until(ts_ns, self._book)
        self.trace.on_order(ts_ns - S, order_id, "sent", side, price)
        self.trace.on_order(ts_ns - S, order_id, "accepted", None, 0.0)
        fill = Fill(ts_ns, order_id, side, price, size, fee, maker=True)
        self.score.on_fill(fill)
        self.trace.on_fill(fill, self.score.mid, self.score.attribution.position)

    def end(self, at_s: float) -> Trace:
        self.trace.finish(START_NS + round(at_s * S), self._book)
        return self.trace


@pytest.fixture
def session() -> Callable[..., Session]:
    return Session


@pytest.fixture
def facts() -> RunFacts:
    return RunFacts(
        name="demo",
        version="0.1.0",
        seed=7,
        command="ultramm backtest run demo.yaml",
        configuration="name: demo\nsecret: '****'\n",
        data={"day.gz": "ab" * 32},
        first_ns=START_NS,
        last_ns=START_NS + 60 * S,
        market_events=1234,
        fills_sha256="cd" * 32,
    )
