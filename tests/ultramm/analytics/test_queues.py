"""Verdicts of a run under two queues."""

from __future__ import annotations

import msgspec
import pytest

from ultramm.analytics.queues import queue_comparisons
from ultramm.analytics.scorecard import Score, Scorecard
from ultramm.market import Instrument

INSTRUMENT = Instrument(
    id="BTCUSDT.SIM",
    tick_size=0.1,
    lot_size=0.01,
    price_precision=1,
    size_precision=2,
    quote_currency="USDT",
    settlement_currency="USDT",
)


def score(pnl: float, fills: int = 3, name: str = "mm") -> Score:
    empty = Scorecard(name, INSTRUMENT).score(0)
    return msgspec.structs.replace(empty, fills=fills, pnl=msgspec.structs.replace(empty.pnl, total=pnl))


@pytest.mark.parametrize(
    ("pessimistic", "probabilistic", "verdict"),
    [
        (1.0, 2.0, "pays under both queues"),
        (-1.0, 2.0, "pays only under the probabilistic queue: do not count on it"),
        (0.0, 2.0, "pays only under the probabilistic queue: do not count on it"),
        (-1.0, -2.0, "pays under neither queue"),
        (0.0, 0.0, "pays under neither queue"),
        (1.0, 0.0, "pays under the pessimistic queue alone: chance"),
    ],
)
def test_verdicts(pessimistic: float, probabilistic: float, verdict: str) -> None:
    (found,) = queue_comparisons([score(pessimistic, 3)], [score(probabilistic, 5)])
    assert found.verdict == verdict
    assert (found.pessimistic.pnl, found.probabilistic.pnl) == (pessimistic, probabilistic)
    assert (found.pessimistic.fills, found.probabilistic.fills) == (3, 5)
    assert (found.strategy, found.instrument, found.currency) == ("mm", "BTCUSDT.SIM", "USDT")


def test_each_strategy_is_compared_with_itself() -> None:
    names = [
        (c.strategy, c.verdict.split(":")[0])
        for c in queue_comparisons(
            [score(1.0, name="a"), score(-1.0, name="b")], [score(1.0, name="a"), score(1.0, name="b")]
        )
    ]
    assert names == [("a", "pays under both queues"), ("b", "pays only under the probabilistic queue")]
