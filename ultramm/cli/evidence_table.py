"""Evidence as people read it."""

from __future__ import annotations

from ultramm.learning.evidence import Evidence


def evidence_rows(found: Evidence) -> list[tuple[str, str]]:
    """Evidence as a table."""
    money, of = found.currency, found.utility
    utility = "not known" if of is None else f"{of.value:+,.2f} ({of.low:+,.2f} to {of.high:+,.2f}) {money}"
    return [
        ("runs", f"{found.runs} of {found.seconds / 60:,.1f} minutes"),
        ("P&L of a run, less", f"{_less(found.difference, found.error)} {money} (t {found.t:.1f})"),
        ("utility of an hour, less", utility),
        ("deflated Sharpe ratio", "not known" if found.deflated is None else f"{found.deflated:.3f} of {found.trials}"),
        ("overfitted", "not known" if found.overfitting is None else f"{100 * found.overfitting:.0f} % likely"),
        *[(f"with {each.how}", f"{_less(each.difference, each.error)} {money}") for each in found.harder],
        ("drawdown of nine in ten", f"{found.drawdown:,.4g}, against {found.drawdown_against:,.4g} {money}"),
    ]


def _less(difference: float, error: float | None) -> str:
    return f"{difference:+,.4g}" + ("" if error is None else f" ± {error:,.3g}")
