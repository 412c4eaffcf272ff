"""What an adapter of a live venue provides: the kernel's clients, and a desk to ask when anything is in doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from ultramm.custody.desk import Desk


class Clients(msgspec.Struct, frozen=True):
    """Factories and configurations of the kernel's data and execution client of a venue."""

    data_factory: type
    data_config: Any
    exec_factory: type
    exec_config: Any


class LiveVenue(Protocol):
    """A venue that trades for real.

    It is built as ``venue(name, symbols, params)``, with the venue's name, the symbols that the configuration lists
    and the adapter's parameters.

    Attributes
    ----------
    dead_man_s : float
        The venue cancels everything when it has not heard of us for so long, seconds; 0 where it does not.
    """

    dead_man_s: float

    def __init__(self, venue: str, symbols: list[str], params: Any) -> None: ...

    async def instruments(self) -> list[Any]:
        """The kernel's instruments, one a symbol, with the account's fees."""

    def clients(self) -> Clients:
        """For the node."""

    def desk(self) -> Desk:
        """To ask, with or without a node."""


class LiveClient(Protocol):
    """What an execution client must tell beyond what the kernel asks of it.

    It never ends an order on a missing answer: `on_doubt` is called instead, and the venue is asked.

    Attributes
    ----------
    on_doubt : callable
        Called with a reason when something may have happened that it was not told.
    listening : bool
        Whether the venue's messages about our orders arrive.
    """

    on_doubt: Callable[[str], None]

    @property
    def listening(self) -> bool: ...

    async def listen_again(self) -> None:
        """Open what brings those messages anew."""
