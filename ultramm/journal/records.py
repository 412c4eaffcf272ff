"""The records of the journal: one struct a kind, the same in every store."""

from __future__ import annotations

from typing import get_args

import msgspec

from ultramm.analytics.reporting import Reported
from ultramm.maker import MakerStatus
from ultramm.market import Instrument


class RunStarted(msgspec.Struct, frozen=True, kw_only=True, tag="run-started"):
    """A node began. `configuration` has its secrets masked."""

    name: str
    mode: str
    version: str
    pid: int
    configuration: dict[str, object]


class RunEnded(msgspec.Struct, frozen=True, kw_only=True, tag="run-ended"):
    """A node ended; `open_orders` is what it knows to be left at the venue, None when it does not."""

    reason: str
    open_orders: int | None


class MakerStarted(msgspec.Struct, frozen=True, kw_only=True, tag="maker-started"):
    """A strategy began on an instrument: what that is, how much it may hold, None for any, and whom it covers."""

    strategy: str
    instrument: Instrument
    max_position: float | None
    covers: tuple[str, ...] = ()


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True, tag="order"):
    """Something happened to one of our orders: sent, accepted, cancelled, rejected."""

    strategy: str
    instrument: str
    order_id: str
    event: str
    side: str = ""
    price: float = 0.0
    size: float = 0.0
    reason: str = ""


class CustodyEvent(msgspec.Struct, frozen=True, kw_only=True, tag="custody"):
    """Our ledger was held against a venue's books, or could not be.

    Parameters
    ----------
    event : str
        ``took over``, ``doubt``, ``agreed``, ``account``.
    """

    venue: str
    event: str
    detail: str = ""


class FillEvent(msgspec.Struct, frozen=True, kw_only=True, tag="fill"):
    """One of our orders traded; `mid` is the market's mid at that moment, `position` the inventory after it."""

    strategy: str
    instrument: str
    order_id: str
    side: str
    price: float
    size: float
    fee: float
    maker: bool
    mid: float | None
    position: float


def fingerprint(ts_ns: int, fill: FillEvent) -> bytes:
    """What of a fill a hash over all of them takes: time, side, price, size, fee."""
    line = f"{ts_ns} {fill.strategy} {fill.instrument} {fill.side} {fill.price} {fill.size} {fill.fee}\n"
    return line.encode()


class HaltEvent(msgspec.Struct, frozen=True, kw_only=True, tag="halt"):
    """A strategy stopped quoting, or was released, on an instrument; `source` says by whom."""

    strategy: str
    source: str
    active: bool
    reason: str = ""
    instrument: str = ""


class GuardEvent(msgspec.Struct, frozen=True, kw_only=True, tag="guard"):
    """A guard began to hold a side of a strategy's quotes back, or let it go.

    Parameters
    ----------
    guard : str
        Which, as ``fill burst``.
    side : str
        ``BUY`` or ``SELL``.
    reason : str
        In words, with the figures that it went by; empty when it lets go.
    """

    strategy: str
    instrument: str
    guard: str
    side: str
    active: bool
    reason: str = ""


class RecordingEvent(msgspec.Struct, frozen=True, kw_only=True, tag="recording"):
    """The node's recording of the market started, dropped events or stopped; the node trades on."""

    catalog: str
    event: str
    reason: str = ""


class MemoryEvent(msgspec.Struct, frozen=True, kw_only=True, tag="memory"):
    """What a strategy learnt in earlier runs was taken up, or was not, or cannot be kept.

    Parameters
    ----------
    event : str
        ``recalled``, ``began anew``, ``not kept``, ``not written`` (of all strategies).
    """

    strategy: str
    instrument: str
    event: str
    reason: str = ""


class GapEvent(msgspec.Struct, frozen=True, kw_only=True, tag="gap"):
    """The journal itself had a gap.

    Parameters
    ----------
    event : str
        ``caught up``: it could not be written for a time, and then was; ``lost``: its store has lost what it held.
    """

    event: str
    detail: str


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True, tag="alert"):
    """People were told something, or are about to be: written by who tells them, beside the node's records.

    Parameters
    ----------
    ts_ns : int
        When, nanoseconds since the epoch.
    severity : str
        ``info``, ``warning``, ``critical``.
    title, body : str
        As they were sent.
    """

    ts_ns: int
    severity: str
    title: str
    body: str


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """The top of the book as (price, size), best first, for display."""

    instrument: str
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    mean_spread_bps: float | None = None
    sigma: float | None = None


class VenueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with a venue.

    Parameters
    ----------
    state : str
        ``connected``, ``in doubt``, ``simulated``.
    detail : str
        Why there is a doubt, or what the market of a simulated one is.
    """

    venue: str
    state: str
    detail: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True, tag="status"):
    """The node's heartbeat: every maker, all together in the reporting currency, the books it quotes on, its balances,
    in words its recording, and its venues."""

    state: str
    makers: tuple[MakerStatus, ...]
    books: tuple[BookView, ...]
    balances: dict[str, str]
    market_events: int = 0
    reported: Reported | None = None
    recording: str = ""
    venues: tuple[VenueStatus, ...] = ()


class CommandEvent(msgspec.Struct, frozen=True, kw_only=True, tag="command"):
    """A command was taken up; `reply` is what its sender was told."""

    verb: str
    origin: str
    reply: str


Record = (
    RunStarted
    | RunEnded
    | MakerStarted
    | OrderEvent
    | FillEvent
    | CustodyEvent
    | HaltEvent
    | GuardEvent
    | MemoryEvent
    | RecordingEvent
    | GapEvent
    | Status
    | CommandEvent
)

# What each kind is called where records are stored.
KINDS = tuple(str(record.__struct_config__.tag) for record in get_args(Record))


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A record as stored: its place in the journal, its run, and when it was written."""

    sequence: int
    run: str
    ts_ns: int
    record: Record


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command for a running node, and its reply once there is one."""

    id: int
    verb: str
    origin: str
    reply: str | None = None
