"""The figures of a run: each with its unit and what it means."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import numpy as np

from ultramm.analytics.report.series import Floats
from ultramm.analytics.report.trace import CURVE_S, Trace
from ultramm.analytics.report.uncertainty import Mean
from ultramm.analytics.scorecard import Score
from ultramm.analytics.tail_risk import historical_tail
from ultramm.market import known

_WON_AFTER_S = 5.0
_SHORTFALL_AT = 0.95


class Metric(msgspec.Struct, frozen=True):
    """One figure; `value` is None where there is nothing to measure, `error` its standard error where it has one."""

    name: str
    value: float | None
    unit: str
    definition: str
    error: float | None = None


def plain(value: float | None) -> str:
    """A number for people: enough digits to tell, thousands apart; a dash for none."""
    if value is None:
        return "–"  # noqa: RUF001
    size = abs(value)
    if value == 0 or (size >= 1 and value == round(value) and size < 1e15):
        text = f"{value or 0.0:,.0f}"
    elif size < 1e-4:
        text = f"{value:.2e}"
    else:
        text = f"{value:,.{2 if size >= 100 else 3 if size >= 0.01 else 5}f}"
    return text.replace("-", "−")  # noqa: RUF001


def sharpe(pnl: Floats) -> float | None:
    """Mean over standard deviation of the P&L of equal steps of time; not annualised. None when it never moved."""
    if len(pnl) < 2:
        return None
    deviation = float(pnl.std(ddof=1))
    return float(pnl.mean()) / deviation if deviation > 0 else None


def sharpe_error(ratio: float, steps: int) -> float:
    """Standard error of a Sharpe ratio of so many independent steps, ``sqrt((1 + ratio^2 / 2) / steps)``.

    References
    ----------
    A. Lo, "The statistics of Sharpe ratios", Financial Analysts Journal 58 (2002), eq. 9.
    """
    return math.sqrt((1.0 + 0.5 * ratio * ratio) / steps)


def sortino(pnl: Floats) -> float | None:
    """Mean over the downside deviation, ``sqrt(mean(min(pnl, 0)^2))``; None where no step lost.

    References
    ----------
    F. Sortino, R. van der Meer, "Downside risk", J. Portfolio Management 17 (1991), target 0.
    """
    downside = math.sqrt(float(np.mean(np.minimum(pnl, 0.0) ** 2))) if len(pnl) > 1 else 0.0
    return float(pnl.mean()) / downside if downside > 0 else None


def half_life(positions: Floats, step_s: float) -> float | None:
    """In what time half of an inventory is gone, seconds: of ``x(t + 1) = phi x(t)``, phi by least squares.

    None where it does not come back, 0 or less than a step's worth where it turns over within one.
    """
    before, after = positions[:-1], positions[1:]
    squares = float(before @ before)
    if squares <= 0:
        return None
    phi = float(before @ after) / squares
    if phi >= 1.0:
        return None
    return 0.0 if phi <= 0.0 else step_s * math.log(0.5) / math.log(phi)


def metrics(score: Score, trace: Trace, first_ns: int, last_ns: int) -> list[Metric]:
    """Every figure of one strategy on one instrument over the span of a run."""
    return [
        *_money(score, trace, first_ns, last_ns),
        *_trading(score, trace),
        *_markouts(trace),
        *_orders(score, trace),
        *_inventory(score, trace),
        *_market(trace),
    ]


def _money(score: Score, trace: Trace, first_ns: int, last_ns: int) -> Iterator[Metric]:
    pnl, currency = score.pnl, score.pnl.currency
    yield Metric("P&L", pnl.total, currency, "Change of equity since the start, the inventory valued at the last mid.")
    yield Metric(
        "Realised", pnl.realised, currency, "P&L less what the position has gained since its average entry, after fees."
    )
    yield Metric(
        "Spread capture", pnl.spread_capture, currency, "What the fills earned against the mid at their moment."
    )
    yield Metric("Inventory P&L", pnl.inventory, currency, "Position times the moves of the mid, summed over time.")
    yield Metric("Fees", 0.0 - pnl.fees, currency, "Fees of the fills; negative = paid, positive = rebates.")
    yield Metric(
        "Identity residual",
        pnl.identity_residual,
        "relative",
        "P&L less capture, inventory P&L and fees, relative to the P&L: rounding, and nothing else.",
    )
    yield Metric("Largest drawdown", score.drawdown.largest, currency, "Largest fall of the P&L from an earlier peak.")
    yield Metric("Drawdown at the end", score.drawdown.current, currency, "How far the P&L ends below its peak.")
    step_ns = trace.buckets.step_ns
    steps = trace.bucket_pnl(first_ns, last_ns, step_ns)
    ratio = sharpe(steps)
    yield Metric(
        f"Sharpe ratio per {step_ns / 1e9:g} s",
        ratio,
        "ratio",
        "Mean over standard deviation of the P&L of equal steps of time; not annualised. Error: Lo (2002).",
        None if ratio is None else sharpe_error(ratio, len(steps)),
    )
    yield Metric(
        f"Sortino ratio per {step_ns / 1e9:g} s",
        sortino(steps),
        "ratio",
        "Mean over the root mean square of the losing steps, gains counted as zero; not annualised.",
    )
    yield Metric(
        f"Expected shortfall per {step_ns / 1e9:g} s",
        known(historical_tail(-steps, _SHORTFALL_AT).expected_shortfall),
        currency,
        "Mean loss of the worst twentieth of the same steps.",
    )
    per_volume = 1e4 * pnl.total / score.volume if score.volume else None
    yield Metric("P&L per volume", per_volume, "bps", "P&L over traded notional.")


def _trading(score: Score, trace: Trace) -> Iterator[Metric]:
    yield Metric("Fills", score.fills, "count", "Executions of our orders, partial ones each.")
    yield Metric(
        "Passive fills", score.maker_fills, "count", "Fills in which our order rested and the other side came."
    )
    yield Metric("Volume", score.volume, "notional", "Traded notional, both sides.")
    capture = trace.capture_bps()
    yield Metric(
        "Win rate",
        _percent(trace.win_rate(_WON_AFTER_S)),
        "%",
        f"Share of fills that were worth more than they cost {_WON_AFTER_S:g} s later, by the mid, before fees.",
    )
    yield _mean("Capture per fill", capture, "Distance of the fills from the mid at their moment, weighted by size.")


def _markouts(trace: Trace) -> Iterator[Metric]:
    for horizon_s in CURVE_S:
        yield _mean(
            f"Markout {horizon_s:g} s",
            trace.markout(horizon_s),
            f"What fills were worth against the mid {horizon_s:g} s later, weighted by size; positive = in our favour.",
        )


def _mean(name: str, mean: Mean | None, definition: str) -> Metric:
    if mean is None:
        return Metric(name, None, "bps", definition)
    return Metric(name, mean.value, "bps", definition, mean.standard_error)


def _orders(score: Score, trace: Trace) -> Iterator[Metric]:
    quoting, lives = score.quoting, trace.lives
    yield Metric("Orders sent", quoting.orders_submitted, "count", "Orders that left for the venue.")
    yield Metric("Orders accepted", quoting.orders_accepted, "count", "Orders that the venue took.")
    yield Metric(
        "Orders rejected",
        quoting.orders_rejected,
        "count",
        "Refused, most of them for they would have taken liquidity.",
    )
    yield Metric("Orders cancelled", quoting.orders_cancelled, "count", "Ended by a cancel, filled in part or not.")
    yield Metric("Orders filled", quoting.orders_filled, "count", "Accepted orders that traded at least in part.")
    yield Metric("Fill ratio", _percent(quoting.fill_ratio), "%", "Filled at least in part, of accepted orders.")
    per_fill = quoting.orders_submitted / score.fills if score.fills else None
    yield Metric("Orders per fill", per_fill, "ratio", "Orders sent for each fill.")
    yield Metric(
        "Median time to fill", lives.until_fill.quantile(0.5), "s", "From accepted to the first fill, of filled orders."
    )
    yield Metric(
        "Median time to cancel",
        lives.until_cancel.quantile(0.5),
        "s",
        "From accepted to cancelled, of orders without a fill.",
    )
    yield Metric("Uptime", _percent(quoting.uptime), "%", "Share of time with an order of ours on both sides.")
    yield Metric("Uptime, bid", _percent(quoting.bid_uptime), "%", "Share of time with a bid of ours.")
    yield Metric("Uptime, ask", _percent(quoting.ask_uptime), "%", "Share of time with an ask of ours.")


def _inventory(score: Score, trace: Trace) -> Iterator[Metric]:
    inventory = score.inventory
    yield Metric("Inventory at the end", inventory.last, "size", "Signed position.")
    yield Metric("Largest long", inventory.largest, "size", "Largest position.")
    yield Metric("Largest short", inventory.smallest, "size", "Smallest position; negative = short.")
    yield Metric(
        "Half-life of inventory",
        half_life(trace.series.column("position"), trace.series.step_ns / 1e9),
        "s",
        "In what time half of a position is gone, from how each step's follows on the one before.",
    )
    yield Metric("Mean size of inventory", inventory.mean_abs, "size", "Average over time of the position's size.")


def _market(trace: Trace) -> Iterator[Metric]:
    weight = trace.series.column("two_sided_ns").sum()
    spread = float(trace.series.column("spread_bps_ns").sum() / weight) if weight > 0 else None
    yield Metric("Market's spread", spread, "bps", "Best ask less best bid over the mid, averaged over time.")
    sigma = trace.series.column("sigma_bps")
    sigma = sigma[np.isfinite(sigma)]
    yield Metric(
        "Market's volatility",
        float(np.median(sigma)) if len(sigma) else None,
        "bps/√s",
        "Volatility of the mid sampled each second, exponentially weighted over 30 s; median.",
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
