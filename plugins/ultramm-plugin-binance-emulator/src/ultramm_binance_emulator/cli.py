"""``ultramm-binance-emulator serve``."""

from __future__ import annotations

import asyncio
import enum
import os
import signal
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from ultramm.errors import UltrammError
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.campaign.cli import campaign
from ultramm_binance_emulator.contracts import Contract
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.outside import Outside, Synthetic
from ultramm_binance_emulator.server import Server, now_ms
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.symbols import Symbol
from ultramm_binance_emulator.venue import Venue

app = typer.Typer(
    help="A venue on this machine that speaks Binance's protocol.", no_args_is_help=True, rich_markup_mode=None
)

_PRODUCTS = ("spot", "usdm")


class Preset(enum.StrEnum):
    """The built-in market's presets."""

    TIGHT = "tight"
    WIDE = "wide"
    BENIGN = "benign"
    WIDE2 = "wide2"


@app.callback()
def main() -> None:
    """A venue on this machine that speaks Binance's protocol."""


app.command("campaign")(campaign)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Where to listen on 127.0.0.1; 0 takes a free port.")] = 9001,
    products: Annotated[str, typer.Option(help="spot, usdm or both, with a comma; streams are of the first.")] = "spot",
    symbols: Annotated[str, typer.Option(help="Pairs to trade, with commas.")] = "BTCUSDT",
    market: Annotated[
        str, typer.Option(help="What the others do: synthetic, or the folder of a Nautilus catalog to play once.")
    ] = "synthetic",
    preset: Annotated[Preset, typer.Option(help="Of a synthetic market.")] = Preset.WIDE,
    seed: Annotated[int, typer.Option(help="Of a synthetic market, and of faults.")] = 1,
    pace: Annotated[float, typer.Option(min=0.01, max=1000.0, help="Seconds of the market in a second.")] = 1.0,
    start_price: Annotated[float, typer.Option(min=1e-6, help="Where a synthetic market begins.")] = 50_000.0,
    control_port: Annotated[
        int | None, typer.Option(help="Where to take commands of faults on 127.0.0.1; 0 takes a free port.")
    ] = None,
    socket_hours: Annotated[float, typer.Option(min=1e-4, help="When a socket is closed.")] = 24.0,
    funds: Annotated[str, typer.Option(help="What the member has on spot.")] = "100000 USDT, 2 BTC",
    margin: Annotated[float, typer.Option(min=0.0, help="What the member has for futures, USDT.")] = 100_000.0,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Serve a market until it is interrupted; says its address once it listens.

    The member's key and secret are those of EMULATOR_KEY and EMULATOR_SECRET, by default emulator-key and
    emulator-secret: nothing of worth is behind them.
    """
    try:
        account = Account.funded(_named("EMULATOR_KEY"), _named("EMULATOR_SECRET"), _funds(funds), Decimal(str(margin)))
        names = [name.strip() for name in symbols.split(",")]
        outside = _outside(market, names, preset, seed, start_price)
        feeds = {
            _venue(product, names, outside, account): {name: outside.events(product, name) for name in names}
            for product in _chosen(products)
        }
    except (ValueError, UltrammError) as exc:
        typer.echo(f"ultramm-binance-emulator: {exc}", err=True)
        raise typer.Exit(2) from None
    server = Server(feeds, pace, seed, 3600 * socket_hours)
    raise typer.Exit(asyncio.run(_serve(server, port, control_port, with_parent=with_parent)))


def _outside(market: str, names: list[str], preset: Preset, seed: int, start_price: float) -> Outside:
    if market == "synthetic":
        return Synthetic(names, preset.value, seed, start_price)
    from ultramm_binance_emulator.recorded import Recorded

    return Recorded(Path(market))


async def _serve(server: Server, port: int, control_port: int | None, *, with_parent: bool) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    if with_parent:
        # Its end of our input closes when it ends, whatever it dies of.
        loop.add_reader(sys.stdin.fileno(), ended.set)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        bound = await server.start(port)
        control = None if control_port is None else await server.start_control(control_port)
    except OSError as exc:
        typer.echo(f"ultramm-binance-emulator: --port {port}: {exc.strerror or exc}; take another, or 0", err=True)
        await server.stop()
        return 2
    typer.echo(f"http://127.0.0.1:{bound}" + ("" if control is None else f" control http://127.0.0.1:{control}"))
    sys.stdout.flush()
    await ended.wait()
    await server.stop()
    return 0


def _chosen(products: str) -> list[str]:
    chosen = [name.strip() for name in products.split(",")]
    for name in chosen:
        if name not in _PRODUCTS or chosen.count(name) > 1:
            raise ValueError(f"--products {products}: each of {', '.join(_PRODUCTS)} once at most")
    return chosen


def _venue(product: str, names: list[str], outside: Outside, account: Account) -> Venue:
    """A product's venue, with the grid of the market outside."""
    listings = [outside.listing(product, name) for name in names]
    if product == "spot":
        return SpotVenue({Symbol(**listing.terms): listing.base_ticks for listing in listings}, [account], now_ms)
    contracts = {Contract(**listing.terms): listing.base_ticks for listing in listings}
    for contract in contracts:
        if contract.quote != "USDT":
            raise ValueError(f"--symbols {contract.name}: futures are margined in USDT")
    return FuturesVenue(contracts, [account], now_ms)


def _named(variable: str) -> str:
    return os.environ.get(variable) or variable.lower().replace("_", "-")


def _funds(text: str) -> dict[str, Decimal]:
    found = {}
    for part in text.split(","):
        amount, _, asset = part.strip().partition(" ")
        try:
            found[asset.strip()] = Decimal(amount)
        except ArithmeticError:
            raise ValueError(f"--funds {part.strip()}: an amount and an asset are expected, such as 2 BTC") from None
        if not asset.strip() or found[asset.strip()] < 0:
            raise ValueError(f"--funds {part.strip()}: an amount and an asset are expected, such as 2 BTC")
    return found
