"""From a market message on the socket to an order request on the socket, and where the time goes.

::

    .venv/bin/python benchmarks/latency.py                      spot, 10,000 orders of each client
    .venv/bin/python benchmarks/latency.py --product usdm       orders are changed instead of cancelled and sent anew
    .venv/bin/python benchmarks/latency.py --json out.json      the numbers for a program

A venue (`live_venue`) moves its market at an even pace, and each move asks for new quotes on both sides. It notes when
a depth message is handed to its socket and when an order's bytes have come. The node is the one of ``ultramm node
start --live``, with its real adapter, ledger and journal, and stamps around the methods on the way. The same venue then
serves ccxt, if it is installed, and bare sockets, which answer each message with a request that is ready: nobody can be
faster, and what they take is the machine's and the venue's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import importlib.util
import re
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

import live_venue as venue

SIZE, HALF_SPREAD_BPS = 0.01, 2.0
TARGET = 0.15
_PARAMS = {
    "levels": 1,
    "half_spread_bps": HALF_SPREAD_BPS,
    "order_size": SIZE,
    "max_position": 1.0,
    "refresh_ms": 0.0,
    "cover_fees": False,
}
_PATIENCE_S = 60.0
_SILENCE_S = 5.0
_STALLS = ".stalls"  # beside what a client writes in the end: a dot each time that it had to be made anew
# Methods of ours that only make, find or change the kernel's orders.
_KERNELS = ("_limit", "_changeable", "_modify")


class Way(msgspec.Struct, array_like=True):
    """One order's way through the node, nanoseconds; 0 where it did not come.

    Parameters
    ----------
    update_id : int
        Final update id of the depth message that it answers; 0 for an order that answers none.
    place : int
        How many orders the same message had brought about before it.
    heard, delivered, seen, sent, executed, requested : int
        When the adapter's handler was called, when it gave deltas to the kernel, when our callback began, when we gave
        an order to the kernel, when the execution client's coroutine began, when the HTTP client was called.
    ours_seen, ours_executed, ours_requested : int
        Time since `delivered` that was spent in code of ours until then, for whichever order it was.
    signature : str
        Of the request.
    """

    update_id: int
    place: int
    heard: int
    delivered: int
    seen: int
    sent: int
    ours_seen: int = 0
    executed: int = 0
    ours_executed: int = 0
    requested: int = 0
    ours_requested: int = 0
    signature: str = ""


class Message(msgspec.Struct):
    """A depth message in the node: when it came, and what had been spent in our code when it was delivered."""

    heard: int
    delivered: int
    ours_before: int
    update_id: int = 0
    seen: int = 0
    ours_seen: int = 0
    orders: int = 0


# -- in the node ---------------------------------------------------------------------------------------------------


class Watch:
    """Puts stamps around what a message and an order pass on their way through a node."""

    def __init__(self) -> None:
        self.ways: list[Way] = []
        self._heard = 0
        self._books: dict[tuple[str, int], Message] = {}
        self._answering: Message | None = None
        # Nanoseconds in our callbacks so far, without what they call the kernel for; and that.
        self._ours = self._kernel = 0
        self._in_kernel = False
        self._sent: dict[str, tuple[Way, Message]] = {}
        self._current: contextvars.ContextVar[tuple[Way, Message] | None] = contextvars.ContextVar("way", default=None)

    def attach(self, product: str) -> None:
        """To the classes, before anything is made of them."""
        from ultramm.nautilus.node import NodeRunner
        from ultramm.nautilus.shell import MakerShell
        from ultramm_adapters.binance import data, execution

        spot = product == "spot"
        self._attach_data(data.SpotData if spot else data.FuturesData)
        self._attach_shell(MakerShell)
        self._attach_execution(execution.SpotExecution if spot else execution.FuturesExecution)
        self._attach_http()
        NodeRunner._report = self._ours_alone(NodeRunner._report)  # type: ignore[method-assign]

    def _attach_data(self, kind: Any) -> None:
        from nautilus_trader.model.data import OrderBookDeltas

        handle, deliver = kind._handle_ws_message, kind._handle_data

        def handle_message(client: Any, raw: bytes) -> None:
            self._heard = monotonic_ns()
            handle(client, raw)

        def handle_data(client: Any, item: Any) -> None:
            if isinstance(item, OrderBookDeltas):
                message = Message(self._heard, monotonic_ns(), self._ours)
                self._books[item.instrument_id.value, item.sequence] = message
            deliver(client, item)

        kind._handle_ws_message, kind._handle_data = handle_message, handle_data

    def _attach_shell(self, shell: Any) -> None:
        on_deltas = self._ours_alone(shell.on_order_book_deltas)

        def on_order_book_deltas(strategy: Any, deltas: Any) -> None:
            message = self._books.pop((deltas.instrument_id.value, deltas.sequence), None)
            if message is not None:
                message.update_id, message.seen, message.ours_seen = deltas.sequence, monotonic_ns(), self._ours
            self._answering = message
            on_deltas(strategy, deltas)
            self._answering = None

        shell.on_order_book_deltas = on_order_book_deltas
        for name in vars(shell).copy():
            ours = name in ("on_trade_tick", "_heartbeat", "_recalibrate") or name.startswith("on_order_")
            if ours and name != "on_order_book_deltas":
                setattr(shell, name, self._ours_alone(getattr(shell, name)))
        for name in ("submit_order", "modify_order"):
            setattr(shell, name, self._order(getattr(shell, name)))
        for name in ("cancel_order", "cancel_orders", *_KERNELS):
            setattr(shell, name, self._kernel_alone(getattr(shell, name)))

    def _ours_alone(self, method: Any) -> Any:
        """Count what a method of ours takes, without what the kernel does in it."""

        def timed(*arguments: Any, **named: Any) -> Any:
            began, kernel = monotonic_ns(), self._kernel
            try:
                return method(*arguments, **named)
            finally:
                self._ours += monotonic_ns() - began - (self._kernel - kernel)

        return timed

    def _order(self, command: Any) -> Any:
        timed = self._kernel_alone(command)

        def send(strategy: Any, order: Any, **arguments: Any) -> None:
            message = self._answering or Message(0, 0, 0)
            way = Way(message.update_id, message.orders, message.heard, message.delivered, message.seen, monotonic_ns())
            way.ours_seen = message.ours_seen - message.ours_before
            message.orders += 1
            self.ways.append(way)
            self._sent[order.client_order_id.value] = way, message
            timed(strategy, order, **arguments)

        return send

    def _kernel_alone(self, method: Any) -> Any:
        """Count what the kernel takes when we call it, once where such calls are in one another."""

        def timed(*arguments: Any, **named: Any) -> Any:
            if self._in_kernel:
                return method(*arguments, **named)
            self._in_kernel, began = True, monotonic_ns()
            try:
                return method(*arguments, **named)
            finally:
                self._kernel += monotonic_ns() - began
                self._in_kernel = False

        return timed

    def _attach_execution(self, kind: Any) -> None:
        for name in ("_submit_order", "_modify_order"):
            setattr(kind, name, self._executes(getattr(kind, name)))

    def _executes(self, execute: Any) -> Any:
        async def started(client: Any, command: Any) -> None:
            now_ns = monotonic_ns()
            of = command.order if hasattr(command, "order") else command
            found = self._sent.pop(of.client_order_id.value, None)
            if found is not None:
                way, message = found
                way.executed, way.ours_executed = now_ns, self._ours - message.ours_before
            self._current.set(found)
            await execute(client, command)

        return started

    def _attach_http(self) -> None:
        from ultramm_adapters.binance.http import VenueHttpClient

        made, watch = VenueHttpClient.__init__, self

        class Stamped:
            def __init__(self, client: Any) -> None:
                self._client = client

            def request(self, method: Any, **arguments: Any) -> Any:
                now_ns = monotonic_ns()
                way, message = watch._current.get() or (None, None)
                if way is not None and message is not None and not way.requested:
                    way.requested, way.ours_requested = now_ns, watch._ours - message.ours_before
                    way.signature = arguments["url"].rpartition("signature=")[2]
                return self._client.request(method, **arguments)

        def init(client: Any, *arguments: Any, **named: Any) -> None:
            made(client, *arguments, **named)
            client._client = Stamped(client._client)

        VenueHttpClient.__init__ = init  # type: ignore[method-assign]


def node(path: str, product: str, out: str) -> None:
    """Run ``ultramm node start`` until it is told to stop, and write down the ways of its orders."""
    watch = Watch()
    watch.attach(product)
    try:
        venue.trade(path)
    finally:
        Path(out).write_bytes(msgspec.msgpack.encode(watch.ways))


# -- others ---------------------------------------------------------------------------------------------------------


async def ccxt_maker(url: str, product: str, out: str) -> None:
    """What its examples do, made anew whenever it falls asleep: it stops reading its socket after some minutes."""
    while True:
        try:
            await ccxt_makes(url, product)
        except TimeoutError:
            with Path(out).with_suffix(_STALLS).open("a") as stalls:
                stalls.write(".")


async def ccxt_makes(url: str, product: str) -> None:
    """Watch the book, and when it moved, cancel what stands and send both quotes anew.

    Raises
    ------
    TimeoutError
        It hears nothing of a market that moves all the time.
    """
    import ccxt.pro as ccxt

    kind = ccxt.binance if product == "spot" else ccxt.binanceusdm
    options = {"fetchCurrencies": False, "fetchMargins": False}
    options["fetchMarkets"] = {"types": ["spot" if product == "spot" else "linear"]}  # type: ignore[assignment]
    # It would give up a socket whose pongs wait behind its own work.
    patient = {"keepAlive": 3_600_000}
    keys = {"apiKey": venue.KEY, "secret": venue.SECRET}
    client = kind({**keys, "options": options, "enableRateLimit": False, "streaming": patient})
    for name, address in client.urls["api"].items():
        if isinstance(address, str):
            client.urls["api"][name] = url + "/" + address.split("/", 3)[3] if address.count("/") > 2 else url
    sockets = url.replace("http", "ws", 1)
    # Every one of them: nothing may leave this machine.
    client.urls["api"]["ws"] = dict.fromkeys(client.urls["api"]["ws"], f"{sockets}/ws")
    client.options["watchOrderBookRate"] = "100" if product == "spot" else "0"
    pair = "BTC/USDT" if product == "spot" else "BTC/USDT:USDT"
    standing: list[str] = []
    before = 0.0

    async def cancel(order_id: str) -> None:
        await client.cancel_order(order_id, pair)

    async def create(side: str, price: float, order_id: str) -> None:
        more = {"postOnly": True, "newClientOrderId": order_id}
        standing.append((await client.create_order(pair, "limit", side, SIZE, price, more))["id"])

    try:
        await client.load_markets()
        while True:
            book = await asyncio.wait_for(client.watch_order_book(pair), _SILENCE_S)
            mid = (book["bids"][0][0] + book["asks"][0][0]) / 2
            # The first is that of a request, not of a message.
            first, moved, before = not before, mid != before, mid
            if first or not moved:
                continue
            half, nonce = mid * HALF_SPREAD_BPS * 1e-4, book["nonce"]
            cancels, standing = [cancel(order_id) for order_id in standing], []
            quotes = [("buy", mid - half), ("sell", mid + half)]
            creates = [create(side, round(at), f"{nonce}-{place}") for place, (side, at) in enumerate(quotes)]
            await asyncio.gather(*cancels, *creates)
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(client.close(), _SILENCE_S)


def bare(url: str, product: str, out: str) -> None:
    """Blocking sockets: read a depth message, send a request that is ready but for a number; until the venue hangs up.

    The venue refuses the request, after it has noted when it came.
    """
    host, port = url.removeprefix("http://").split(":")
    stream, path = {
        "spot": ("/ws/btcusdt@depth@100ms", "/api/v3"),
        "usdm": ("/public/ws/btcusdt@depth@0ms", "/fapi/v1"),
    }[product]
    market, orders = (socket.create_connection((host, int(port)), _PATIENCE_S) for _ in range(2))
    for each in (market, orders):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    market.sendall(f"GET {stream} HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n{key}\r\n\r\n".encode())
    market.recv(65_536)
    ways, number = [], 0
    pattern = re.compile(rb'"u":(\d+)')
    try:
        while message := market.recv(65_536):
            heard = monotonic_ns()
            if b"\x89\x00" in message:  # a ping; who does not answer is cut
                market.sendall(b"\x8a\x80\0\0\0\0")
            found = pattern.findall(message)
            if not found:
                continue
            number += 1
            head = f"POST {path}/order?signature=bare{number} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0"
            request = f"{head}\r\nX-MBX-APIKEY: {venue.KEY}\r\n\r\n".encode()
            sent = monotonic_ns()
            orders.sendall(request)
            way = Way(int(found[-1]), 0, heard, heard, heard, sent, executed=sent, requested=sent)
            way.signature = f"bare{number}"
            ways.append(way)
            orders.recv(65_536)
    except OSError:
        pass
    Path(out).write_bytes(msgspec.msgpack.encode(ways))


# -- what came of it --------------------------------------------------------------------------------------------------


class Spread(msgspec.Struct, frozen=True):
    """Microseconds: the middle, and what few exceed."""

    mean: float
    p50: float
    p99: float
    p999: float


class Client(msgspec.Struct, frozen=True):
    """How long one client took.

    Parameters
    ----------
    orders, matched : int
        That the venue was sent after those which warm up, and those of them that answer a message.
    total, first : Spread
        From message to request; of each message's first order alone.
    decision : Spread
        From our callback to its first command.
    parts : dict of str to Spread
        What the time went into, in the order of the way; they add up to the total, order by order.
    shares : dict of str to float
        Of the mean.
    """

    orders: int
    matched: int
    total: Spread
    first: Spread
    decision: Spread | None = None
    parts: dict[str, Spread] = {}
    shares: dict[str, float] = {}


def spread(nanoseconds: list[int]) -> Spread:
    ordered = sorted(nanoseconds)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1e3

    return Spread(sum(ordered) / len(ordered) / 1e3, at(0.5), at(0.99), at(0.999))


PARTS = {
    "socket in": "venue's socket to the adapter's handler",
    "adapter in": "reading, making objects",
    "kernel in": "its queue, its book, until our callback",
    "ours": "all our code on the way: decision, review, ledger",
    "kernel out": "making orders; command to execution client: checks, queues",
    "adapter out": "until the HTTP client is called: signing",
    "socket out": "HTTP client to the venue's socket",
}
GROUPS = {
    "ours": ("ours",),
    "kernel": ("kernel in", "kernel out"),
    "adapter": ("adapter in", "adapter out"),
    "sockets": ("socket in", "socket out"),
}


def parts_of(way: Way, left: int, came: int) -> dict[str, int]:
    """Where an order's time went."""
    return {
        "socket in": way.heard - left,
        "adapter in": way.delivered - way.heard,
        "kernel in": way.seen - way.delivered - way.ours_seen,
        "ours": way.ours_requested,
        "kernel out": way.executed - way.seen - (way.ours_executed - way.ours_seen),
        "adapter out": way.requested - way.executed - (way.ours_requested - way.ours_executed),
        "socket out": came - way.requested,
    }


def judged(stamps: venue.Stamps, ways: list[Way], warm: int) -> Client:
    """A client that told of its orders' ways."""
    by_signature = {way.signature: way for way in ways if way.signature}
    arrived = list(stamps.arrived.items())[warm:]
    found, totals, firsts, decisions = [], [], [], []
    for signature, came in arrived:
        way = by_signature.get(signature)
        if way is None or not way.heard or way.update_id not in stamps.sent:
            continue
        left = stamps.sent[way.update_id]
        found.append(parts_of(way, left, came))
        totals.append(came - left)
        if not way.place:
            firsts.append(came - left)
            decisions.append(way.sent - way.seen)
    assert all(sum(parts.values()) == total for parts, total in zip(found, totals, strict=True))
    parts = {name: spread([each[name] for each in found]) for name in PARTS}
    whole = spread(totals)
    shares = {group: sum(parts[name].mean for name in names) / whole.mean for group, names in GROUPS.items()}
    return Client(len(arrived), len(found), whole, spread(firsts), spread(decisions), parts, shares)


def judged_by_id(stamps: venue.Stamps, warm: int) -> Client:
    """A client whose orders are named for the message that they answer."""
    totals, firsts = [], []
    arrived = list(stamps.arrived.items())[warm:]
    for signature, came in arrived:
        update_id, _, place = stamps.ids[signature].partition("-")
        left = stamps.sent.get(int(update_id)) if update_id.isdecimal() else None
        if left is not None:
            totals.append(came - left)
            firsts += [came - left] if place == "0" else []
    return Client(len(arrived), len(totals), spread(totals), spread(firsts))


class Measured(msgspec.Struct, frozen=True):
    """All clients of one run."""

    product: str
    every_ms: float
    clients: dict[str, Client]
    left_out: dict[str, str]
    unanswered: int
    stalls: dict[str, int]


def measure(product: str, orders: int, every_ms: float, warm: int, rivals: tuple[str, ...]) -> Measured:
    """One client after the other on a venue of its own."""
    clients: dict[str, Client] = {}
    left_out: dict[str, str] = {}
    stalls: dict[str, int] = {}
    unanswered = 0
    for name in ("ultramm", *rivals):
        if name == "ccxt" and importlib.util.find_spec("ccxt") is None:
            left_out[name] = "not installed: pip install ccxt"
            continue
        with tempfile.TemporaryDirectory() as folder:
            # Bare sockets send one order a message, and they are always the same.
            wanted = orders if name != "bare" else max(100, orders // 5)
            print(f"{name}: {warm + wanted:,} orders", file=sys.stderr)
            stamps, ways = _run(name, product, warm + wanted, every_ms, Path(folder))
            fell_asleep = (Path(folder) / "ways").with_suffix(_STALLS)
            stalls[name] = len(fell_asleep.read_text()) if fell_asleep.exists() else 0
        clients[name] = judged_by_id(stamps, warm) if name == "ccxt" else judged(stamps, ways, warm)
        if name == "ultramm":
            requested = {way.signature for way in ways if way.requested}
            unanswered = len([way for way in ways if not way.update_id]) + len(set(stamps.arrived) - requested)
    return Measured(product, every_ms, clients, left_out, unanswered, stalls)


def _run(name: str, product: str, orders: int, every_ms: float, folder: Path) -> tuple[venue.Stamps, list[Way]]:
    stamps, out = folder / "stamps", folder / "ways"
    task = venue.Task(product, orders, every_ms, str(stamps))
    with venue.process("live_venue.py", msgspec.json.encode(task).decode(), folder=folder) as serving:
        url = venue.said(serving.stdout, "the venue")
        if name == "ultramm":
            path = venue.config(folder, url, product, ["BTCUSDT"], _PARAMS)
            arguments = ["node", str(path), product, str(out)]
        else:
            arguments = [name, url, product, str(out)]
        with venue.process("latency.py", *arguments, folder=folder) as client:
            _wait(serving, client, folder)
            if name == "bare":
                venue.end(serving)
            else:
                # ccxt may never come to the end of closing its sockets, and has told all it has to tell: its orders.
                client.send_signal(signal.SIGTERM if name == "ultramm" else signal.SIGKILL)
            client.wait(_PATIENCE_S)
    ways = msgspec.msgpack.decode(out.read_bytes(), type=list[Way]) if out.exists() else []
    return msgspec.msgpack.decode(stamps.read_bytes(), type=venue.Stamps), ways


def _wait(serving: Any, client: Any, folder: Path) -> None:
    """Until the venue has its orders, or the client is no more."""
    import threading

    done = threading.Thread(target=serving.stdout.readline, daemon=True)
    done.start()
    while done.is_alive():
        done.join(0.1)
        if client.poll() is not None:
            raise SystemExit(f"a client ended before its time\n{venue.logs(folder)}")


def show(found: Measured) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(
        title=f"{found.product}: market message to order request, microseconds; a move each {found.every_ms:g} ms",
        title_justify="left",
    )
    for column in ("client", "orders", "mean", "p50", "p99", "p99.9", "first order, p50"):
        table.add_column(column, justify="left" if column == "client" else "right")
    for name, client in found.clients.items():
        table.add_row(name, f"{client.matched:,}", *_cells(client.total), f"{client.first.p50:,.0f}")
    console.print(table)
    ours = found.clients["ultramm"]
    table = Table(title="where the node's time goes, microseconds", title_justify="left")
    for column in ("part", "", "mean", "p50", "p99", "p99.9", "of the total"):
        table.add_column(column, justify="left" if column in ("part", "") else "right")
    for name, what in PARTS.items():
        table.add_row(name, what, *_cells(ours.parts[name]), f"{ours.parts[name].mean / ours.total.mean:.1%}")
    console.print(table)
    assert ours.decision is not None
    mean, p50, p99, p999 = _cells(ours.decision)
    print(f"our callback to its first command: mean {mean}, p50 {p50}, p99 {p99}, p99.9 {p999} microseconds")
    for name, share in ours.shares.items():
        print(f"{name}: {share:.1%}" + (f" (target: at most {TARGET:.0%})" if name == "ours" else ""))
    for name, client in found.clients.items():
        if name != "ultramm":
            print(f"ultramm / {name}, first order of a message, p50: {ours.first.p50 / client.first.p50:.2f}")
    for name, times in found.stalls.items():
        if times:
            print(f"{name} heard nothing of a moving market for {_SILENCE_S:g} s, and was made anew: {times} times")
    for name, why in found.left_out.items():
        print(f"{name}: {why}")
    print(f"orders that answer no message: {found.unanswered}; not matched: {ours.orders - ours.matched}")


def _cells(of: Spread) -> list[str]:
    return [f"{value:,.0f}" for value in (of.mean, of.p50, of.p99, of.p999)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Market message to order request, and where the time goes.")
    parser.add_argument("--product", choices=("spot", "usdm"), default="spot")
    parser.add_argument("--orders", type=int, default=10_000, help="of each client")
    parser.add_argument("--warm-up", type=int, default=500, help="orders before them that are not counted")
    parser.add_argument("--every-ms", type=float, default=20.0, help="between two moves of the market")
    parser.add_argument("--no-rivals", action="store_true", help="the node alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    arguments = parser.parse_args()
    rivals = () if arguments.no_rivals else ("ccxt", "bare")
    found = measure(arguments.product, arguments.orders, arguments.every_ms, arguments.warm_up, rivals)
    show(found)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["node"]:
        node(*sys.argv[2:5])
    elif sys.argv[1:2] == ["ccxt"]:
        asyncio.run(ccxt_maker(*sys.argv[2:5]))
    elif sys.argv[1:2] == ["bare"]:
        bare(*sys.argv[2:5])
    else:
        main()
