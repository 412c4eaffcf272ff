"""``ultramm-binance-emulator serve``."""

from __future__ import annotations

import asyncio
import enum
import os
import signal
import sys
from decimal import Decimal
from typing import Annotated

import typer

from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.campaign.cli import campaign
from ultramm_binance_emulator.server import Server, now_ms
from ultramm_binance_emulator.symbols import Symbol
from ultramm_binance_emulator.venue import Venue

app = typer.Typer(
    help="A venue on this machine that speaks Binance's spot protocol.", no_args_is_help=True, rich_markup_mode=None
)

_QUOTES = ("USDT", "USDC", "BTC", "ETH")


class Preset(enum.StrEnum):
    """The built-in market's presets."""

    TIGHT = "tight"
    WIDE = "wide"
    BENIGN = "benign"
    WIDE2 = "wide2"


@app.callback()
def main() -> None:
    """A venue on this machine that speaks Binance's spot protocol."""


app.command("campaign")(campaign)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Where to listen on 127.0.0.1; 0 takes a free port.")] = 9001,
    symbols: Annotated[str, typer.Option(help="Pairs to trade, with commas.")] = "BTCUSDT",
    preset: Annotated[Preset, typer.Option(help="What the others do.")] = Preset.WIDE,
    seed: Annotated[int, typer.Option(help="Of the market.")] = 1,
    pace: Annotated[float, typer.Option(min=0.01, max=1000.0, help="Seconds of the market in a second.")] = 1.0,
    start_price: Annotated[float, typer.Option(min=1e-6, help="Where the market begins.")] = 50_000.0,
    control_port: Annotated[
        int | None, typer.Option(help="Where to take commands of faults on 127.0.0.1; 0 takes a free port.")
    ] = None,
    funds: Annotated[str, typer.Option(help="What the member has.")] = "100000 USDT, 2 BTC",
) -> None:
    """Serve a synthetic market until it is interrupted; says its address once it listens.

    The member's key and secret are those of EMULATOR_KEY and EMULATOR_SECRET, by default emulator-key and
    emulator-secret: nothing of worth is behind them.
    """
    try:
        pairs = {_symbol(name.strip(), start_price): name.strip() for name in symbols.split(",")}
        account = Account.funded(_named("EMULATOR_KEY"), _named("EMULATOR_SECRET"), _funds(funds))
    except ValueError as exc:
        typer.echo(f"ultramm-binance-emulator: {exc}", err=True)
        raise typer.Exit(2) from None
    venue = Venue({s: s.ticks(Decimal(str(start_price))) for s in pairs}, [account], now_ms)
    feed = {
        name: SyntheticMarket(PRESETS[preset.value], seed + index).events() for index, name in enumerate(pairs.values())
    }
    raise typer.Exit(asyncio.run(_serve(Server(venue, feed, pace, seed), port, control_port)))


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


def _symbol(name: str, start_price: float) -> Symbol:
    """A pair whose tick is a basis point of the price, rounded to a power of ten below it."""
    quote = next((code for code in _QUOTES if name.endswith(code) and name != code), None)
    if quote is None:
        raise ValueError(f"--symbols {name}: it must end in one of {', '.join(_QUOTES)}")
    tick = Decimal(10) ** (Decimal(str(start_price)) / 10_000).adjusted()
    step = Decimal("0.001")
    return Symbol(
        name=name,
        base=name.removesuffix(quote),
        quote=quote,
        tick_size=tick,
        step_size=step,
        min_quantity=step,
    )


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
