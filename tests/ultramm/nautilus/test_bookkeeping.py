"""How a maker goes on from the fills of earlier runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from journal_records import INSTRUMENT

from ultramm.custody.records import Filled
from ultramm.maker import Maker, MakerParams
from ultramm.market import Book, Fill, Side, Trade
from ultramm.nautilus.bookkeeping import gone_on
from ultramm.quoting.decision import Decision
from ultramm.risk.budget import MessageBudget
from ultramm.risk.limits import Limits


class Squeamish:
    """Cannot bear fills that it hears of late."""

    def on_book(self, book: Book) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...

    def on_reference(self, book: Book) -> None: ...

    def on_fill(self, fill: Fill) -> None:
        raise ZeroDivisionError("no price before it")

    def decide(self, now_ns: int, inventory: float) -> Decision:
        return Decision.nothing("waits")


def filled(price: str, mid: float | None = None) -> Filled:
    return Filled(
        ts_ns=1,
        order_id="o",
        strategy="s",
        instrument=INSTRUMENT.id,
        side=Side.BUY,
        trade_id=price,
        price=Decimal(price),
        size=Decimal(2),
        fee=Decimal("0.5"),
        fee_currency="USDT",
        maker=True,
        mid=mid,
    )


class Builder:
    """Builds makers of an earlier run's strategy, if it may."""

    def __init__(self, told_fills: int | None) -> None:
        self.asked: list[str] = []
        self._told_fills = told_fills

    def __call__(self, problem: str) -> Maker:
        self.asked.append(problem)
        params: Any = MakerParams(max_position=10)
        told = None if problem else self._told_fills
        return Maker("s", INSTRUMENT, Squeamish(), params, Limits(), MessageBudget(9, 9), told_fills=told)


@pytest.mark.parametrize(
    ("told_fills", "asked"),
    [(None, [""]), (2, [""]), (1, ["", "ZeroDivisionError: no price before it"])],
    ids=["new", "recalled, and missed nothing", "recalled, and missed one"],
)
def test_it_has_its_fills_once_whatever_its_strategy_can_bear(told_fills: int | None, asked: list[str]) -> None:
    build = Builder(told_fills)
    maker = gone_on(build, iter([filled("100"), filled("102", 101.0)]), 7)
    assert build.asked == asked
    assert maker.inventory == 4.0
    assert maker.score.fills == 2
    assert maker.score.score(7).pnl.fees == pytest.approx(1.0)
