"""The market outside: what is traded there, and what others do."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from ultramm.simulation.events import MarketEvent
from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket

_QUOTES = ("USDT", "USDC", "BTC", "ETH")


class Listing(NamedTuple):
    """What is traded outside.

    Parameters
    ----------
    terms : dict
        Name, base, quote and grid, as `Symbol` takes them.
    base_ticks : int
        Where events have their zero.
    """

    terms: dict[str, Any]
    base_ticks: int


class Outside(Protocol):
    """A market to serve."""

    def listing(self, product: str, name: str) -> Listing: ...

    def events(self, product: str, name: str) -> Iterator[MarketEvent]: ...


class Synthetic:
    """Generated markets that start at one price; products of a symbol move together, as if somebody kept them so.

    Parameters
    ----------
    names : list of str
        Symbols, each with a market of its own.
    """

    def __init__(self, names: list[str], preset: str, seed: int, start_price: float) -> None:
        self._seeds = {name: seed + index for index, name in enumerate(names)}
        self._preset = PRESETS[preset]
        self._start = Decimal(str(start_price))

    def listing(self, product: str, name: str) -> Listing:
        """A pair whose tick is a basis point of the price, rounded to a power of ten below it."""
        quote = next((code for code in _QUOTES if name.endswith(code) and name != code), None)
        if quote is None:
            raise ValueError(f"--symbols {name}: it must end in one of {', '.join(_QUOTES)}")
        tick, step = Decimal(10) ** (self._start / 10_000).adjusted(), Decimal("0.001")
        grid = {"tick_size": tick, "step_size": step, "min_quantity": step}
        return Listing(
            {"name": name, "base": name.removesuffix(quote), "quote": quote, **grid}, int(self._start / tick)
        )

    def events(self, product: str, name: str) -> Iterator[MarketEvent]:
        return SyntheticMarket(self._preset, self._seeds[name]).events()
