"""Which prices are looked through for those that belong together: the file of ``ultramm pairs scan``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from ultramm.bounds import Positive
from ultramm.config.load import convert, fill_in, parse
from ultramm.errors import ConfigError
from ultramm.selection.pairs import Filters


class PairsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A universe, and what a pair of it must be.

    Parameters
    ----------
    name : str
        Of what is found.
    prices : dict of str to str
        csv files of bars by name; relative to the working folder.
    every_s : float
        Bars of so many seconds are looked at.
    begins, ends : str, optional
        ISO 8601; all there is when left out.
    filters : Filters
    baskets : list of tuple of str
        Names to test together.
    keep : str
        Folder that what is found is kept in, with its window.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    prices: Annotated[dict[str, str], msgspec.Meta(min_length=2)]
    every_s: Positive = 60.0
    begins: str | None = None
    ends: str | None = None
    filters: Filters = Filters()
    baskets: list[tuple[str, ...]] = []
    keep: str = "data/pairs"

    @property
    def files(self) -> dict[str, Path]:
        return {name: Path(path) for name, path in self.prices.items()}


def read_pairs(path: Path, environment: Mapping[str, str] | None = None) -> PairsConfig:
    """The configuration of a scan.

    Raises
    ------
    ConfigError
        One line: file, key path, what is wrong.
    """
    values = os.environ if environment is None else environment
    document = parse(path)
    prices = document.get("prices")
    if isinstance(prices, dict):
        document["prices"] = {
            name: fill_in(text, f"{path}: prices.{name}", values, set()) if isinstance(text, str) else text
            for name, text in prices.items()
        }
    config = convert(document, PairsConfig, path, "")
    for index, basket in enumerate(config.baskets):
        unknown = [name for name in basket if name not in config.prices]
        if unknown or len(set(basket)) < 2:
            problem = f"{', '.join(unknown)}: not among prices" if unknown else "names fewer than two"
            raise ConfigError(f"{path}: baskets[{index}]: {problem}")
    return config
