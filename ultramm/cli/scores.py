"""The result of one strategy on one instrument, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ultramm.cli.output import moment, number, percent, print_table

if TYPE_CHECKING:
    from ultramm.analytics.scorecard import Score


def print_score(score: Score, first_ns: int, last_ns: int, gaps: Sequence[float | None] = ()) -> None:
    """A table of everything that was measured; `gaps` are the kernel's accounts' distances from the P&L."""
    currency = score.pnl.currency
    minutes = (last_ns - first_ns) / 60e9
    title = f"{score.strategy} on {score.instrument}: {moment(first_ns)} UTC, {minutes:.1f} minutes"
    quoting = score.quoting
    digits = 8 if abs(score.pnl.total) < 0.01 else 4
    rows = [
        (
            "P&L",
            f"{number(score.pnl.total, digits)} {currency}",
            "change of equity, inventory at the last mid",
        ),
        ("  spread capture", number(score.pnl.spread_capture, digits), "earned against the mid at each fill"),
        ("  inventory", number(score.pnl.inventory, digits), "position times the moves of the mid"),
        ("  fees", number(0 - score.pnl.fees, digits), "negative = paid"),
        ("identity residual", f"{score.pnl.identity_residual:.1e}", "P&L minus its parts, relative"),
        *[
            ("kernel's account", f"{gap:.1e} {currency}", "its distance from the P&L")
            for gap in gaps
            if gap is not None
        ],
        ("largest drawdown", number(score.drawdown.largest, digits), currency),
        ("fills", f"{score.fills:,}", f"{score.maker_fills:,} of them passive"),
        ("volume", number(score.volume, 2), "traded notional"),
        *[
            (
                f"markout {m.horizon_s:g} s",
                _plus_minus(m.mean_bps, m.standard_error_bps),
                f"bps, {m.fills:,} fills",
            )
            for m in score.markouts
        ],
        ("orders", f"{quoting.orders_accepted:,}", f"accepted; {quoting.orders_rejected:,} rejected"),
        ("fill ratio", percent(quoting.fill_ratio), "of accepted orders"),
        (
            "quote uptime",
            percent(quoting.uptime),
            f"both sides; bid {percent(quoting.bid_uptime)}, ask {percent(quoting.ask_uptime)}",
        ),
        (
            "inventory",
            f"{score.inventory.last:g}",
            f"at the end; {score.inventory.smallest:g} to "
            f"{score.inventory.largest:g}, mean size {number(score.inventory.mean_abs)}",
        ),
    ]
    print_table(title, ("", ">", ""), rows)


def _plus_minus(mean: float | None, standard_error: float | None) -> str:
    if mean is None:
        return number(None)
    return f"{mean:+.3f}" + (f" ± {standard_error:.3f}" if standard_error is not None else "")
