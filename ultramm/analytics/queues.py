"""One run under two ways to see a queue, and whether its profit is more than the kinder one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ultramm.analytics.scorecard import Score


class UnderQueue(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; P&L in settlement currency, the markout of five seconds."""

    pnl: float
    fills: int
    markout_bps: float | None


class QueueComparison(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy on one instrument under both queues.

    Parameters
    ----------
    pessimistic : UnderQueue
        Whoever cancels an order stood behind ours.
    probabilistic : UnderQueue
        Cancels take from ahead of us too, in proportion to the cube of what is there.
    verdict : str
        In words, whether it pays.
    """

    strategy: str
    instrument: str
    currency: str
    pessimistic: UnderQueue
    probabilistic: UnderQueue
    verdict: str


def queue_comparisons(pessimistic: Sequence[Score], probabilistic: Sequence[Score]) -> list[QueueComparison]:
    """Compare the scores of two runs that differ in their queues alone, strategy by strategy."""
    return [
        QueueComparison(
            strategy=one.strategy,
            instrument=one.instrument,
            currency=one.pnl.currency,
            pessimistic=_under(one),
            probabilistic=_under(other),
            verdict=_verdict(one.pnl.total, other.pnl.total),
        )
        for one, other in zip(pessimistic, probabilistic, strict=True)
    ]


def _under(score: Score) -> UnderQueue:
    return UnderQueue(pnl=score.pnl.total, fills=score.fills, markout_bps=score.markout_bps(5.0))


def _verdict(pessimistic: float, probabilistic: float) -> str:
    if pessimistic > 0:
        return "pays under both queues" if probabilistic > 0 else "pays under the pessimistic queue alone: chance"
    if probabilistic > 0:
        return "pays only under the probabilistic queue: do not count on it"
    return "pays under neither queue"
