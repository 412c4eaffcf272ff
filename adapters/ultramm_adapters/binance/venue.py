"""Binance as a live venue: the clients of a node, and the desk that is asked in doubt."""

from __future__ import annotations

from typing import Any

from nautilus_trader.adapters.binance.common.enums import BinanceEnvironment, BinanceKeyType
from nautilus_trader.adapters.binance.common.urls import (
    get_http_base_url,
    get_ws_base_url,
    get_ws_public_base_url,
)
from nautilus_trader.adapters.binance.config import BinanceDataClientConfig, BinanceExecClientConfig
from nautilus_trader.adapters.binance.futures.providers import BinanceFuturesInstrumentProvider
from nautilus_trader.adapters.binance.http.error import BinanceError
from nautilus_trader.adapters.binance.spot.providers import BinanceSpotInstrumentProvider
from nautilus_trader.common.component import LiveClock
from nautilus_trader.config import InstrumentProviderConfig
from nautilus_trader.live.factories import LiveDataClientFactory, LiveExecClientFactory
from nautilus_trader.model.identifiers import InstrumentId, Venue

from ultramm.errors import RunError, UserError
from ultramm.nautilus.kernel_venue import loaded, need
from ultramm.nautilus.venue import Clients
from ultramm_adapters.binance.data import FuturesData, SpotData
from ultramm_adapters.binance.desk import BinanceDesk
from ultramm_adapters.binance.execution import FuturesExecution, SpotExecution
from ultramm_adapters.binance.http import OutcomeUnknown, OwnBudget, VenueClock, VenueHttpClient
from ultramm_adapters.binance.params import BinanceParams
from ultramm_adapters.binance.product import PRODUCTS, Product

_ENVIRONMENTS = {"live": BinanceEnvironment.LIVE, "testnet": BinanceEnvironment.TESTNET}


class BinanceVenue:
    """One account on one product; see `ultramm.nautilus.venue.LiveVenue`.

    Parameters
    ----------
    venue : str
        Of the instruments' ids.
    symbols : list of str
        Instruments without the venue, such as ``BTCUSDT`` or ``BTCUSDT-PERP``.
    params : BinanceParams
        Account, product, server.
    trades : bool
        Whether a key is needed.

    Raises
    ------
    UserError
        Without a key that is needed; or a symbol is not of the product.
    """

    def __init__(self, venue: str, symbols: list[str], params: BinanceParams, *, trades: bool = True) -> None:
        self.venue = venue
        self.dead_man_s = 0.0 if params.product == "spot" else params.dead_man_s
        self._symbols = symbols
        self._instrument_ids = [InstrumentId.from_str(f"{symbol}.{venue}") for symbol in symbols]
        self._params = params
        self._product = PRODUCTS[params.product]
        self._budget = OwnBudget(params.weight_budget)
        self._clock = VenueClock()
        if trades:
            need(params, "api_key", "api_secret", example="BINANCE_API_KEY")
        for symbol in symbols:
            if symbol.endswith("-PERP") and self._product.cash:
                raise UserError(f"instruments: {symbol} is a future; params.product says spot")
        environment = _ENVIRONMENTS[params.environment]
        account_type = self._product.account_type
        self._http_url = params.base_url or get_http_base_url(account_type, environment, is_us=False)
        self._sockets = params.base_url and params.base_url.replace("http", "ws", 1)

    def clients(self) -> Clients:
        """What a node is built with."""
        common: dict[str, Any] = {
            "venue": Venue(self.venue),
            "api_key": self._params.api_key,
            "api_secret": self._params.api_secret,
            "key_type": BinanceKeyType.HMAC,
            "account_type": self._product.account_type,
            "environment": _ENVIRONMENTS[self._params.environment],
            "base_url_http": self._http_url,
            "instrument_provider": InstrumentProviderConfig(load_ids=frozenset(self._instrument_ids)),
        }
        if "BEGIN" in self._params.api_secret:
            common["key_type"] = BinanceKeyType.ED25519
        sockets = self._sockets
        execution = BinanceExecClientConfig(
            **common,
            base_url_ws=sockets and f"{sockets}{self._product.socket_api}",
            base_url_ws_stream=sockets and f"{sockets}{self._route('private')}",
            recv_window_ms=self._params.recv_window_ms,
            treat_expired_as_canceled=False,
        )
        data = BinanceDataClientConfig(**common, base_url_ws=sockets, update_instruments_interval_mins=None)
        return Clients(self._data_factory(), data, self._exec_factory(), execution)

    async def instruments(self) -> list[Any]:
        """As the venue lists them, with the account's fees.

        Raises
        ------
        RunError
            They cannot be had.
        """
        clock = LiveClock()
        provider = self._provider(self._client(clock), clock, self.clients().data_config)
        try:
            await provider.initialize()
        except (BinanceError, OutcomeUnknown) as exc:
            raise RunError(f"{self.venue}: {', '.join(self._symbols)} cannot be had: {exc}") from exc
        return loaded(provider, self._instrument_ids)

    def desk(self) -> BinanceDesk:
        """Asks the venue, without a node."""
        return BinanceDesk(*self._desk_arguments())

    def _desk_arguments(self) -> tuple[VenueHttpClient, Product, list[str], str, int]:
        client = self._client(LiveClock())
        return client, self._product, self._symbols, self.venue, self._params.recv_window_ms

    def _client(self, clock: Any) -> VenueHttpClient:
        params = self._params
        return VenueHttpClient(
            clock,
            params.api_key,
            params.api_secret,
            self._http_url,
            self._product.root,
            self._budget,
            self._clock,
        )

    def _provider(self, client: Any, clock: Any, config: Any) -> Any:
        if self._product.cash:
            return BinanceSpotInstrumentProvider(
                client=client,
                clock=clock,
                account_type=config.account_type,
                environment=config.environment,
                config=config.instrument_provider,
                venue=config.venue,
            )
        return BinanceFuturesInstrumentProvider(
            client=client,
            clock=clock,
            account_type=config.account_type,
            config=config.instrument_provider,
            venue=config.venue,
        )

    def _urls(self, config: Any) -> tuple[str, str]:
        """Of the market streams, and of those of books; the venue keeps those of futures apart."""
        kind, environment = config.account_type, config.environment
        if self._sockets is None:
            return get_ws_base_url(kind, environment, False), get_ws_public_base_url(kind, environment, False)
        return self._sockets + self._route("market"), self._sockets + self._route("public")

    def _route(self, name: str) -> str:
        return f"/{name}" if self._params.product == "usdm" else ""

    def _common(self, clock: Any, config: Any) -> dict[str, Any]:
        """What the kernel's clients of both kinds are made with."""
        client = self._client(clock)
        return {
            "client": client,
            "clock": clock,
            "instrument_provider": self._provider(client, clock, config),
            "account_type": config.account_type,
            "base_url_ws": self._urls(config)[0],
        }

    def _data_factory(self) -> type:
        venue = self

        class BinanceDataFactory(LiveDataClientFactory):
            @staticmethod
            def create(loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any) -> Any:
                common = venue._common(clock, config)
                kernel = {"loop": loop, "name": name, "config": config, "msgbus": msgbus, "cache": cache}
                if venue._product.cash:
                    return SpotData(**kernel, **common)
                return FuturesData(**kernel, **common, base_url_ws_public=venue._urls(config)[1])

        return BinanceDataFactory

    def _exec_factory(self) -> type:
        venue = self

        class BinanceExecFactory(LiveExecClientFactory):
            @staticmethod
            def create(loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any) -> Any:
                kind = SpotExecution if venue._product.cash else FuturesExecution
                return kind(
                    loop=loop,
                    name=name,
                    config=config,
                    msgbus=msgbus,
                    cache=cache,
                    environment=config.environment,
                    api_key=config.api_key,
                    api_secret=config.api_secret,
                    **venue._common(clock, config),
                )

        return BinanceExecFactory
