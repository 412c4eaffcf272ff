"""What is left of the quotes that a strategy wants once something calls for care.

Everything that watches, losses, fills, the market, the other makers, speaks through a `Caution` for a side; `tempered`
makes the decision that heeds all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from ultramm.market import Instrument, Quote, Side
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import cap_lots


class Caution(msgspec.Struct, frozen=True):
    """Why one side quotes less, and what of it.

    Parameters
    ----------
    reason : str
        In words, with the figure.
    times : float
        As far from fair value as the strategy wants, so many times.
    further : float
        And so much more, price.
    share : float
        Of each order's size.
    reducing : bool
        Only what makes the position smaller.
    pulled : bool
        Nothing at all.
    """

    reason: str
    times: float = 1.0
    further: float = 0.0
    share: float = 1.0
    reducing: bool = False
    pulled: bool = False


Cautions = Iterable[tuple[Side, Caution]]


def tempered(decision: Decision, cautions: Cautions, inventory_lots: int, instrument: Instrument) -> Decision:
    """The decision that heeds all cautions: the most of each, and further by all of them.

    Parameters
    ----------
    inventory_lots : int
        Signed inventory, lots.
    """
    by_side: dict[Side, list[Caution]] = {}
    for side, caution in cautions:
        by_side.setdefault(side, []).append(caution)
    if not by_side:
        return decision
    quotes: list[Quote] = []
    reasons, nearest = dict(decision.reasons), dict(decision.nearest)
    for side in Side:
        of_side = decision.side(side)
        held = by_side.get(side)
        if not held:
            quotes += of_side
            continue
        kept = _kept(of_side, held, decision.fair, side * inventory_lots, instrument)
        quotes += kept
        why = [each.reason for each in held if each.pulled or each.reducing]
        if why and not kept:
            reasons[side] = "; ".join(why)
        if kept and kept[0].ticks != of_side[0].ticks:
            # What stands nearer for its place in the queue does not stay.
            nearest[side] = instrument.price(kept[0].ticks)
    return msgspec.structs.replace(decision, quotes=tuple(quotes), reasons=reasons, nearest=nearest)


def _kept(
    quotes: tuple[Quote, ...], cautions: list[Caution], fair: float, held_lots: int, instrument: Instrument
) -> tuple[Quote, ...]:
    """Of one side, whose `held_lots` of the position are negative where it makes that smaller."""
    if any(each.pulled for each in cautions):
        return ()
    times = max(each.times for each in cautions)
    further = math.fsum([each.further for each in cautions])
    share = min(each.share for each in cautions)
    kept = [_smaller(_further(quote, fair, times, further, instrument), share, instrument) for quote in quotes]
    if any(each.reducing for each in cautions):
        return cap_lots(kept, max(0, -held_lots), instrument)
    return tuple(kept)


def _further(quote: Quote, fair: float, times: float, further: float, instrument: Instrument) -> Quote:
    """What takes, or stands on the other side of fair value, stays where it is."""
    away = quote.side * (fair - instrument.price(quote.ticks))
    if quote.taking or not away > 0.0 or (times == 1.0 and further == 0.0):
        return quote
    ticks = (fair - quote.side * (times * away + further)) / instrument.tick_size
    rounded = math.floor(ticks + 1e-9) if quote.side is Side.BUY else math.ceil(ticks - 1e-9)
    return msgspec.structs.replace(quote, ticks=max(1, rounded))


def _smaller(quote: Quote, share: float, instrument: Instrument) -> Quote:
    """Never so small that it could not be sent, nor larger than it was."""
    if share >= 1.0 or quote.taking:
        return quote
    least = instrument.smallest_lots(instrument.price(quote.ticks))
    return msgspec.structs.replace(quote, lots=min(quote.lots, max(least, math.floor(share * quote.lots))))
