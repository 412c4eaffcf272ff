"""Parameters of a replay."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class ReplayParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recording: a catalog, or raw files that are imported once and cached by their content.

    Parameters
    ----------
    catalog : str, optional
        Folder of a Nautilus Parquet catalog.
    files : list of str
        Raw capture files; with `kind`, instead of a catalog. One instrument; a YAML file among them may state it.
    kind : {"bars", "binance", "bitstamp", "databento", "lean", "quotes", "tardis"}
        What the raw files are.
    cache : str
        Folder for catalogs made of raw files.
    speed : float
        Of a node's replay: 1 = as recorded, 0 = as fast as the strategies keep up.
    start, end : str, optional
        First and last moment, ISO 8601 in UTC.
    """

    catalog: str | None = None
    files: list[str] = []
    kind: Literal["bars", "binance", "bitstamp", "databento", "lean", "quotes", "tardis"] = "binance"
    cache: str = "data/cache"
    speed: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    start: str | None = None
    end: str | None = None
