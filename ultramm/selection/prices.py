"""Prices of several instruments at the same moments, from files of bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from ultramm.errors import DataError

Array = npt.NDArray[np.float64]
_OPENS, _ENDS = ("open_time",), ("close_time", "timestamp", "timestamp_utc", "time")


class Prices(msgspec.Struct, frozen=True):
    """Closes of a universe.

    Parameters
    ----------
    times : array of shape (n,)
        When each bar ended, nanoseconds since the epoch, ascending, evenly spaced but for gaps.
    closes : dict of str to array of shape (n,)
        By name.
    step_s : float
        Length of a bar, seconds.
    """

    times: npt.NDArray[np.int64]
    closes: dict[str, Array]
    step_s: float


def read_prices(
    files: Mapping[str, Path], every_s: float, begins: str | None = None, ends: str | None = None
) -> Prices:
    """Closes at the moments at which all have one.

    Parameters
    ----------
    files : mapping of str to Path
        csv of bars, plain or compressed, by name: a time and ``close``.
    every_s : float
        The last close of each so many seconds.
    begins, ends : str, optional
        ISO 8601, UTC where it does not say; the end is not in it.

    Raises
    ------
    DataError
        A file is no such csv, or they have no moment in common.
    """
    table = pd.DataFrame({name: _closes(path, every_s) for name, path in files.items()}).dropna()
    if begins is not None:
        table = table[table.index >= _moment(begins)]
    if ends is not None:
        table = table[table.index < _moment(ends)]
    if table.empty:
        raise DataError(f"{', '.join(files)}: no moment at which all have a price")
    times = pd.DatetimeIndex(table.index).as_unit("ns").asi8
    return Prices(times, {name: table[name].to_numpy(float) for name in files}, every_s)


def _moment(text: str) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(text)
    except ValueError as exc:
        raise DataError(f"{text}: is no date; write such as 2023-03-01") from exc
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _closes(path: Path, every_s: float) -> pd.Series:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError, EOFError) as exc:
        raise DataError(f"{path}: cannot be read as csv: {' '.join(str(exc).split())}") from exc
    found = [name for name in (*_OPENS, *_ENDS) if name in table]
    if not found or "close" not in table:
        raise DataError(f"{path}: needs a column close and one of {', '.join((*_OPENS, *_ENDS))}")
    times = table[found[0]]
    try:
        moments = _epoch(times) if pd.api.types.is_numeric_dtype(times) else pd.to_datetime(times, utc=True)
    except (ValueError, OverflowError) as exc:
        raise DataError(f"{path}: {found[0]}: {' '.join(str(exc).split())}") from exc
    closes = pd.Series(table["close"].to_numpy(float), index=pd.DatetimeIndex(moments)).sort_index()
    closes = closes[closes > 0.0]
    if found[0] in _OPENS and len(closes) > 1:
        closes.index += pd.Series(closes.index).diff().min()
    return closes.resample(pd.Timedelta(seconds=every_s), closed="right", label="right").last()


def _epoch(times: pd.Series) -> pd.Series:
    """Seconds, milliseconds, microseconds or nanoseconds, by how many there are."""
    first = float(times.iloc[0])
    to_ns = next(scale for scale, most in ((10**9, 1e11), (10**6, 1e14), (10**3, 1e17), (1, 1e20)) if first < most)
    return pd.to_datetime(times * to_ns, utc=True)
