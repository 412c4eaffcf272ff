"""The views of all members: what each thinks, what it would have earned, and what of it is followed."""

from __future__ import annotations

import math

import msgspec

from ultramm.combine.allocator import Allocator
from ultramm.market import Book, Trade
from ultramm.signals.reliability import Reliability
from ultramm.signals.signal import NO_SIGNAL, Signal
from ultramm.signals.sources import Source
from ultramm_strategies.combined.params import CombinedParams, SignalMember


class View(msgspec.Struct):
    """Of one member.

    Parameters
    ----------
    source : Source
        Whose it is.
    reliability : Reliability
        How often it was right.
    paused : bool
    signal : Signal
        The last.
    gain : float
        What a full position by it brought in this period, a share of the price, costs taken off.
    """

    source: Source
    reliability: Reliability
    paused: bool = False
    signal: Signal = NO_SIGNAL
    gain: float = 0.0


class Views:
    """Members that have a view, and how much each counts.

    Parameters
    ----------
    params : CombinedParams
    """

    def __init__(self, params: CombinedParams) -> None:
        self._params = params
        self._members: dict[str, View] = {}
        self._allocator = Allocator((), params.period_s, params.bounds, switching=params.switching)
        self._mid = math.nan
        for member in params.members:
            self.add(member)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    @property
    def weights(self) -> dict[str, float]:
        return self._allocator.weights

    def add(self, member: SignalMember) -> None:
        """One more."""
        self._members[member.name] = View(member.source(), Reliability(), member.paused)
        self._allocator.add(member.name)

    def remove(self, name: str) -> None:
        """One less."""
        del self._members[name]
        self._allocator.remove(name)

    def pause(self, name: str, *, paused: bool) -> None:
        """It is watched and moves nothing, or again does."""
        self._members[name].paused = paused

    # -- what they see ---------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        for view in self._members.values():
            view.source.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        for view in self._members.values():
            view.source.on_trade(trade)

    def interrupted(self) -> None:
        """The market was not seen for a time: nobody is judged by what it did meanwhile."""
        self._mid = math.nan
        for view in self._members.values():
            view.source.interrupted()
            view.reliability.interrupted()

    # -- what they think -------------------------------------------------------------------------------------

    def look(self, now_ns: int, mid: float) -> None:
        """Judge the views of before by the mid of now, and take new ones."""
        moved = mid / self._mid - 1.0 if self._mid > 0.0 else 0.0
        self._mid = mid
        for view in self._members.values():
            before = view.signal
            raw = view.source.signal(now_ns)
            view.reliability.update(now_ns, mid, raw)
            view.signal = msgspec.structs.replace(raw, confidence=view.reliability.confidence(raw.strength))
            # Judged as if it were sure: what is not followed must be able to show that it should be.
            held, wanted = before.direction * before.strength, raw.direction * raw.strength
            view.gain += held * moved - 1e-4 * self._params.cost_bps * abs(wanted - held)

    def end_period(self) -> None:
        """Weigh them by what they would have earned since the last."""
        self._allocator.update({name: view.gain for name, view in self._members.items()})
        for view in self._members.values():
            view.gain = 0.0

    def view(self, name: str) -> float:
        """What one thinks, between -1 and 1; nothing of one that is paused."""
        member = self._members[name]
        return 0.0 if member.paused else member.signal.view

    def shares(self) -> tuple[float, dict[str, float]]:
        """How much of the largest target is wanted, signed, and by whom."""
        weighted = {name: self._allocator.weights[name] * self.view(name) for name in self._members}
        total = math.fsum(weighted.values())
        if total == 0.0:
            scale = 1.0 / self._params.full_view
        else:
            scale = math.tanh(total / self._params.full_view) / total
        return total * scale, {name: each * scale for name, each in weighted.items()}
