"""What a careful maker makes of what its strategy wants."""

from __future__ import annotations

import math

import msgspec

from ultramm.market import Instrument, Quote, Side
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import cap_lots
from ultramm.risk.stops import Level, Stops


def carefully(decision: Decision, stops: Stops, inventory_lots: int, instrument: Instrument) -> Decision:
    """The decision as the ladder's rung allows it.

    Parameters
    ----------
    inventory_lots : int
        Signed inventory, lots.
    """
    if stops.level is Level.STOP:
        return Decision.nothing(stops.reason, decision.fair, decision.effects)
    if not decision.quotes:
        return decision
    quotes = tuple([_further(quote, decision.fair, stops.limits.widen, instrument) for quote in decision.quotes])
    if stops.level is Level.WIDEN:
        return msgspec.structs.replace(decision, quotes=quotes)
    closing = Side.SELL if inventory_lots > 0 else Side.BUY
    kept = cap_lots([quote for quote in quotes if quote.side is closing], abs(inventory_lots), instrument)
    reasons = dict(decision.reasons)
    for side in Side:
        if not any(quote.side is side for quote in kept):
            reasons.setdefault(side, f"{stops.reason}: only what makes the position smaller")
    return msgspec.structs.replace(decision, quotes=kept, reasons=reasons)


def _further(quote: Quote, fair: float, times: float, instrument: Instrument) -> Quote:
    """So many times as far from fair value; what takes, or is on the other side of it, stays."""
    away = quote.side * (fair - instrument.price(quote.ticks))
    if quote.taking or not away > 0.0:
        return quote
    ticks = (fair - quote.side * times * away) / instrument.tick_size
    rounded = math.floor(ticks + 1e-9) if quote.side is Side.BUY else math.ceil(ticks - 1e-9)
    return msgspec.structs.replace(quote, ticks=max(1, rounded))
