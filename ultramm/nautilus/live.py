"""The venues of a live node: taken over before it trades, watched while it does, and left with nothing of ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nautilus_trader.config import CacheConfig, DatabaseConfig
from nautilus_trader.live.config import LiveExecEngineConfig

from ultramm.checkpoint import Checkpoint
from ultramm.config.resolve import Resolved
from ultramm.custody.account import Difference, compare, effects
from ultramm.custody.desk import Desk, NoAnswer, NotLetIn, Terms
from ultramm.custody.ledger import OrderLedger
from ultramm.custody.settle import Told, ToLedger, cancel_listed, settle, take_over
from ultramm.errors import ConfigError, DataError, RunError
from ultramm.journal.records import CustodyEvent, Record, VenueStatus
from ultramm.nautilus.build import Feed
from ultramm.nautilus.custodian import Custodian
from ultramm.nautilus.memory import Memory
from ultramm.nautilus.venue import Clients, LiveVenue, VenueSource, open_venue
from ultramm.redis_server import redis_address, require_redis

_TAKE_OVER_S = 20.0
_AGAIN_S = 0.5


class _Venue:
    """One venue, opened."""

    def __init__(self, name: str, live: LiveVenue, instruments: list[str]) -> None:
        self.name = name
        self.live = live
        self.desk: Desk = live.desk()
        self.clients: Clients = live.clients()
        self.instruments = instruments
        # Once it is taken over.
        self.terms: dict[str, Terms] = {}


def ledger_path(resolved: Resolved) -> Path:
    """The file of a configuration's orders."""
    return Path(resolved.config.state.directory) / f"{resolved.config.name}.orders"


def _memory(resolved: Resolved, record: Callable[[int, Record], None]) -> Memory | None:
    state = resolved.config.state
    if not state.checkpoint_s:
        return None
    path = Path(state.directory) / f"{resolved.config.name}.checkpoint"
    return Memory(Checkpoint(path, state.checkpoint_max_age_s), state.checkpoint_s, record)


def _kernel_cache(resolved: Resolved) -> Any:
    """The kernel's cache in Redis where that is configured.

    Raises
    ------
    ConfigError
        No Redis answers there: the kernel would hang for minutes, and could not be interrupted.
    """
    if resolved.config.state.cache is None:
        return None
    address = redis_address(resolved.config.state.cache)
    try:
        require_redis(address)
    except DataError as exc:
        raise ConfigError(f"{resolved.loaded.path}: state.cache: {exc}") from exc
    if address.database:
        raise ConfigError(f"{resolved.loaded.path}: state.cache: the kernel uses database 0 only; leave /DATABASE out")
    return CacheConfig(
        database=DatabaseConfig(
            type="redis",
            host=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            ssl=address.tls,
        )
    )


class LiveVenues:
    """See `ultramm.nautilus.node.Venues`.

    Parameters
    ----------
    resolved : Resolved
        The configuration.
    record : callable
        Takes (ts_ns, record) for the journal.

    Attributes
    ----------
    ledger : OrderLedger
        All orders of the node.
    memory : Memory or None
        Of its strategies.
    terms : dict of str to Terms
        What a trade of each instrument moves, once it is open.

    Raises
    ------
    UserError
        A venue or the ledger cannot be had.
    """

    def __init__(self, resolved: Resolved, record: Callable[[int, Record], None]) -> None:
        self._record = record
        self.ledger = OrderLedger(ledger_path(resolved))
        self.memory = _memory(resolved, record)
        self._venues = [
            _Venue(name, open_venue(resolved, name), [f"{symbol}.{name}" for symbol in venue.settings.instruments])
            for name, venue in resolved.venues.items()
        ]
        self._refuse_to_forget(resolved)
        self.feeds: list[Feed] = []
        self._custodians: dict[str, Custodian] = {}
        self.unsettled: tuple[str, ...] = ()
        self.terms: dict[str, Terms] = {}
        self._cache = _kernel_cache(resolved)

    def _refuse_to_forget(self, resolved: Resolved) -> None:
        """An instrument that left the configuration is not asked about: orders there would stay, and be filled."""
        traded = {name for venue in self._venues for name in venue.instruments}
        left = sorted({order.sent.instrument for order in self.ledger.open.values()} - traded)
        if left:
            self.ledger.close()
            raise ConfigError(
                f"{resolved.loaded.path}: venues: orders of an earlier run on {', '.join(left)} may still be open; "
                f"list it until a node has taken them over"
            )

    async def open(self) -> None:
        """Take over what an earlier run left, and learn the instruments.

        Raises
        ------
        RunError
            A venue does not say what became of every order of ours.
        """
        for venue in self._venues:
            await self._take_over(venue)
            self.terms |= venue.terms
            instruments = await venue.live.instruments()
            self.feeds.append(Feed(venue.name, VenueSource(instruments), instruments))

    async def _take_over(self, venue: _Venue) -> None:
        told = ToLedger(self.ledger, time.time_ns)
        deadline = time.monotonic() + _TAKE_OVER_S
        while True:
            try:
                found = await take_over(venue.desk, self.ledger, venue.name, told, time.time_ns)
                venue.terms = found.terms
                break
            except NoAnswer as exc:
                if time.monotonic() > deadline or isinstance(exc, NotLetIn):
                    raise RunError(f"{venue.name} does not say how our orders stand: {exc}") from exc
                await asyncio.sleep(_AGAIN_S)
        detail = f"{found.cancelled} orders of an earlier run cancelled, {found.news} things happened meanwhile"
        if found.moved:
            detail += f"; the account holds {found.moved} more than expected"
        self._record(time.time_ns(), CustodyEvent(venue=venue.name, event="took over", detail=detail))

    def data_clients(self) -> dict[str, Any]:
        return {venue.name: venue.clients.data_config for venue in self._venues}

    def exec_clients(self) -> dict[str, Any]:
        return {venue.name: venue.clients.exec_config for venue in self._venues}

    def exec_engine(self) -> Any:
        """All checks off that invent an outcome for an order nobody answers about: the custodian asks instead."""
        return LiveExecEngineConfig(
            graceful_shutdown_on_exception=True,
            reconciliation=False,
            inflight_check_interval_ms=0,
            generate_missing_orders=False,
        )

    def cache(self) -> Any:
        return self._cache

    def health(self) -> tuple[VenueStatus, ...]:
        return tuple([custodian.status() for custodian in self._custodians.values()])

    def join(self, node: Any) -> None:
        for venue in self._venues:
            node.add_data_client_factory(venue.name, venue.clients.data_factory)
            node.add_exec_client_factory(venue.name, venue.clients.exec_factory)

    def heard_by_all(self, instrument_ids: Iterable[Any]) -> bool:
        """A venue's events wait for nobody."""
        return True

    def begin(self, node: Any, shells: list[Any], ended: Callable[[BaseException | None], None]) -> None:
        for venue in self._venues:
            mine = [shell for shell in shells if shell.instrument_id.venue.value == venue.name]
            custodian = Custodian(
                venue.name, venue.desk, self.ledger, mine, venue.instruments, venue.live.dead_man_s, self._record
            )
            custodian.begin(node)
            self._custodians[venue.name] = custodian

    async def leave(self, patience_s: float) -> tuple[str, ...]:
        lines: list[str] = []
        for venue in self._venues:
            # None where the node did not come up.
            custodian = self._custodians.get(venue.name)
            if custodian is not None:
                await custodian.end()
            told = custodian or ToLedger(self.ledger, time.time_ns)
            lines += await self._leave(told, venue, time.monotonic() + patience_s)
        return tuple(lines)

    async def _leave(self, told: Told, venue: _Venue, deadline: float) -> list[str]:
        """Until the venue itself says that it holds nothing of ours, and holds what our fills say."""
        problem = ""
        while time.monotonic() < deadline:
            try:
                held = await cancel_listed(venue.desk, self.ledger.is_ours)
                settled = await settle(venue.desk, self.ledger, told, venue.instruments, time.time_ns, with_fills=True)
                if not held and settled.agreed:
                    if venue.live.dead_man_s:
                        await venue.desk.keep_alive(0)
                    return self._account(venue.name, await self._differences(venue))
                problem = f"{len(held)} orders were still open, {settled.unresolved} not accounted for"
            except NoAnswer as exc:
                problem = str(exc)
            await asyncio.sleep(_AGAIN_S)
        self.unsettled += (f"{venue.name} does not say how it stands: {problem}",)
        return []

    async def _differences(self, venue: _Venue) -> list[Difference]:
        held = await venue.desk.holdings()
        return compare(self.ledger.funded[venue.name], effects(self.ledger.fills, venue.terms), held, venue.terms)

    def _account(self, venue: str, differences: list[Difference]) -> list[str]:
        lines = [
            f"{venue} {each.what}: {each.venue:f} at the venue, "
            + ("the same by our fills" if not each.gap else f"{each.ours:f} by our fills, {each.gap:+f} apart")
            for each in differences
        ]
        for line in lines:
            self._record(time.time_ns(), CustodyEvent(venue=venue, event="account", detail=line))
        return lines

    def hold(self) -> None:
        """The venue goes on."""

    async def close(self) -> None:
        """End connections and let go of the ledger."""
        for venue in self._venues:
            await venue.desk.close()
        self.ledger.close()
