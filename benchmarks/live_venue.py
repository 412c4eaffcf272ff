"""The venue of the live benchmarks: the emulator in a process of its own, its clocks stamped, its market ours.

Run as a script it serves until its standard input ends: ``live_venue.py JSON`` with a `Task`. It says on its output, a
line each: its address, and ``done`` when as many orders have come as were wanted. What was stamped is then written to
the task's file. Times are CLOCK_MONOTONIC, which all processes of a machine share, in nanoseconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from pathlib import Path
from subprocess import PIPE, Popen
from time import monotonic_ns
from typing import IO, Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web_protocol

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketEvent
from ultramm_binance_emulator import api
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.connections import Connection
from ultramm_binance_emulator.contracts import Contract
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.limits import OrderCount, RequestWeight
from ultramm_binance_emulator.server import Server, now_ms
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.streams import Streams
from ultramm_binance_emulator.symbols import Symbol
from ultramm_binance_emulator.venue import Venue

KEY, SECRET = "benchmark-key", "benchmark-secret"
START = 50_000
LEVELS = 5
_STEP, _TURN = 2, 8  # ticks that the market moves at once, and until it turns
FUNDS = Decimal(100_000_000)
_PATIENCE_S = 30.0
_DEPTH_ID = re.compile(r'"u":(\d+)')


class Task(msgspec.Struct, frozen=True):
    """What a venue is started for.

    Parameters
    ----------
    product : {"spot", "usdm"}
        What it serves.
    orders : int
        After how many orders, and changes of orders, it says ``done``.
    every_ms : float
        Between two moves of the market.
    stamps : str
        File for what was stamped.
    """

    product: str
    orders: int
    every_ms: float
    stamps: str


class Stamps(msgspec.Struct):
    """What a venue saw, and when.

    Attributes
    ----------
    sent : dict of int to int
        By a depth message's final update id, when it was handed to the socket.
    arrived : dict of str to int
        By a request's signature, when its bytes had come: new orders and changes of orders.
    ids : dict of str to str
        By signature, the client's id of a new order.
    moves : int
        How often the market moved.
    """

    sent: dict[int, int] = {}
    arrived: dict[str, int] = {}
    ids: dict[str, str] = {}
    moves: int = 0


def symbol(name: str, kind: type = Symbol) -> Any:
    """A pair, or a contract, whose tick is 1 and whose lot is 0.001."""
    step = Decimal("0.001")
    return kind(
        name=name,
        base=name.removesuffix("USDT"),
        quote="USDT",
        tick_size=Decimal(1),
        step_size=step,
        min_quantity=step,
    )


def venue(product: str, names: list[str]) -> Venue:
    """With one member who is rich."""
    coins = {name.removesuffix("USDT"): FUNDS for name in names}
    member = Account.funded(KEY, SECRET, {"USDT": FUNDS, **coins}, FUNDS)
    if product == "spot":
        return SpotVenue({symbol(name): START for name in names}, [member], now_ms)
    return FuturesVenue({symbol(name, Contract): START for name in names}, [member], now_ms)


def ladder(mid: int) -> dict[tuple[Side, int], int]:
    """Others' levels around a price; ticks from where the market begins."""
    return {(side, mid - side * (1 + level)): 100 + level for side in Side for level in range(LEVELS)}


def move(before: int | None, after: int) -> MarketEvent:
    """The market goes from one price to another."""
    old, new = {} if before is None else ladder(before), ladder(after)
    gone = [LevelChange(side, ticks, 0) for side, ticks in old if (side, ticks) not in new]
    come = [LevelChange(side, ticks, lots) for (side, ticks), lots in new.items() if old.get((side, ticks)) != lots]
    return MarketEvent(0.0, (*gone, *come))


def wave(number: int) -> int:
    """Where the market is after so many moves: up and down again."""
    place = number % (2 * _TURN)
    return _STEP * min(place, 2 * _TURN - place)


def without_limits() -> None:
    """Any number of orders and requests."""

    def lifted(self: RequestWeight, *_: object) -> None:
        self.limit = sys.maxsize

    RequestWeight.__init__ = _after(RequestWeight.__init__, lifted)  # type: ignore[method-assign]
    OrderCount.add = lambda *_: None  # type: ignore[assignment]


def depth_at_once() -> None:
    """The stream that spot's clients listen to waits for nothing, as that of futures does."""
    Streams.depths = {"depth@100ms": 0, "depth": 1_000}


def _after[**P](method: Callable[P, None], then: Callable[P, None]) -> Callable[P, None]:
    def both(*args: P.args, **kwargs: P.kwargs) -> None:
        method(*args, **kwargs)
        then(*args, **kwargs)

    return both


def stamped(stamps: Stamps, orders: int, done: asyncio.Event) -> None:
    """Note when depth messages leave and orders arrive."""
    came: dict[int, int] = {}
    arriving: ContextVar[int] = ContextVar("arriving", default=0)
    receive, before, check = web_protocol.RequestHandler.data_received, Server._before, api.check_signature

    def data_received(self: Any, data: bytes) -> None:
        came[id(self)] = monotonic_ns()
        receive(self, data)

    async def taken(self: Server, request: Any, name: str) -> None:
        is_order = request.method in ("POST", "PUT") and request.path.endswith("/order")
        arriving.set(came[id(request.protocol)] if is_order else 0)
        await before(self, request, name)

    def checked(account: Account, payload: str, signature: str) -> None:
        if arriving.get():
            stamps.arrived[signature] = arriving.get()
            stamps.ids[signature] = dict(parse_qsl(payload)).get("newClientOrderId", "")
            if len(stamps.arrived) >= orders:
                done.set()
        check(account, payload, signature)

    async def pump(self: Connection) -> None:
        while (message := await self._queue.get()) is not None:
            now_ns = monotonic_ns()
            text, _ = message
            await self.socket.send_str(text)
            if '"depthUpdate"' in text:
                found = _DEPTH_ID.search(text)
                assert found is not None
                stamps.sent.setdefault(int(found[1]), now_ns)
        await self.socket.close()

    web_protocol.RequestHandler.data_received = data_received  # type: ignore[method-assign]
    Server._before = taken  # type: ignore[method-assign]
    api.check_signature = checked
    Connection.pump = pump  # type: ignore[method-assign]


async def _drive(made: Venue, stamps: Stamps, every_s: float, done: asyncio.Event) -> None:
    """Move the market as long as orders are wanted, evenly; a move that is late is not made up for."""
    loop = asyncio.get_running_loop()
    made.on_market("BTCUSDT", move(None, 0))
    due_s = loop.time()
    while not done.is_set():
        due_s = max(due_s + every_s, loop.time())
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        before, stamps.moves = stamps.moves, stamps.moves + 1
        made.on_market("BTCUSDT", move(wave(before), wave(stamps.moves)))


async def _serve(task: Task) -> None:
    stamps, done, loop = Stamps(), asyncio.Event(), asyncio.get_running_loop()
    stamped(stamps, task.orders, done)
    made = venue(task.product, ["BTCUSDT"])
    server = Server({made: {}})
    tell(f"http://127.0.0.1:{await server.start(0)}")
    driver = asyncio.create_task(_drive(made, stamps, task.every_ms / 1e3, done))
    ended = loop.run_in_executor(None, sys.stdin.read)
    await asyncio.wait([asyncio.create_task(done.wait()), ended], return_when=asyncio.FIRST_COMPLETED)
    tell("done")
    await ended
    driver.cancel()
    await server.stop()
    Path(task.stamps).write_bytes(msgspec.msgpack.encode(stamps))


# -- the other side of it ----------------------------------------------------------------------------------------


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def said(pipe: IO[str], what: str) -> str:
    """The next line of a process."""
    line = pipe.readline().strip()
    if not line:
        raise SystemExit(f"{what} ended before its time")
    return line


@contextmanager
def process(script: str, *arguments: str, folder: Path, **environment: str) -> Any:
    """A script beside this one; it is ended, and if need be killed, when the block is left."""
    import os

    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    log = (folder / f"{Path(script).stem}-{arguments[0][:12]}.log").open("w")
    child = Popen(
        command, cwd=folder, stdin=PIPE, stdout=PIPE, stderr=log, text=True, env={**os.environ, **environment}
    )
    try:
        yield child
    finally:
        end(child)
        log.close()


def trade(path: str) -> None:
    """Run ``ultramm node start`` here until it is told to stop."""
    sys.argv = ["ultramm", "node", "start", path, "--live", "--no-dashboard"]
    from ultramm.cli.main import main as ultramm

    ultramm()


def logs(folder: Path) -> str:
    """The end of what each process of a folder said."""
    return "\n".join(path.read_text()[-3000:] for path in folder.glob("*.log"))


def end(child: Popen[str]) -> None:
    """Let it end by itself, which it does when nobody writes to it any more."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        child.wait(_PATIENCE_S)
    except Exception:
        child.kill()
        child.wait()


def config(folder: Path, url: str, product: str, symbols: list[str], params: dict[str, Any]) -> Path:
    """A node's configuration: a market maker for each symbol, no limit on messages."""
    suffix = "" if product == "spot" else "-PERP"
    names = [name + suffix for name in symbols]
    # A secret is never in a file, be it worth nothing.
    keys = {"api_key": f"${{BENCHMARK_KEY:-{KEY}}}", "api_secret": f"${{BENCHMARK_SECRET:-{SECRET}}}"}
    account = {"product": product, "base_url": url, **keys, "weight_per_minute": 10**9}
    strategies = [
        {"use": "market-maker", "name": f"mm-{name.lower()}", "instruments": [f"{name}.BINANCE"], "params": params}
        for name in names
    ]
    text = {
        "mode": "live",
        "name": "benchmark",
        "venues": {"BINANCE": {"adapter": "binance", "instruments": names, "params": account}},
        "strategies": strategies,
        "risk": {"messages_per_second": 1_000_000, "message_burst": 1_000_000},
        "logging": {"level": "WARNING"},
    }
    path = folder / "node.yaml"
    path.write_text(json.dumps(text))
    return path


if __name__ == "__main__":
    without_limits()
    depth_at_once()
    asyncio.run(_serve(msgspec.json.decode(sys.argv[1], type=Task)))
