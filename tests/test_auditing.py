"""The judges of the abuse suite, on orders that are known to break a limit or not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ultramm_binance_emulator") is None, reason="its witness speaks to the emulator"
)
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
auditing = importlib.import_module("auditing")


def seen(new: Any, *others: Any, at_s: float = 0.0, held: dict[str, float] | None = None, **account: float) -> Any:
    return auditing.Seen(at_s, new, [*others, new], held or {}, 50_000.0, **account)


def order(owner: str, side: int, left: float, *, taking: bool = False, price: float = 50_000.0) -> Any:
    return auditing.Placed(owner, side, price, left, taking)


def test_what_makes_a_position_smaller_and_overtakes_is_not_held_against_others() -> None:
    short = {"one": -0.05, "two": 0.06}
    smaller, adding = order("one", 1, 0.04), order("two", 1, 0.03)
    for overtaken_s, broke in ((0.25, False), (0.0, True)):
        judge = auditing.net(3_000.0, overtaken_s)
        assert judge.look(seen(smaller, at_s=1.0, held=short)) is None
        assert (judge.look(seen(adding, smaller, at_s=1.1, held=short)) is not None) == broke


def test_what_overtook_long_ago_or_comes_from_the_same_maker_is() -> None:
    short = {"one": -0.05, "two": 0.06}
    smaller, adding = order("one", 1, 0.04), order("two", 1, 0.03)
    judge = auditing.net(3_000.0, 0.25)
    judge.look(seen(smaller, at_s=1.0, held=short))
    assert judge.look(seen(adding, smaller, at_s=2.0, held=short)) == "net 4000, the limit is 3000"
    own = order("two", 1, 0.01)
    judge.look(seen(own, at_s=3.0, held={"two": -0.05, "one": 0.06}))
    assert judge.look(seen(order("two", 1, 0.09), own, at_s=3.1, held={"two": -0.05, "one": 0.06})) is not None


def test_after_a_loss_the_nearest_lots_close_and_a_lot_more_does_not() -> None:
    for left, broke in ((0.018, False), (0.019, True)):
        judge = auditing.Loss(5.0)
        closing = order("spot", -1, left, taking=True, price=49_990.0)
        judge.look(seen(closing, held={"spot": 0.01789}, money=100.0))
        judge.look(seen(closing, at_s=1.0, held={"spot": 0.01789}, money=90.0))
        found = judge.look(seen(closing, at_s=2.0, held={"spot": 0.01789}, money=90.0))
        assert (found is not None) == broke


def test_what_is_at_risk_is_measured_by_the_market() -> None:
    judge = auditing.ValueAtRisk(5.0, over_s=60.0, slack=0.0)
    assert "before it is known" in (judge.look(seen(order("spot", 1, 0.001))) or "")
    for second in range(100):
        judge.moved(float(second), 50_000.0 + second % 2)
    # A move of one a second: 5 / (2.326 * sqrt(60)) = 0.2775.
    assert judge.look(seen(order("spot", 1, 0.277), at_s=100.0)) is None
    assert "at risk" in (judge.look(seen(order("spot", 1, 0.279), at_s=100.0)) or "")


def test_messages_to_each_trade_are_counted_from_the_free_ones_on() -> None:
    judge = auditing.MessagesPerTrade(2.0, 3.0)
    for _ in range(3):
        assert judge.look(seen(order("spot", 1, 0.001))) is None
    assert judge.look(seen(order("spot", 1, 0.001))) is not None
    judge = auditing.MessagesPerTrade(2.0, 3.0)
    for _ in range(3):
        judge.filled(0.0, 1, "a")
    judge.cancelled(0.0)
    for _ in range(5):
        assert judge.look(seen(order("spot", 1, 0.001))) is None
    assert judge.look(seen(order("spot", 1, 0.001))) is not None


def test_an_order_that_was_overtaken_is_judged_by_what_of_it_adds() -> None:
    closing, overtook = order("spot", 1, 0.02), order("spot", 1, 0.005)
    held = {"spot": -0.02}
    assert auditing.order_notional(600.0).look(seen(closing, overtook, held=held)) is not None
    judge = auditing.order_notional(600.0, overtaken=True)
    assert judge.look(seen(closing, overtook, held=held)) is None
    assert judge.look(seen(closing)) == "order of 1000, the limit is 600"
