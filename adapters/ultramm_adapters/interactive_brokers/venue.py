"""One exchange by Interactive Brokers: the kernel's clients."""

from __future__ import annotations

from typing import Any

from nautilus_trader.live.config import RoutingConfig

from ultramm.errors import RunError, UserError
from ultramm.nautilus.kernel_venue import KernelVenue
from ultramm.nautilus.venue import Clients
from ultramm_adapters.interactive_brokers.params import InteractiveBrokersParams

_PORTS = {"paper": 4002, "live": 4001}


class InteractiveBrokersVenue(KernelVenue):
    """One account on one exchange, which gives the venue its name.

    Attributes
    ----------
    connects_when_made : bool
        The kernel's clients look for the gateway as soon as there are any.
    """

    connects_when_made = True
    keys, variable = ("account",), "IB_ACCOUNT"
    no_orders = "the kernel refuses orders that only make, and its lists of orders and trades are empty after an error"

    params: InteractiveBrokersParams

    def __init__(
        self, venue: str, symbols: list[str], params: InteractiveBrokersParams, *, trades: bool = True
    ) -> None:
        self.kernel_name = venue  # type: ignore[misc]
        super().__init__(venue, symbols, params, trades=trades)

    def check(self, symbols: list[str]) -> None:
        if "-" in self.venue:
            raise UserError(f"adapter: {self.venue} is no exchange of the kernel's; name one, such as NASDAQ")

    def clients(self) -> Clients:
        kernel = _kernel()
        kinds = kernel["market_data"]
        common: dict[str, Any] = {
            "ibg_host": self.params.host,
            "ibg_port": self.params.port or _PORTS[self.params.environment],
            "ibg_client_id": self.params.client_id,
            "instrument_provider": kernel["provider"](load_ids=frozenset(self.instrument_ids)),
            # The kernel's client is of no venue: it gets what is traded at this one.
            "routing": RoutingConfig(venues=frozenset({self.venue})),
        }
        kind = kinds.REALTIME if self.params.market_data == "realtime" else kinds.DELAYED_FROZEN
        return Clients(
            kernel["data_factory"],
            kernel["data"](**common, market_data_type=kind),
            kernel["exec_factory"],
            kernel["exec"](**common, account_id=self.params.account),
        )

    async def instruments(self) -> list[Any]:
        raise RunError(f"{self.venue}: its instruments can be had by a running gateway only")


def _kernel() -> dict[str, Any]:
    """The kernel's classes, which need a package that not everybody has."""
    try:
        from ibapi.common import MarketDataTypeEnum
        from nautilus_trader.adapters.interactive_brokers import config, factories
    except ImportError as exc:
        raise UserError(f"adapter: {exc}; pip install 'ultramm[ib]'") from exc
    return {
        "market_data": MarketDataTypeEnum,
        "provider": config.InteractiveBrokersInstrumentProviderConfig,
        "data": config.InteractiveBrokersDataClientConfig,
        "exec": config.InteractiveBrokersExecClientConfig,
        "data_factory": factories.InteractiveBrokersLiveDataClientFactory,
        "exec_factory": factories.InteractiveBrokersLiveExecClientFactory,
    }
