"""What an adapter of a live venue provides: the kernel's clients, and a desk to ask when anything is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ultramm import plugin
from ultramm.config.resolve import Resolved
from ultramm.custody.desk import Desk
from ultramm.errors import ConfigError, PluginError, UserError
from ultramm.nautilus.source import Pace


class Clients(msgspec.Struct, frozen=True):
    """Factories and configurations of the kernel's data and execution client of a venue."""

    data_factory: type
    data_config: Any
    exec_factory: type
    exec_config: Any


class LiveVenue(Protocol):
    """A venue that trades for real.

    It is built as ``venue(name, symbols, params, trades=...)``, with the venue's name, the symbols that the
    configuration lists, the adapter's parameters, and whether it is to trade: else only its market is wanted, and no
    key needed.

    Attributes
    ----------
    dead_man_s : float
        The venue cancels everything when it has not heard of us for so long, seconds; 0 where it does not.
    """

    dead_man_s: float

    def __init__(self, venue: str, symbols: list[str], params: Any, *, trades: bool = True) -> None: ...

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


class VenueSource:
    """What a live venue defines, its instruments; its events come from itself."""

    def __init__(self, instruments: list[Any]) -> None:
        self._instruments = instruments

    def instruments(self) -> list[Any]:
        return list(self._instruments)

    def events(self, *, endless: bool = False) -> Iterator[Any]:
        return iter(())

    def pace(self) -> Pace:
        return Pace()

    def files(self) -> list[Path]:
        return []


def open_venue(resolved: Resolved, name: str, *, trades: bool = True) -> LiveVenue:
    """A live venue of the configuration, to trade there or only to see its market.

    Raises
    ------
    ConfigError
        It cannot be had; the message names file and key.
    """
    venue, path = resolved.venues[name], resolved.loaded.path
    try:
        live: LiveVenue = plugin.load(venue.adapter.live)(name, venue.settings.instruments, venue.params, trades=trades)
    except PluginError as exc:
        raise ConfigError(f"{path}: venues.{name}.adapter: {exc}") from exc
    except UserError as exc:
        raise type(exc)(f"{path}: venues.{name}.{exc}") from exc
    return live
