"""A whole node at a server on this machine that speaks what of Bybit's protocol it needs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from bybit_sockets import bybit_sockets
from bybit_venue import BybitVenue
from stub_server import StubServer

pytestmark = pytest.mark.integration

CONFIG = """
mode: live
name: bybit-here
venues:
  BYBIT:
    adapter: bybit
    instruments: [BTCUSDT-SPOT]
    params:
      api_key: "${{A_KEY}}"
      api_secret: "${{A_SECRET}}"
      base_url_http: "{http}"
      base_url_ws_public: "{socket}/public"
      base_url_ws_private: "{socket}/private"
      base_url_ws_trade: "{socket}/trade"
watchdog: {{enabled: false}}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT-SPOT.BYBIT]
    params: {{levels: 2, half_spread_bps: 5, order_size: 0.001, max_position: 0.01}}
"""


Meanwhile = Callable[[BybitVenue, asyncio.subprocess.Process], Awaitable[None]]


async def nothing(_venue: BybitVenue, _node: asyncio.subprocess.Process) -> None:
    """Let it run."""


async def ultramm(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ultramm.cli.main", *arguments),
        cwd=folder,
        env={**os.environ, "A_KEY": "k" * 16, "A_SECRET": "s" * 16, "COLUMNS": "160"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(90):
        out, _ = await process.communicate()
    return process.returncode, out.decode()


async def quoting(venue: BybitVenue) -> None:
    async with asyncio.timeout(60):
        while len(venue.open) < 4:
            await asyncio.sleep(0.05)


def run_node(
    folder: Path, server: StubServer, meanwhile: Meanwhile = nothing, *after: str
) -> tuple[BybitVenue, int | None, str]:
    """A node for eight seconds, and then a command of `after`; the venue, exit code and output of the last."""

    async def run() -> tuple[BybitVenue, int | None, str]:
        async with bybit_sockets(BybitVenue(server)) as venue:
            (folder / "here.yaml").write_text(CONFIG.format(http=server.address, socket=venue.address))
            market = asyncio.create_task(venue.quote())
            node = await ultramm(folder, "node", "start", "here.yaml", "--live", "--no-dashboard", "--duration", "8s")
            result = asyncio.create_task(ended(node))
            await quoting(venue)
            await meanwhile(venue, node)
            code, out = await result
            if after:
                code, out = await ended(await ultramm(folder, *after))
            market.cancel()
            return venue, code, out

    return asyncio.run(run())


def test_it_quotes_and_leaves_nothing_behind(server: StubServer, tmp_path: Path) -> None:
    venue, code, out = run_node(tmp_path, server)
    assert code == 0, out
    assert venue.most_open == 4, out
    assert venue.open == [], out
    assert "BYBIT USDT: 1000.50000000 at the venue, the same by our fills" in out


def test_its_market_is_watched_on_paper_without_a_key(server: StubServer, tmp_path: Path) -> None:
    lines = [line for line in CONFIG.splitlines() if "api_" not in line]
    paper = "{starting_balances: [1000 USDT, 1 BTC], maker_fee_bps: 1, taker_fee_bps: 5}"
    params = lines.index("    params:")
    text = "\n".join([*lines[:params], f"    paper: {{{paper}}}", *lines[params:]]).replace("mode: live", "mode: paper")

    async def run() -> tuple[BybitVenue, int | None, str]:
        async with bybit_sockets(BybitVenue(server)) as venue:
            (tmp_path / "here.yaml").write_text(text.format(http=server.address, socket=venue.address))
            market = asyncio.create_task(venue.quote())
            code, out = await ended(
                await ultramm(tmp_path, "node", "start", "here.yaml", "--no-dashboard", "--duration", "6s")
            )
            market.cancel()
            return venue, code, out

    venue, code, out = asyncio.run(run())
    assert code == 0, out
    assert "quoting on both sides" in out, out
    assert venue.most_open == 0


@pytest.mark.parametrize("tell", [True, False], ids=["told by the stream", "found by asking"])
def test_its_fills_are_the_accounts(server: StubServer, tmp_path: Path, tell: bool) -> None:
    async def trade(venue: BybitVenue, _node: asyncio.subprocess.Process) -> None:
        for side in ("Buy", "Sell"):
            await venue.trade(next(order for order in venue.open if order["side"] == side), tell=tell)

    venue, code, out = run_node(tmp_path, server, trade)
    assert code == 0, out
    assert "fills: 2" in out, out
    assert f"BYBIT BTC: {venue.wallet['BTC']:.8f} at the venue, the same by our fills" in out
    assert f"BYBIT USDT: {venue.wallet['USDT']:.8f} at the venue, the same by our fills" in out
    assert venue.open == []


def test_what_a_killed_one_left_is_cancelled_without_a_node(server: StubServer, tmp_path: Path) -> None:
    async def kill(_venue: BybitVenue, node: asyncio.subprocess.Process) -> None:
        node.kill()

    venue, code, out = run_node(tmp_path, server, kill, "venue", "sweep", "here.yaml")
    assert code == 0, out
    assert "BYBIT: 4 orders cancelled, none of ours is left" in out
    assert venue.open == []
