"""Market streams by name: turns what happens at a venue into messages to who subscribed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from ultramm.market import Side
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.connections import Connection, Delivery
from ultramm_binance_emulator.listeners import UserStreams
from ultramm_binance_emulator.orders import Book, Json
from ultramm_binance_emulator.symbols import Symbol
from ultramm_binance_emulator.venue import Venue

Place = tuple[Side, int]


class DepthFeed:
    """What one depth stream has not been told yet."""

    def __init__(self, stream: str, every_ms: int) -> None:
        self.stream = stream
        self.every_ms = every_ms
        self.due_ms = 0
        self.waiting: dict[Place, None] = {}
        self.sent_id = 0


class Streams:
    """The venue's listener.

    Parameters
    ----------
    venue : Venue
        Whose events.
    now_ms : callable
        The clock.
    delivery : Delivery
        How messages go.

    Attributes
    ----------
    users : UserStreams
        Members' own events.
    """

    depths: ClassVar[Mapping[str, int]] = {"depth@100ms": 100, "depth": 1_000}  # milliseconds between two

    def __init__(self, venue: Venue, now_ms: Callable[[], int], delivery: Delivery) -> None:
        self._venue = venue
        self._now_ms = now_ms
        self._delivery = delivery
        self.users = UserStreams(now_ms, delivery)
        self._by_stream: dict[str, set[Connection]] = defaultdict(set)
        self._update_ids = dict.fromkeys(venue.books, 0)
        self._feeds = {
            name: [DepthFeed(f"{name.lower()}@{suffix}", every_ms) for suffix, every_ms in self.depths.items()]
            for name in venue.books
        }
        self._best: dict[str, tuple[Any, ...]] = {}
        venue.listeners.append(self)

    # -- who listens -----------------------------------------------------------------------------------------

    def subscribe(self, connection: Connection, names: Iterable[str]) -> None:
        for name in names:
            connection.streams.add(name)
            self._by_stream[name].add(connection)

    def unsubscribe(self, connection: Connection, names: Iterable[str]) -> None:
        for name in list(names):
            connection.streams.discard(name)
            self._by_stream[name].discard(connection)

    # -- what happens ----------------------------------------------------------------------------------------

    def on_user_event(self, account: Account, event: Json) -> None:
        self.users.tell(account, event)

    def on_trade(self, symbol: Symbol, trade: Json) -> None:
        stream = symbol.name.lower()
        self._publish(f"{stream}@trade", trade)
        number = trade["t"]
        together = {key: trade[key] for key in ("E", "s", "p", "q", "T", "m")}
        self._publish(f"{stream}@aggTrade", {"e": "aggTrade", **together, "a": number, "f": number, "l": number})

    def on_levels(self, symbol: Symbol, changed: Iterable[Place]) -> None:
        places = dict.fromkeys(changed)
        self._update_ids[symbol.name] += len(places)
        book = self._venue.books[symbol.name]
        for feed in self._feeds[symbol.name]:
            feed.waiting |= places
            if not feed.every_ms:
                self._flush(book, feed)
        self._publish_best(book)

    def elapse(self, now_ms: int) -> None:
        """Time has gone on, by a clock that nobody turns: send what is due."""
        for name, feeds in self._feeds.items():
            for feed in feeds:
                if now_ms >= feed.due_ms:
                    feed.due_ms = now_ms + feed.every_ms
                    self._flush(self._venue.books[name], feed)
        self.users.elapse()

    def _publish_best(self, book: Book) -> None:
        symbol = book.symbol
        best = [book.matching.best(side) for side in Side]
        if best[0] is None or best[1] is None:
            return
        bid, ask = (
            (ticks, book.matching.lots_at(side, ticks))
            for side, ticks in zip(Side, best, strict=True)
            if ticks is not None
        )
        if (bid, ask) == self._best.get(symbol.name):
            return
        self._best[symbol.name] = (bid, ask)
        event = {
            "u": self._update_ids[symbol.name],
            "s": symbol.name,
            "b": symbol.show_price(symbol.price(bid[0])),
            "B": symbol.show_quantity(symbol.quantity(bid[1])),
            "a": symbol.show_price(symbol.price(ask[0])),
            "A": symbol.show_quantity(symbol.quantity(ask[1])),
        }
        self._publish(f"{symbol.name.lower()}@bookTicker", self._worded_best(event))

    def _flush(self, book: Book, feed: DepthFeed) -> None:
        """Send what has changed in a book since the last time."""
        if not feed.waiting:
            return
        places, last = list(feed.waiting), self._update_ids[book.symbol.name]
        feed.waiting.clear()
        before, feed.sent_id = feed.sent_id, last
        if self._by_stream.get(feed.stream):
            rows = {side: [_row(book, side, ticks) for of, ticks in places if of is side] for side in Side}
            event = {"e": "depthUpdate", "E": self._now_ms(), "s": book.symbol.name, "U": before + 1, "u": last}
            sides = {"b": rows[Side.BUY], "a": rows[Side.SELL]}
            self._publish(feed.stream, self._worded_depth(event, before) | sides)

    def snapshot(self, name: str, limit: int) -> Json:
        """The book as ``depth`` gives it."""
        book, sides = self._venue.books[name], {}
        for side, key in ((Side.BUY, "bids"), (Side.SELL, "asks")):
            levels = [level for level, _ in zip(book.matching.levels(side), range(limit), strict=False)]
            sides[key] = [_shown(book.symbol, ticks, lots) for ticks, lots in levels]
        return {"lastUpdateId": self._update_ids[name], **sides}

    # -- how it is worded ------------------------------------------------------------------------------------

    def _worded_best(self, event: Json) -> Json:
        return event

    def _worded_depth(self, event: Json, previous_id: int) -> Json:
        return event

    def _publish(self, stream: str, data: Any) -> None:
        def deliver() -> None:
            for connection in list(self._by_stream.get(stream, ())):
                connection.send_of(stream, data, market=True)

        if self._by_stream.get(stream):
            self._delivery.send(stream, deliver)


def _shown(symbol: Symbol, ticks: int, lots: int) -> list[str]:
    return [symbol.show_price(symbol.price(ticks)), symbol.show_quantity(symbol.quantity(lots))]


def _row(book: Book, side: Side, ticks: int) -> list[str]:
    return _shown(book.symbol, ticks, book.matching.lots_at(side, ticks))
