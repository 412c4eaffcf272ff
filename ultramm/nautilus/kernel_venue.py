"""What all venues have in common that are reached over the kernel's own adapters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nautilus_trader.config import InstrumentProviderConfig
from nautilus_trader.model.identifiers import InstrumentId

from ultramm.custody.desk import Desk
from ultramm.errors import RunError, UserError
from ultramm.nautilus.venue import Clients


class KernelVenue:
    """One account at a venue whose name the kernel has settled; see `ultramm.nautilus.venue.LiveVenue`.

    Parameters
    ----------
    venue : str
        Its name in the configuration.
    symbols : list of str
        Instruments without the venue, as the kernel names them.
    params : Any
        The adapter's parameters.
    trades : bool
        Whether keys are needed.

    Attributes
    ----------
    kernel_name : str
        The venue in the kernel's instrument ids.
    keys : tuple of str
        The parameters that an account is opened with.
    variable : str
        An environment variable, for example, that one of them is taken from.
    no_orders : str
        Why it takes no live orders; empty where it does.

    Raises
    ------
    UserError
        The venue is called something else, or a subclass objects to the parameters or symbols.
    """

    kernel_name: ClassVar[str]
    keys: ClassVar[tuple[str, ...]]
    variable: ClassVar[str]
    no_orders: ClassVar[str] = ""
    dead_man_s = 0.0

    def __init__(self, venue: str, symbols: list[str], params: Any, *, trades: bool = True) -> None:
        if venue != self.kernel_name:
            raise UserError(
                f"adapter: its instruments are named at {self.kernel_name}, as {symbols[0]}.{self.kernel_name}; "
                f"call the venue {self.kernel_name}"
            )
        self.venue = venue
        self.params = params
        self.instrument_ids = [InstrumentId.from_str(f"{symbol}.{venue}") for symbol in symbols]
        if trades:
            need(params, *self.keys, example=self.variable)
        self.check(symbols)

    def check(self, symbols: list[str]) -> None:
        """Object to what cannot be."""

    def provider(self) -> Any:
        """The kernel's provider of instruments, with a connection of its own."""
        raise NotImplementedError

    def clients(self) -> Clients:
        """What a node is built with."""
        raise NotImplementedError

    def desk(self) -> Desk:
        """Asks the venue, without a node."""
        raise UserError(f"adapter: it takes no live orders: {self.no_orders}")

    async def instruments(self) -> list[Any]:
        """As the venue lists them.

        Raises
        ------
        RunError
            They cannot be had.
        """
        provider = self.provider()
        try:
            await provider.initialize()
        except Exception as exc:
            raise RunError(f"{self.venue}: its instruments cannot be had: {exc}") from exc
        return loaded(provider, self.instrument_ids)

    def only_these(self) -> InstrumentProviderConfig:
        """Load what is configured, where the kernel's provider can."""
        return InstrumentProviderConfig(load_ids=frozenset(self.instrument_ids))


def loaded(provider: Any, instrument_ids: list[InstrumentId]) -> list[Any]:
    """The instruments that a provider has loaded, all of one venue.

    Raises
    ------
    RunError
        It has not loaded some of them.
    """
    found = provider.get_all()
    missing = [each.value for each in instrument_ids if each not in found]
    if missing:
        venue = instrument_ids[0].venue.value
        raise RunError(f"{venue}: the venue does not trade {', '.join(missing)}, or told nothing of it")
    return [found[each] for each in instrument_ids]


def need(params: Any, *names: str, example: str) -> None:
    """Refuse an account without keys: the kernel would look for some in the environment, and trade with those.

    Raises
    ------
    UserError
        One of the parameters is empty.
    """
    if not all(getattr(params, name) for name in names):
        listed = " and ".join(f"params.{name}" for name in names)
        verb = "are" if len(names) > 1 else "is"
        raise UserError(f"{listed} {verb} needed; write ${{{example}}} and export it")


def addresses(params: Any, names: Mapping[str, str]) -> dict[str, str]:
    """The addresses that stand for the venue's own, by the kernel's names for them: all of them, or none.

    Half of them would send orders to one server and ask another about them.

    Parameters
    ----------
    names : mapping of str to str
        By parameter, the kernel's name.

    Raises
    ------
    UserError
        Some are given and some are not.
    """
    given = {key: getattr(params, name) for name, key in names.items() if getattr(params, name)}
    missing = [name for name in names if not getattr(params, name)]
    if given and missing:
        raise UserError(f"params.{missing[0]}: missing; another server is given by all of {', '.join(names)}, or none")
    return given


def no_address(params: Any, name: str, why: str) -> None:
    """Refuse an address that the kernel would not use, or not for everything.

    Raises
    ------
    UserError
        It is given.
    """
    if getattr(params, name):
        raise UserError(f"params.{name}: {why}; remove it")
