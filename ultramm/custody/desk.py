"""The venue's own word about our account: what it is asked when anything is in doubt, and told when a node is gone."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import msgspec

from ultramm.custody.records import VenueFill, VenueOrder


class NoAnswer(Exception):
    """The venue could not be asked, or did not answer: nothing is known, and nothing may be assumed."""


class NotLetIn(NoAnswer):
    """The venue does not take our key: to ask again in a moment is no use."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a trade of an instrument moves.

    Parameters
    ----------
    cash : bool
        Base and quote change hands; otherwise a position does, and profits are settled in `settlement`.
    multiplier : Decimal
        Currency per unit of price and size.
    inverse : bool
        The value of a contract is ``multiplier / price``.
    """

    base: str
    quote: str
    settlement: str
    cash: bool
    multiplier: Decimal = Decimal(1)
    inverse: bool = False

    def value(self, price: Decimal) -> Decimal:
        """What one unit of long position is worth, settlement currency, up to a constant."""
        return -self.multiplier / price if self.inverse else self.multiplier * price


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds.

    Parameters
    ----------
    balances : dict of str to Decimal
        By asset, what is locked for orders included; of a margin account its wallet, without open positions' profit.
    positions : dict of str to Decimal
        By instrument, signed size; without those that are flat, and empty for a cash account.
    unrealised : dict of str to Decimal
        By instrument, the profit of its position at `marks`, in the currency it is settled in.
    marks : dict of str to Decimal
        By instrument, the venue's mark price.
    """

    balances: dict[str, Decimal]
    positions: dict[str, Decimal] = {}
    unrealised: dict[str, Decimal] = {}
    marks: dict[str, Decimal] = {}


class Desk(Protocol):
    """One venue, asked by REST and by no stream; every method raises `NoAnswer` when there is none.

    Attributes
    ----------
    forgets_after_s : float
        A request that the venue has not carried out within so long after it was sent never will be.
    """

    forgets_after_s: float

    async def terms(self) -> dict[str, Terms]:
        """Of each configured instrument."""

    async def open_orders(self) -> list[VenueOrder]:
        """All open orders of the account on the configured instruments, whoever sent them."""

    async def order(self, instrument: str, order_id: str) -> VenueOrder | None:
        """One order by our id; None when the venue says that there is none."""

    async def fills(self, instrument: str, since_ns: int) -> list[VenueFill]:
        """Trades of the account since a moment, oldest first."""

    async def holdings(self) -> Holdings:
        """What the account holds."""

    async def cancel(self, order: VenueOrder) -> bool:
        """Cancel an order; False when there is nothing to cancel any more."""

    async def keep_alive(self, seconds: float) -> bool:
        """Have the venue cancel everything unless told again within so long, 0 ends it; False where it cannot."""

    async def close(self) -> None:
        """End connections."""
