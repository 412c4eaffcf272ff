"""What a strategy is to a maker, and what more it may be: each is asked for by what it has, and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import msgspec

from ultramm.inference.state import ModelState
from ultramm.market import Book, Fill, Instrument, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.risk.exposures import Position

if TYPE_CHECKING:
    # Beside numpy, which a list of plugins does not need.
    from ultramm.calibration.edge_curve import EdgePoint


class QuotingStrategy(Protocol):
    """What a strategy plugin provides: it is built as ``strategy(params, instrument)``."""

    def __init__(self, params: Any, instrument: Instrument) -> None: ...

    def on_book(self, book: Book) -> None:
        """The touch changed; before a decision, the book as deep as ``params.depth_levels``. Without our own orders."""

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""

    def on_reference(self, book: Book) -> None:
        """The touch of ``params.reference`` changed; before a decision, its book to ``params.reference_levels``."""

    def on_fill(self, fill: Fill) -> None:
        """One of our orders traded; the inventory of the next decision counts it."""

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """The quotes wanted now, with a signed `inventory` in size units."""


@runtime_checkable
class Recalibrating(Protocol):
    """A strategy that has more to compute than a decision may wait for: it is called apart from any event."""

    recalibrate_s: float

    def recalibrate(self, now_ns: int) -> None:
        """Bring up to date what decisions look up; every `recalibrate_s` seconds of market time, between events."""


@runtime_checkable
class Interruptible(Protocol):
    """A strategy that wants to know when its market was interrupted: what it saw before may not lead to what comes."""

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        """The connection to the market was lost, or the market was silent for longer than `stale_after_s`."""


@runtime_checkable
class LearningFromOrders(Protocol):
    """A strategy that learns how often orders of its own are filled, if `learns` says so when it is made."""

    learns: bool

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        """An order stood `seconds` at `depth` from the mid, price, until `ts_ns`, and was filled `fills` times."""


@runtime_checkable
class Remembering(Protocol):
    """A strategy that a restarted node goes on with, if `remembers` says so: it can be pickled (`ultramm.checkpoint`).

    It is told of fills that it does not know yet, and, if it wants to know, of the interruption.
    """

    remembers: bool


@runtime_checkable
class Hedging(Protocol):
    """A strategy that offsets what others hold (`ultramm.risk.exposures.Hedge`).

    It decides anew as soon as a maker that it covers has traded. While `unhedged` says why it cannot offset, those that
    it covers quote nothing and close their positions.
    """

    makers: tuple[str, ...]
    unhedged: str

    def on_positions(self, ts_ns: int, own: Position, others: tuple[Position, ...]) -> None:
        """What it holds itself and what all other makers do: before each decision, and now and then without one."""


@runtime_checkable
class Paired(Protocol):
    """A strategy that knows by how much of other markets its position is offset: hedges of it take these ratios."""

    def hedge_ratio(self, instrument: str) -> float:
        """Exposure to that hedge for one of its own; NaN while it does not know and holds nothing."""


@runtime_checkable
class SeeingSeveral(Protocol):
    """A strategy with several references, which wants to know of which a book is."""

    def on_references(self, place: int, book: Book) -> None:
        """In place of `on_reference`: the book of that one of ``params.references``."""


@runtime_checkable
class Steerable(Protocol):
    """A strategy with members that come and go, and can be paused, while it runs."""

    @property
    def members(self) -> tuple[str, ...]: ...

    def steer(self, verb: str, name: str, text: str = "") -> str:
        """Do ``pause``, ``resume``, ``remove`` or, with what it is made of as YAML, ``add``; gives what was done.

        Raises
        ------
        ValueError
            That cannot be: in words why.
        """


@runtime_checkable
class DoubtingVolume(Protocol):
    """A strategy that measures volume and can do without: `volume_doubtful` is set while volume measures nothing."""

    volume_doubtful: bool


@runtime_checkable
class Believing(Protocol):
    """A strategy that trades by something learned: `doubt` says why it does not, in words, empty while it does.

    That it began to doubt, or to believe again, is kept in the journal, and so is, with each status, how it stands with
    its `models`.
    """

    @property
    def doubt(self) -> str: ...

    @property
    def models(self) -> tuple[ModelState, ...]: ...


@runtime_checkable
class Judging(Protocol):
    """A strategy that knows what quotes at each depth would have earned: it is shown and kept in the journal."""

    def edge_points(self, side: Side) -> tuple[EdgePoint, ...]:
        """The edge curve of one side, nearest depth first; empty while there is none."""


class Abilities(msgspec.Struct, frozen=True):
    """A strategy, once for each thing more that it is; None for what it is not."""

    recalibrating: Recalibrating | None
    interruptible: Interruptible | None
    learning: LearningFromOrders | None
    hedging: Hedging | None
    paired: Paired | None
    several: SeeingSeveral | None
    steerable: Steerable | None
    doubting: DoubtingVolume | None
    believing: Believing | None
    judging: Judging | None

    @classmethod
    def of(cls, strategy: QuotingStrategy) -> Self:
        """What a strategy is able to."""
        return cls(
            recalibrating=strategy if isinstance(strategy, Recalibrating) else None,
            interruptible=strategy if isinstance(strategy, Interruptible) else None,
            learning=strategy if isinstance(strategy, LearningFromOrders) and strategy.learns else None,
            hedging=strategy if isinstance(strategy, Hedging) else None,
            paired=strategy if isinstance(strategy, Paired) else None,
            several=strategy if isinstance(strategy, SeeingSeveral) else None,
            steerable=strategy if isinstance(strategy, Steerable) else None,
            doubting=strategy if isinstance(strategy, DoubtingVolume) else None,
            believing=strategy if isinstance(strategy, Believing) else None,
            judging=strategy if isinstance(strategy, Judging) else None,
        )
