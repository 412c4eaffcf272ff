"""What was observed of a market, and what came of it: features by row, and mids and trades to make outcomes of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ultramm.errors import DataError

Array = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a dataset is of.

    Parameters
    ----------
    instrument : str
    leader : str, optional
        The market that was followed as well.
    features : tuple of str
        Names of the columns of `Dataset.rows`.
    features_version : int
        Of their definition.
    code : str
        Version of ultramm.
    data : dict of str to str
        SHA-256 of each file that the market was read from.
    seed : int
    """

    instrument: str
    leader: str | None
    features: tuple[str, ...]
    features_version: int
    code: str
    data: dict[str, str]
    seed: int


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in order of time, and the market that they were seen in.

    Parameters
    ----------
    about : About
    row_ns : array of shape (n,)
        When each row was taken.
    rows : array of shape (n, k)
        As a model gets them.
    touch_ns, mids : array of shape (m,)
        Each change of the touch.
    trade_ns, prices, sides : array of shape (l,)
        Trades; sides are the aggressors', 1 or -1.
    gap_ns : array
        When it was found that the market had not been seen for a time.
    own_ns, own_sides : array of shape (f,)
        Fills of orders of ours that waited in it; sides are ours, 1 or -1.
    """

    about: About
    row_ns: Times
    rows: Array
    touch_ns: Times
    mids: Array
    trade_ns: Times
    prices: Array
    sides: Array
    gap_ns: Times
    own_ns: Times = msgspec.field(default_factory=lambda: np.array([], dtype=np.int64))
    own_sides: Array = msgspec.field(default_factory=lambda: np.array([]))

    def with_own(self, times_ns: Sequence[int], sides: Sequence[int], data: Mapping[str, str]) -> Dataset:
        """The same with fills of ours, those of them that were while the market was seen.

        Parameters
        ----------
        times_ns, sides : sequence of int
            In order of time.
        data : dict of str to str
            SHA-256 of what tells of them.
        """
        own_ns, own_sides = np.array(times_ns, dtype=np.int64), np.array(sides, dtype=float)
        seen = (own_ns >= self.row_ns[0]) & (own_ns <= self.last_ns)
        about = msgspec.structs.replace(self.about, data={**self.about.data, **data})
        return msgspec.structs.replace(self, about=about, own_ns=own_ns[seen], own_sides=own_sides[seen])

    def mid_at(self, times_ns: Times) -> Array:
        """The mid that stood at each time; NaN before the first, after the last change that was seen, and in a gap."""
        places = np.searchsorted(self.touch_ns, times_ns, side="right") - 1
        found = self.mids[np.maximum(places, 0)].copy()
        gaps = np.searchsorted(self.gap_ns, times_ns, side="right")
        since = np.append(-1, self.gap_ns)[gaps]  # of the last gap before each time
        lost = since > self.touch_ns[np.maximum(places, 0)]
        found[(places < 0) | (times_ns > self.last_ns) | lost] = np.nan
        return found

    @property
    def last_ns(self) -> int:
        """Until when the market was seen."""
        return int(max(self.touch_ns[-1], self.trade_ns[-1] if len(self.trade_ns) else 0))

    def moves(self, horizon_s: float, latency_s: float = 0.0) -> Array:
        """What each row is to foretell, basis points: the mid's move over the horizon, once an order could be there.

        NaN where it is not known: a horizon that ends after what was seen has no outcome.
        """
        begin = self.row_ns + round(latency_s * 1e9)
        return np.asarray(1e4 * np.log(self.mid_at(begin + round(horizon_s * 1e9)) / self.mid_at(begin)))

    def columns(self, names: tuple[str, ...]) -> Array:
        """Those of the rows, shape (n, len(names))."""
        return self.rows[:, [self.about.features.index(name) for name in names]]

    def save(self, path: Path) -> None:
        """Write it; nothing in it can be executed.

        Raises
        ------
        DataError
            It cannot be written.
        """
        about = np.frombuffer(msgspec.json.encode(self.about), dtype=np.uint8)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                np.savez_compressed(file, about=about, **{name: getattr(self, name) for name in _ARRAYS})
        except OSError as exc:
            raise DataError(f"{path}: cannot be written: {exc.strerror or exc}") from exc


_ARRAYS = ("row_ns", "rows", "touch_ns", "mids", "trade_ns", "prices", "sides", "gap_ns", "own_ns", "own_sides")


def load_dataset(path: Path) -> Dataset:
    """As it was saved.

    Raises
    ------
    DataError
        There is no such file, or it is no dataset.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            about = msgspec.json.decode(held["about"].tobytes(), type=About)
            arrays: dict[str, Any] = {name: held[name] for name in _ARRAYS}
    except OSError as exc:
        raise DataError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except Exception as exc:
        raise DataError(f"{path}: is no dataset: {exc}; make it anew with ultramm model train") from exc
    return Dataset(about=about, **arrays)
