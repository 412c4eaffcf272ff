"""``ultramm-binance-emulator serve``."""

from __future__ import annotations

import asyncio
import enum
import os
import signal
import sys
from decimal import Decimal
from typing import Annotated, Any

import typer

from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.contracts import Contract
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.server import Feed, Server, now_ms
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.symbols import Symbol
from ultramm_binance_emulator.venue import Venue

app = typer.Typer(
    help="A venue on this machine that speaks Binance's protocol.", no_args_is_help=True, rich_markup_mode=None
)

_PRODUCTS = ("spot", "usdm")
_QUOTES = ("USDT", "USDC", "BTC", "ETH")


class Preset(enum.StrEnum):
    """The built-in market's presets."""

    TIGHT = "tight"
    WIDE = "wide"
    BENIGN = "benign"
    WIDE2 = "wide2"


@app.callback()
def main() -> None:
    """A venue on this machine that speaks Binance's protocol."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Where to listen on 127.0.0.1; 0 takes a free port.")] = 9001,
    products: Annotated[str, typer.Option(help="spot, usdm or both, with a comma; streams are of the first.")] = "spot",
    symbols: Annotated[str, typer.Option(help="Pairs to trade, with commas.")] = "BTCUSDT",
    preset: Annotated[Preset, typer.Option(help="What the others do.")] = Preset.WIDE,
    seed: Annotated[int, typer.Option(help="Of the market.")] = 1,
    pace: Annotated[float, typer.Option(min=0.01, max=1000.0, help="Seconds of the market in a second.")] = 1.0,
    start_price: Annotated[float, typer.Option(min=1e-6, help="Where the market begins.")] = 50_000.0,
    control_port: Annotated[
        int | None, typer.Option(help="Where to take commands of faults on 127.0.0.1; 0 takes a free port.")
    ] = None,
    socket_hours: Annotated[float, typer.Option(min=1e-4, help="When a socket is closed.")] = 24.0,
    funds: Annotated[str, typer.Option(help="What the member has on spot.")] = "100000 USDT, 2 BTC",
    margin: Annotated[float, typer.Option(min=0.0, help="What the member has for futures, USDT.")] = 100_000.0,
) -> None:
    """Serve a synthetic market until it is interrupted; says its address once it listens.

    The member's key and secret are those of EMULATOR_KEY and EMULATOR_SECRET, by default emulator-key and
    emulator-secret: nothing of worth is behind them.
    """
    try:
        account = Account.funded(_named("EMULATOR_KEY"), _named("EMULATOR_SECRET"), _funds(funds), Decimal(str(margin)))
        names = [name.strip() for name in symbols.split(",")]
        venues = [_venue(product, names, start_price, account) for product in _chosen(products)]
    except ValueError as exc:
        typer.echo(f"ultramm-binance-emulator: {exc}", err=True)
        raise typer.Exit(2) from None
    server = Server({venue: _feed(names, preset, seed) for venue in venues}, pace, seed, 3600 * socket_hours)
    raise typer.Exit(asyncio.run(_serve(server, port, control_port)))


def _feed(names: list[str], preset: Preset, seed: int) -> Feed:
    """Of the same seed, products of a symbol have the same price, as if somebody kept them together."""
    return {name: SyntheticMarket(PRESETS[preset.value], seed + index).events() for index, name in enumerate(names)}


async def _serve(server: Server, port: int, control_port: int | None) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
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


def _venue(product: str, names: list[str], start_price: float, account: Account) -> Venue:
    """A product's venue, its market around the price where it begins."""
    start = Decimal(str(start_price))
    if product == "spot":
        symbols = [Symbol(**_terms(name, start)) for name in names]
        return SpotVenue({symbol: symbol.ticks(start) for symbol in symbols}, [account], now_ms)
    contracts = [Contract(**_terms(name, start)) for name in names]
    for contract in contracts:
        if contract.quote != "USDT":
            raise ValueError(f"--symbols {contract.name}: futures are margined in USDT")
    return FuturesVenue({contract: contract.ticks(start) for contract in contracts}, [account], now_ms)


def _terms(name: str, start: Decimal) -> dict[str, Any]:
    """Of a pair whose tick is a basis point of the price, rounded to a power of ten below it."""
    quote = next((code for code in _QUOTES if name.endswith(code) and name != code), None)
    if quote is None:
        raise ValueError(f"--symbols {name}: it must end in one of {', '.join(_QUOTES)}")
    step = Decimal("0.001")
    return {
        "name": name,
        "base": name.removesuffix(quote),
        "quote": quote,
        "tick_size": Decimal(10) ** (start / 10_000).adjusted(),
        "step_size": step,
        "min_quantity": step,
    }


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
