"""Decimal text -> the fixed-point integers of Nautilus, exactly, where it lies on the instrument's grid."""

from __future__ import annotations

from typing import Any

from nautilus_trader.model.objects import FIXED_PRECISION, PRICE_MAX, QUANTITY_MAX

OFF_GRID = -1
_REMEMBERED = 100_000  # texts; prices repeat, so most look-ups hit


class Grid(dict[str, int]):
    """Maps decimal text to the raw integer of a Nautilus price or size; `OFF_GRID` for what is between steps.

    A dictionary that fills itself: ``grid["61737.63000000"]`` is parsed once. Raises `ValueError` for text
    that is no decimal number without sign, or too large for Nautilus.
    """

    def __init__(self, increment: Any, limit: float) -> None:
        super().__init__()
        self.precision: int = increment.precision
        self._scale: int = 10 ** (FIXED_PRECISION - self.precision)
        self._step: int = increment.raw // self._scale
        self._limit = int(limit) * 10**FIXED_PRECISION

    def __missing__(self, text: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = raw = self._parse(text)
        return raw

    def _parse(self, text: str) -> int:
        whole, _, fraction = text.partition(".")
        if not (whole.isdecimal() and (whole + fraction).isdecimal() and text.isascii()):
            raise ValueError(f"{text[:40]!r} is no decimal number")
        units = int(whole[:40] + fraction[: self.precision].ljust(self.precision, "0"))
        if units * self._scale > self._limit:
            raise ValueError(f"{text[:40]!r} is too large")
        if fraction[self.precision :].strip("0") or units % self._step:
            return OFF_GRID
        return units * self._scale


def price_grid(instrument: Any) -> Grid:
    """The grid of an instrument's prices."""
    return Grid(instrument.price_increment, PRICE_MAX)


def size_grid(instrument: Any) -> Grid:
    """The grid of an instrument's sizes."""
    return Grid(instrument.size_increment, QUANTITY_MAX)
