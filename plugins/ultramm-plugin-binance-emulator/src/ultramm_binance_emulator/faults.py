"""What goes wrong on command: seeded, so that the same script of requests meets the same faults."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

Kind = Literal[
    # Of requests, by "METHOD /path".
    "delay",
    "reject",
    "reject_item",
    "server_error",
    "swallow_before",
    "swallow_after",
    "hang",
    "fill_on_cancel",
    "stale_snapshot",
    # Of messages, by the stream's name; a member's own are "user".
    "drop",
    "late",
    "duplicate",
    "reorder",
    # Of sockets, by their path.
    "refuse",
    # At once.
    "cut",
    "expire_listen_keys",
    "ban",
    "skew",
]
AT_ONCE = ("cut", "expire_listen_keys", "ban", "skew")


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong.

    Parameters
    ----------
    kind : str
        What; see the README.
    where : str
        Only where the name of the request, stream or socket contains this.
    share : float
        Of those that it may meet.
    count : int, optional
        How often at most.
    seconds : float
        How long: of a delay, of a hang, of refused connections; of `skew`, how far the venue's clock is ahead.
    code, status : int
        Of a refusal.
    """

    kind: Kind
    where: str = ""
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=-3600, le=3600)] = 1.0
    code: int = -1001
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503


class Happened(msgspec.Struct, frozen=True):
    """A fault that met somebody."""

    ts_ms: int
    id: int
    kind: str
    name: str


class _Active:
    def __init__(self, fault: Fault, since_ms: int) -> None:
        self.fault = fault
        self.since_ms = since_ms
        self.left = fault.count


class Faults:
    """The faults that are set, and what they have met.

    Parameters
    ----------
    now_ms : callable
        The true clock.
    seed : int
        Of what chance decides.
    """

    def __init__(self, now_ms: Callable[[], int], seed: int = 1) -> None:
        self._now_ms = now_ms
        self._random = random.Random(seed)
        self._active: dict[int, _Active] = {}
        self._next_id = 1
        self.skew_ms = 0
        self.happened: list[Happened] = []

    def add(self, fault: Fault) -> int:
        """Set a fault; gives its number. One that is at once only leaves its trace."""
        fault_id, self._next_id = self._next_id, self._next_id + 1
        if fault.kind in AT_ONCE:
            self.note(fault_id, fault.kind, fault.where)
        else:
            self._active[fault_id] = _Active(fault, self._now_ms())
        return fault_id

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._active.clear()
        self.skew_ms = 0

    def active(self) -> dict[int, Fault]:
        """What is set, by number."""
        return {fault_id: item.fault for fault_id, item in self._active.items()}

    def hit(self, kind: Kind, name: str) -> Fault | None:
        """The fault of a kind that this request, message or socket meets, if any; it is counted."""
        for fault_id, item in list(self._active.items()):
            fault = item.fault
            if fault.kind != kind or fault.where not in name:
                continue
            if kind == "refuse" and self._now_ms() > item.since_ms + 1e3 * fault.seconds:
                del self._active[fault_id]
                continue
            if fault.share < 1.0 and self._random.random() >= fault.share:
                continue
            if item.left is not None:
                item.left -= 1
                if not item.left:
                    del self._active[fault_id]
            self.note(fault_id, kind, name)
            return fault
        return None

    def note(self, fault_id: int, kind: str, name: str) -> None:
        self.happened.append(Happened(self._now_ms(), fault_id, kind, name))
