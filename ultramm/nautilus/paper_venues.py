"""The venues of a paper node: simulated accounts at whatever markets there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nautilus_trader.config import LiveExecClientConfig
from nautilus_trader.live.config import LiveExecEngineConfig

from ultramm.config.resolve import Resolved
from ultramm.custody.ledger import OrderLedger
from ultramm.errors import ConfigError
from ultramm.journal.records import VenueStatus
from ultramm.nautilus.account import exchange_arguments, paper_settings
from ultramm.nautilus.build import Feed
from ultramm.nautilus.markets import markets
from ultramm.nautilus.memory import Memory
from ultramm.nautilus.paper import paper_factory


class PaperVenues:
    """See `ultramm.nautilus.node.Venues`.

    Parameters
    ----------
    resolved : Resolved
        The configuration.
    """

    ledger: OrderLedger | None = None
    memory: Memory | None = None
    unsettled: tuple[str, ...] = ()

    def __init__(self, resolved: Resolved) -> None:
        self._resolved = resolved
        self._markets = markets(resolved)
        for feed in self.feeds:
            _refuse_latency(resolved, feed)

    @property
    def feeds(self) -> list[Feed]:
        return self._markets.feeds

    async def open(self) -> None:
        """Learn the instruments, where they are the venue's to tell."""
        await self._markets.open()

    def data_clients(self) -> dict[str, Any]:
        return self._markets.data_clients()

    def exec_clients(self) -> dict[str, Any]:
        return {feed.venue: LiveExecClientConfig() for feed in self.feeds}

    def exec_engine(self) -> Any:
        """A simulated venue answers always: checks that invent outcomes for orders without an answer must be off."""
        return LiveExecEngineConfig(
            graceful_shutdown_on_exception=True,
            reconciliation=True,
            reconciliation_startup_delay_secs=0.0,
            inflight_check_interval_ms=0,
            generate_missing_orders=False,
        )

    def cache(self) -> Any:
        return None

    def health(self) -> tuple[VenueStatus, ...]:
        of = "the venue's own market" if self._resolved.watches else "a market that is played"
        return tuple([VenueStatus(venue=feed.venue, state="simulated", detail=of) for feed in self.feeds])

    def join(self, node: Any) -> None:
        self._markets.join(node)
        for feed in self.feeds:
            rules = exchange_arguments(self._resolved, feed.venue, feed.instruments)
            node.add_exec_client_factory(
                feed.venue, paper_factory(feed.venue, rules, feed.instruments, node.kernel.exec_engine)
            )

    def heard_by_all(self, instrument_ids: Iterable[Any]) -> bool:
        return self._markets.heard_by_all(instrument_ids)

    def begin(self, node: Any, shells: list[Any], ended: Callable[[BaseException | None], None]) -> None:
        self._markets.begin(node.kernel.clock.timestamp_ns(), ended)

    async def leave(self, patience_s: float) -> tuple[str, ...]:
        return ()

    def hold(self) -> None:
        self._markets.hold()

    async def close(self) -> None:
        """There is nothing to let go of."""


def _refuse_latency(resolved: Resolved, feed: Feed) -> None:
    """Latency passes on the clock, a replay at another speed does not: refused together."""
    latency_ms = paper_settings(resolved.venues[feed.venue]).latency_ms
    if latency_ms > 0 and feed.source.pace().speed != 1.0:
        raise ConfigError(
            f"{resolved.loaded.path}: venues.{feed.venue}.paper.latency_ms: a replay at another speed than 1 "
            f"needs latency_ms: 0, it says {latency_ms:g}"
        )
