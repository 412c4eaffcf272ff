"""Several runs side by side, and whether the differences of their P&L are more than noise."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from ultramm.analytics.report.metrics import Metric, sharpe
from ultramm.analytics.report.series import Floats
from ultramm.analytics.report.trace import Trace
from ultramm.analytics.report.uncertainty import newey_west_error, newey_west_lags
from ultramm.analytics.scorecard import Score

# Fewer steps than that say nothing of how much a difference moves.
LEAST_STEPS = 20


class ComparedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run under the name of its column."""

    label: str
    first_ns: int
    last_ns: int
    market_events: int
    data: dict[str, str]
    makers: Sequence[tuple[Score, Trace]]

    @property
    def currencies(self) -> set[str]:
        return {score.pnl.currency for score, _ in self.makers}

    @property
    def step_ns(self) -> int:
        """The finest step of time for which every maker's P&L is kept, nanoseconds."""
        return max(trace.buckets.step_ns for _, trace in self.makers)

    def pnl(self, step_ns: int) -> Floats:
        """P&L of each step of time, of all makers together."""
        parts = [trace.bucket_pnl(self.first_ns, self.last_ns, step_ns) for _, trace in self.makers]
        return np.sum(parts, axis=0)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """P&L of a run less that of the first, over equal steps of the same time.

    Parameters
    ----------
    total : float
        Mean difference of a step times their number: the difference of the P&L.
    standard_error : float or None
        Of the total, by Newey and West; None with too few steps.
    t : float or None
        Total over standard error; None where the runs did the same.
    """

    label: str
    currency: str
    total: float
    standard_error: float | None
    t: float | None
    steps: int
    step_s: float
    lags: int


def difference(base: ComparedRun, other: ComparedRun) -> Difference:
    """The paired difference of two runs over the same market."""
    step_ns = max(base.step_ns, other.step_ns)
    paired = other.pnl(step_ns) - base.pnl(step_ns)
    count, error = len(paired), None
    if count >= LEAST_STEPS:
        error = count * newey_west_error(paired)
    total = float(paired.sum())
    return Difference(
        label=other.label,
        currency=next(iter(base.currencies)),
        total=total,
        standard_error=error,
        t=total / error if error else None,
        steps=count,
        step_s=step_ns / 1e9,
        lags=min(newey_west_lags(count), max(count - 1, 0)),
    )


def why_not_paired(base: ComparedRun, other: ComparedRun) -> str | None:
    """Why two runs have no paired difference, in words; None when they have one."""
    if base.currencies != other.currencies or len(base.currencies) != 1:
        found = " and ".join(sorted(base.currencies | other.currencies))
        return f"{base.label} and {other.label} do not settle in one currency ({found})"
    if base.data != other.data:
        return f"{base.label} and {other.label} read different files"
    if (base.first_ns, base.last_ns) != (other.first_ns, other.last_ns):
        return f"{base.label} and {other.label} cover different times"
    if base.market_events != other.market_events or not _same_mids(base, other):
        return f"{base.label} and {other.label} saw different markets"
    return None


def _same_mids(base: ComparedRun, other: ComparedRun) -> bool:
    """Whether the instruments that both traded had the same mids: generated markets have no files to compare."""
    step_ns = max(base.step_ns, other.step_ns)
    ends = np.arange(base.first_ns // step_ns + 1, -(-base.last_ns // step_ns) + 1) * step_ns
    theirs = {score.instrument: trace for score, trace in other.makers}
    return all(
        np.array_equal(
            trace.buckets.at(ends, "mid", 0.0), theirs[score.instrument].buckets.at(ends, "mid", 0.0), equal_nan=True
        )
        for score, trace in base.makers
        if score.instrument in theirs
    )


def summary(run: ComparedRun) -> list[Metric]:
    """The figures of one column; money is None where the makers do not settle in one currency."""
    scores = [score for score, _ in run.makers]
    one = len(run.currencies) == 1
    currency = next(iter(run.currencies)) if one else "several currencies"

    def money(values: Sequence[float]) -> float | None:
        return sum(values) if one else None

    pnl = run.pnl(run.step_ns)
    return [
        Metric("P&L", money([s.pnl.total for s in scores]), currency, "Change of equity."),
        Metric("Spread capture", money([s.pnl.spread_capture for s in scores]), currency, "Earned against the mid."),
        Metric("Inventory P&L", money([s.pnl.inventory for s in scores]), currency, "Position times moves of the mid."),
        Metric("Fees", money([0.0 - s.pnl.fees for s in scores]), currency, "Negative = paid."),
        Metric("Fills", sum(s.fills for s in scores), "count", "Executions."),
        _markout(run.makers),
        Metric("Uptime", _uptime(scores), "%", "Time with both sides quoted; the mean over makers."),
        Metric("Max drawdown", _drawdown(scores, pnl) if one else None, currency, "Largest fall from a peak."),
        Metric(f"Sharpe ratio per {run.step_ns / 1e9:g} s", sharpe(pnl) if one else None, "ratio", "Not annualised."),
    ]


def _markout(makers: Sequence[tuple[Score, Trace]]) -> Metric:
    """Weighted by fills where there are several makers: sizes of different instruments do not add up."""
    found = [mean for _, trace in makers if (mean := trace.markout(1.0)) is not None]
    fills = sum(mean.count for mean in found)
    value = sum(mean.value * mean.count for mean in found) / fills if fills else None
    error = found[0].standard_error if len(found) == 1 else None
    return Metric("Markout 1 s", value, "bps", "What fills were worth a second later.", error)


def _uptime(scores: Sequence[Score]) -> float | None:
    found = [score.quoting.uptime for score in scores if score.quoting.uptime is not None]
    return 100 * sum(found) / len(found) if found else None


def _drawdown(scores: Sequence[Score], pnl: Floats) -> float:
    """Of one maker as its score has it; of several, of the sum at the ends of the steps."""
    if len(scores) == 1:
        return scores[0].drawdown.largest
    total = np.concatenate(([0.0], np.cumsum(pnl)))
    return float(np.max(np.maximum.accumulate(total) - total))
