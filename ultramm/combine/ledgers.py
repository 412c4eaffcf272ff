"""One position, kept by several members: what each holds, and what it brought."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from ultramm.market import Fill, Instrument


class Ledger(msgspec.Struct):
    """Of one member.

    Parameters
    ----------
    size : float
        Signed position.
    cash : float
        What it paid and was paid, settlement currency, fees included.
    turnover : float
        Size that passed through it.
    """

    size: float = 0.0
    cash: float = 0.0
    turnover: float = 0.0


class Ledgers:
    """The maker's position, split among members; what the venue fills is the core's, and members trade with the core.

    Between members no order is needed: a transfer is booked at the mid. All ledgers together are the maker's own.

    Parameters
    ----------
    instrument : Instrument
        Of what.
    core : str
        Who quotes.
    """

    def __init__(self, instrument: Instrument, core: str) -> None:
        self._instrument = instrument
        self.core = core
        self._ledgers: dict[str, Ledger] = {core: Ledger()}
        # Of those that are no more, so that the whole still adds up.
        self.closed = Ledger()

    def __contains__(self, name: str) -> bool:
        return name in self._ledgers

    def size(self, name: str) -> float:
        """Signed position of a member."""
        return self._ledgers[name].size

    @property
    def names(self) -> tuple[str, ...]:
        """Members, the core first."""
        return tuple(self._ledgers)

    @property
    def total(self) -> float:
        """Signed position of all."""
        return math.fsum([ledger.size for ledger in self._ledgers.values()])

    def add(self, name: str) -> None:
        """One more member, with nothing.

        Raises
        ------
        ValueError
            There is one of that name.
        """
        if name in self._ledgers:
            raise ValueError(f"{name} is a member already")
        self._ledgers[name] = Ledger()

    def remove(self, name: str, mid: float) -> None:
        """A member leaves: the core takes over what it holds, at the mid.

        Raises
        ------
        ValueError
            It is the core, or no member.
        """
        if name == self.core or name not in self._ledgers:
            raise ValueError(f"{name} is not a member that could leave")
        self.retarget({name: 0.0}, mid)
        gone = self._ledgers.pop(name)
        self.closed.cash += gone.cash
        self.closed.turnover += gone.turnover

    def fill(self, fill: Fill) -> None:
        """The venue traded: the core's."""
        core = self._ledgers[self.core]
        core.size += fill.side * fill.size - fill.base_fee
        core.cash -= fill.side * fill.size * self._instrument.value(fill.price) + fill.fee
        core.turnover += fill.size

    def adopt(self, position: float, mid: float) -> None:
        """The maker holds so much that nobody here knows of: the core's, at the mid."""
        core, size = self._ledgers[self.core], position - self.total
        core.size += size
        core.cash -= size * self._instrument.value(mid)

    def retarget(self, targets: Mapping[str, float], mid: float) -> float:
        """Members are to hold so much: the core trades what that takes, at the mid. Gives the size that moved."""
        moved, worth = 0.0, self._instrument.value(mid)
        core = self._ledgers[self.core]
        for name, target in targets.items():
            ledger = self._ledgers[name]
            size = target - ledger.size
            if name == self.core or size == 0.0:
                continue
            ledger.size, core.size = target, core.size - size
            ledger.cash -= size * worth
            core.cash += size * worth
            ledger.turnover += abs(size)
            moved += abs(size)
        return moved

    def profits(self, mid: float) -> dict[str, float]:
        """What each has brought, settlement currency, its position at the mid."""
        worth = self._instrument.value(mid)
        return {name: ledger.cash + ledger.size * worth for name, ledger in self._ledgers.items()}

    def profit(self, mid: float) -> float:
        """What all have, those that left included."""
        return math.fsum([*self.profits(mid).values(), self.closed.cash])
