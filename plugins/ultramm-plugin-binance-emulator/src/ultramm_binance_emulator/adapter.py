"""An emulator of a node's own, and the adapter of the real venue that trades there."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from typing import Any, Literal

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.errors import UserError
from ultramm.plugin import Capability
from ultramm_adapters.binance.desk import BinanceDesk
from ultramm_adapters.binance.params import BinanceParams
from ultramm_adapters.binance.venue import BinanceVenue


class EmulatorParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The emulator's market and member; what it holds is gone with the node.

    Parameters
    ----------
    product : {"spot", "usdm"}
        Spot pairs, or futures margined in USDT, which end in ``-PERP``.
    preset : {"tight", "wide", "benign", "wide2"}
        What the others do.
    seed : int
        Of the market.
    pace : float
        Seconds of the market in a second.
    start_price : float
        Where the market begins.
    funds : str
        What the member has on spot.
    margin : float
        What the member has for futures, USDT.
    """

    product: Literal["spot", "usdm"] = "spot"
    preset: Literal["tight", "wide", "benign", "wide2"] = "wide"
    seed: int = 1
    pace: Positive = 1.0
    start_price: Positive = 50_000.0
    funds: str = "100000 USDT, 2 BTC"
    margin: NonNegative = 100_000.0

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those of the product."""
        return BinanceParams(product=self.product).capabilities


class EmulatedVenue(BinanceVenue):
    """Starts an emulator, and trades there as at the venue itself; see `ultramm.nautilus.venue.LiveVenue`.

    Parameters
    ----------
    venue : str
        Of the instruments' ids.
    symbols : list of str
        Instruments without the venue.
    params : EmulatorParams
        The emulator.

    Raises
    ------
    UserError
        The emulator did not start; it says why.
    """

    def __init__(self, venue: str, symbols: list[str], params: EmulatorParams, *, trades: bool = True) -> None:
        key, secret = secrets.token_hex(16), secrets.token_hex(16)
        names = ",".join(symbol.removesuffix("-PERP") for symbol in symbols)
        options = {
            "port": 0,
            "products": params.product,
            "symbols": names,
            "preset": params.preset,
            "seed": params.seed,
            "pace": params.pace,
            "start-price": params.start_price,
            "funds": params.funds,
            "margin": params.margin,
        }
        command = [sys.executable, "-m", "ultramm_binance_emulator", "serve", "--with-parent"]
        command += [f"--{name}={value}" for name, value in options.items()]
        # Ends when our end of its input closes, whatever becomes of us.
        self._process = subprocess.Popen(  # noqa: S603  (our own program and arguments)
            command,
            env={**os.environ, "EMULATOR_KEY": key, "EMULATOR_SECRET": secret},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        super().__init__(
            venue,
            symbols,
            BinanceParams(product=params.product, api_key=key, api_secret=secret, base_url=self._address()),
            trades=trades,
        )

    def _address(self) -> str:
        """Where it listens."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line.startswith("http"):
            return line.split()[0]
        _, complaint = self._process.communicate()
        raise UserError(f"params: {' '.join(complaint.split()) or 'the emulator did not start'}")

    def desk(self) -> BinanceDesk:
        """Asks it; when that is closed, the emulator ends."""
        return _LastDesk(self._process, *self._desk_arguments())


class _LastDesk(BinanceDesk):
    """The desk of an emulator that nobody else uses."""

    def __init__(self, process: subprocess.Popen[str], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._process = process

    async def close(self) -> None:
        self._process.terminate()
        self._process.communicate()
