"""Profit and loss of several currencies in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ultramm.analytics.attribution import PnL


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of all strategies in the reporting currency.

    Everything is converted at the rates of that moment, those of `rates`: units of `currency` that one unit of each
    currency is worth. So the parts add up to the total here too, and what was earned in another currency goes on
    moving with it.
    """

    currency: str
    total: float
    spread_capture: float
    inventory: float
    fees: float
    rates: dict[str, float]
    realised: float | None = None


def reported(pnls: Iterable[PnL], currency: str, rates: Mapping[str, float]) -> Reported:
    """The sum of profits and losses, each converted at its rate."""
    pnls = list(pnls)

    def total(part: str) -> float:
        return sum(float(getattr(pnl, part)) * rates[pnl.currency] for pnl in pnls)

    return Reported(
        currency=currency,
        total=total("total"),
        spread_capture=total("spread_capture"),
        inventory=total("inventory"),
        fees=total("fees"),
        rates={name: rates[name] for name in sorted({pnl.currency for pnl in pnls})},
        realised=total("realised") if all(pnl.realised is not None for pnl in pnls) else None,
    )
