"""What a strategy wants, and in words why it wants nothing."""

from __future__ import annotations

import math

import msgspec

from ultramm.market import Quote, Side


class Decision(msgspec.Struct, frozen=True):
    """The quotes a strategy wants now.

    Parameters
    ----------
    quotes : tuple of Quote
        Both sides, best first on each.
    fair, reservation_price : float
        Price; NaN while unknown.
    reasons : dict of Side to str
        For each side without a quote, why.
    effects : dict of str to float
        What moved the quotes, for display: names end in their unit; NaN while unknown.
    kappa : float
        How fast fills fade with depth, 1 / price: with it an order keeps its place in the queue while that is worth
        more than to move it, if its parameters say so (`watches_queues`). NaN where the strategy does not know.
    nearest : dict of Side to float
        Price beyond which, towards the market, no order of a side may stay.
    """

    quotes: tuple[Quote, ...] = ()
    fair: float = math.nan
    reservation_price: float = math.nan
    reasons: dict[Side, str] = {}
    effects: dict[str, float] = {}
    kappa: float = math.nan
    nearest: dict[Side, float] = {}

    @classmethod
    def nothing(cls, reason: str, fair: float = math.nan, effects: dict[str, float] | None = None) -> Decision:
        """Quote nothing on either side."""
        return cls(fair=fair, reasons={Side.BUY: reason, Side.SELL: reason}, effects=effects or {})

    def side(self, side: Side) -> tuple[Quote, ...]:
        """The quotes of one side, best first."""
        return tuple([quote for quote in self.quotes if quote.side is side])


def name_and_unit(effect: str) -> tuple[str, str]:
    """The name of an effect in words, and its unit.

    Examples
    --------
    >>> name_and_unit("half_spread_bps"), name_and_unit("kappa_per_bps")
    (('half spread', 'bps'), ('kappa', '1 / bps'))
    """
    name, per, unit = effect.partition("_per_")
    if not per:
        name, _, unit = effect.rpartition("_")
    return name.replace("_", " "), f"1 / {unit}" if per else unit
