"""Where a node's market comes from: recorded or generated and played, or as the venues themselves send it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from nautilus_trader.live.config import LiveDataClientConfig

from ultramm.config.resolve import Resolved
from ultramm.nautilus.account import with_fees
from ultramm.nautilus.build import Feed, feeds
from ultramm.nautilus.feed import Player, common_speed
from ultramm.nautilus.venue import VenueSource, open_venue

Ended = Callable[[BaseException | None], None]


class Markets(Protocol):
    """The markets of a node.

    Attributes
    ----------
    feeds : list of Feed
        The venues and their instruments, once they are open.
    """

    feeds: list[Feed]

    async def open(self) -> None:
        """Learn the instruments."""

    def data_clients(self) -> dict[str, Any]:
        """The kernel's configuration of each venue's data client."""

    def join(self, node: Any) -> None:
        """Register instruments and factories, before the node is built."""

    def heard_by_all(self, instrument_ids: Iterable[Any]) -> bool:
        """Whether subscriptions to these have arrived."""

    def begin(self, now_ns: int, ended: Ended) -> None:
        """Let them come; `ended` is called when there is no more, with the exception if there was one."""

    def hold(self) -> None:
        """Let nothing come any more."""


def markets(resolved: Resolved) -> Markets:
    """Those of a configuration.

    Raises
    ------
    UserError
        One cannot be had; the message names file and key.
    """
    return WatchedMarkets(resolved) if resolved.watches else PlayedMarkets(resolved)


class PlayedMarkets:
    """Recorded and generated ones; see `Markets`."""

    def __init__(self, resolved: Resolved) -> None:
        self.feeds = feeds(resolved)
        self._player = Player(self.feeds, common_speed(resolved, self.feeds))

    async def open(self) -> None:
        """They are."""

    def data_clients(self) -> dict[str, Any]:
        return {feed.venue: LiveDataClientConfig() for feed in self.feeds}

    def join(self, node: Any) -> None:
        for feed in self.feeds:
            for instrument in feed.instruments:
                node.kernel.cache.add_instrument(instrument)
            node.add_data_client_factory(feed.venue, self._player.factory(feed))

    def heard_by_all(self, instrument_ids: Iterable[Any]) -> bool:
        return self._player.heard_by_all(instrument_ids)

    def begin(self, now_ns: int, ended: Ended) -> None:
        self._player.play(now_ns, ended)

    def hold(self) -> None:
        self._player.hold()


class WatchedMarkets:
    """The venues' own, for which no key is needed; see `Markets`."""

    def __init__(self, resolved: Resolved) -> None:
        self._resolved = resolved
        self._venues = {name: open_venue(resolved, name, trades=False) for name in resolved.venues}
        self._clients = {name: venue.clients() for name, venue in self._venues.items()}
        self.feeds: list[Feed] = []

    async def open(self) -> None:
        """Ask the venues.

        Raises
        ------
        RunError
            One does not tell its instruments.
        """
        for name, venue in self._venues.items():
            told, paper = await venue.instruments(), self._resolved.venues[name].settings.paper
            instruments = told if paper is None else [with_fees(each, paper) for each in told]
            self.feeds.append(Feed(name, VenueSource(told), instruments))

    def data_clients(self) -> dict[str, Any]:
        return {name: clients.data_config for name, clients in self._clients.items()}

    def join(self, node: Any) -> None:
        cache, ours = node.kernel.cache, {each.id: each for feed in self.feeds for each in feed.instruments}
        for instrument in ours.values():
            cache.add_instrument(instrument)
        for name, clients in self._clients.items():
            node.add_data_client_factory(name, clients.data_factory)
            # The client brings instruments of its own, with other fees.
            node.kernel.msgbus.subscribe(
                f"data.instrument.{name}.*", lambda told: cache.add_instrument(ours.get(told.id, told))
            )

    def heard_by_all(self, instrument_ids: Iterable[Any]) -> bool:
        """A venue's events wait for nobody."""
        return True

    def begin(self, now_ns: int, ended: Ended) -> None:
        """They come by themselves."""

    def hold(self) -> None:
        """They go on."""
