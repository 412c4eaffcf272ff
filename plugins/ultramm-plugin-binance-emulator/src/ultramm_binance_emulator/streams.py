"""Who listens to what: market streams by name, and each member's own events."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from ultramm.market import Side
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.faults import Faults
from ultramm_binance_emulator.symbols import Symbol, plain
from ultramm_binance_emulator.venue import Json, Venue

_QUEUED = 10_000
_KEY_LIFE_MS = 60 * 60_000


class Connection:
    """One socket: what is sent to it waits in a queue of its own, and one that does not read is cut.

    Parameters
    ----------
    socket : WebSocketResponse
        Prepared.
    request : Request
        That opened it.
    wrapped : bool
        Whether market messages say which stream they are of.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, *, wrapped: bool = False) -> None:
        self.socket = socket
        self.path = request.path_qs
        self._transport = request.transport
        self.wrapped = wrapped
        self.streams: set[str] = set()
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(_QUEUED)

    def send(self, message: Json) -> None:
        """Queue a message."""
        try:
            self._queue.put_nowait(json.dumps(message, separators=(",", ":")))
        except asyncio.QueueFull:
            self.close()

    def cut(self) -> None:
        """End it without a word, as a network does."""
        self.close()
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Stop sending; what waits is dropped."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def pump(self) -> None:
        """Send what is queued until the end."""
        while (message := await self._queue.get()) is not None:
            await self.socket.send_str(message)
        await self.socket.close()


class Streams:
    """The venue's listener: turns what happens into stream messages.

    Parameters
    ----------
    venue : Venue
        Whose events.
    now_ms : callable
        The clock.
    faults : Faults
        What happens to messages on their way.
    """

    def __init__(self, venue: Venue, now_ms: Callable[[], int], faults: Faults) -> None:
        self._venue = venue
        self._faults = faults
        # By stream, a message that waits for the next one to go before it.
        self._held: dict[str, Callable[[], None]] = {}
        self._now_ms = now_ms
        self._by_stream: dict[str, set[Connection]] = defaultdict(set)
        self._users: dict[str, set[Callable[[Json], None]]] = defaultdict(set)
        self._listen_keys: dict[str, tuple[Account, int]] = {}
        self._update_ids = dict.fromkeys(venue.books, 0)
        self._changed: dict[str, dict[tuple[Side, int], None]] = {name: {} for name in venue.books}
        self._sent_ids = dict.fromkeys(venue.books, 0)
        self._touch: dict[str, tuple[Any, ...]] = {}
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

    def add_user(self, account: Account, tell: Callable[[Json], None]) -> None:
        """Tell `tell` of a member's events."""
        self._users[account.key].add(tell)

    def remove_user(self, account: Account, tell: Callable[[Json], None]) -> None:
        self._users[account.key].discard(tell)

    def new_listen_key(self, account: Account) -> str:
        """A key that opens a member's stream for an hour."""
        key = secrets.token_urlsafe(48)
        self._listen_keys[key] = (account, self._now_ms() + _KEY_LIFE_MS)
        return key

    def keep_listen_key(self, key: str) -> bool:
        """Another hour; False for a key that is not known."""
        account = self.listener(key)
        if account is not None:
            self._listen_keys[key] = (account, self._now_ms() + _KEY_LIFE_MS)
        return account is not None

    def drop_listen_key(self, key: str) -> None:
        self._listen_keys.pop(key, None)

    def listener(self, key: str) -> Account | None:
        """Whose stream a key opens, if it still does."""
        account, until_ms = self._listen_keys.get(key, (None, 0))
        if self._now_ms() >= until_ms:
            self._listen_keys.pop(key, None)
            return None
        return account

    # -- what happens ----------------------------------------------------------------------------------------

    def on_user_event(self, account: Account, event: Json) -> None:
        def deliver() -> None:
            for tell in list(self._users[account.key]):
                tell(event)

        self._deliver("user", deliver)

    def expire_listen_keys(self) -> None:
        """Tell who listens by a key that it is over, and forget all keys."""
        accounts = {account.key: account for account, _ in self._listen_keys.values()}
        self._listen_keys.clear()
        for account in accounts.values():
            self.on_user_event(account, {"e": "listenKeyExpired", "E": self._now_ms()})

    def on_trade(self, symbol: Symbol, trade: Json) -> None:
        self._publish(f"{symbol.name.lower()}@trade", trade)

    def on_levels(self, symbol: Symbol, changed: Iterable[tuple[Side, int]]) -> None:
        waiting, count = self._changed[symbol.name], 0
        for key in changed:
            waiting[key] = None
            count += 1
        self._update_ids[symbol.name] += count
        self._publish_touch(symbol)

    def _publish_touch(self, symbol: Symbol) -> None:
        name = symbol.name
        matching = self._venue.books[name].matching
        best = [matching.best(side) for side in Side]
        if best[0] is None or best[1] is None:
            return
        bid, ask = (
            (ticks, matching.lots_at(side, ticks)) for side, ticks in zip(Side, best, strict=True) if ticks is not None
        )
        if (bid, ask) == self._touch.get(name):
            return
        self._touch[name] = (bid, ask)
        self._publish(
            f"{name.lower()}@bookTicker",
            {
                "u": self._update_ids[name],
                "s": name,
                "b": plain(symbol.price(bid[0])),
                "B": plain(symbol.quantity(bid[1])),
                "a": plain(symbol.price(ask[0])),
                "A": plain(symbol.quantity(ask[1])),
            },
        )

    def flush_depth(self) -> None:
        """Send what has changed in each book since the last time; to be called every tenth of a second."""
        for name, waiting in self._changed.items():
            if not waiting:
                continue
            book = self._venue.books[name]
            rows: dict[Side, list[list[str]]] = {Side.BUY: [], Side.SELL: []}
            for side, ticks in waiting:
                lots = book.matching.lots_at(side, ticks)
                rows[side].append([plain(book.symbol.price(ticks)), plain(book.symbol.quantity(lots))])
            waiting.clear()
            first, last = self._sent_ids[name] + 1, self._update_ids[name]
            self._sent_ids[name] = last
            event = {
                "e": "depthUpdate",
                "E": self._now_ms(),
                "s": name,
                "U": first,
                "u": last,
                "b": rows[Side.BUY],
                "a": rows[Side.SELL],
            }
            for suffix in ("depth@100ms", "depth"):
                self._publish(f"{name.lower()}@{suffix}", event)

    def snapshot(self, name: str, limit: int) -> Json:
        """The book as ``depth`` gives it."""
        book = self._venue.books[name]
        sides = []
        for side in Side:
            levels = [level for level, _ in zip(book.matching.levels(side), range(limit), strict=False)]
            sides.append([[plain(book.symbol.price(t)), plain(book.symbol.quantity(lots))] for t, lots in levels])
        return {"lastUpdateId": self._update_ids[name], "bids": sides[0], "asks": sides[1]}

    def _publish(self, stream: str, data: Json) -> None:
        def deliver() -> None:
            for connection in list(self._by_stream.get(stream, ())):
                connection.send({"stream": stream, "data": data} if connection.wrapped else data)

        if self._by_stream.get(stream):
            self._deliver(stream, deliver)

    def _deliver(self, stream: str, deliver: Callable[[], None]) -> None:
        """Send a message, unless something happens to it."""
        faults = self._faults
        if faults.hit("drop", stream) is not None:
            return
        late = faults.hit("late", stream)
        if late is not None:
            asyncio.get_running_loop().call_later(max(0.0, late.seconds), deliver)
            return
        if stream not in self._held and faults.hit("reorder", stream) is not None:
            self._held[stream] = deliver
            return
        deliver()
        if faults.hit("duplicate", stream) is not None:
            deliver()
        held = self._held.pop(stream, None)
        if held is not None:
            held()
