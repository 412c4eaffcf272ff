"""Which rows a model may learn from when it is tested on others: none whose outcome, or whose past, those share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


class Purging(msgspec.Struct, frozen=True, kw_only=True):
    """How far rows reach beyond their own moment.

    Parameters
    ----------
    horizon_ns : int
        Until when a row's outcome is known, from its moment.
    embargo_ns : int
        After a test, how long nothing is learnt from, beyond the outcomes that the test shares.
    lookback_ns : int
        How far features of a row look back.
    """

    horizon_ns: int
    embargo_ns: int = 0
    lookback_ns: int = 0


class Split(msgspec.Struct, frozen=True):
    """Rows to learn from, and rows to test on."""

    train: Rows
    test: Rows


def kept(times_ns: Rows, test: Rows, purging: Purging) -> Rows:
    """Rows that may be learnt from when the contiguous rows `test` are tested on.

    Parameters
    ----------
    times_ns : array of shape (n,)
        Of the rows, ascending.
    test : array of shape (m,)
        Positions, without a gap.

    Notes
    -----
    Left out are rows whose outcome overlaps one of the test's (purged), rows in the embargo behind it, and rows whose
    features look back into it. M. Lopez de Prado, *Advances in Financial Machine Learning* (2018), sec. 7.4.

    Examples
    --------
    >>> times = np.arange(100)
    >>> rows = kept(times, np.arange(40, 60), Purging(horizon_ns=5, embargo_ns=2))
    >>> sorted(set(range(100)) - set(rows.tolist()) - set(range(40, 60)))
    [35, 36, 37, 38, 39, 60, 61, 62, 63, 64, 65, 66]
    """
    first, last = int(times_ns[test[0]]), int(times_ns[test[-1]])
    before = times_ns + purging.horizon_ns < first
    after = times_ns > last + max(purging.horizon_ns + purging.embargo_ns, purging.lookback_ns)
    return np.flatnonzero(before | after)


def walk_forward(times_ns: Rows, folds: int, purging: Purging) -> Iterator[Split]:
    """Equal blocks of rows in turn, each tested on after learning from what came before it.

    Parameters
    ----------
    times_ns : array of shape (n,)
        Of the rows, ascending.
    folds : int
        Tests; the first of ``folds + 1`` blocks is only learnt from.

    Raises
    ------
    ValueError
        There are fewer rows than blocks.
    """
    blocks = _blocks(len(times_ns), folds + 1)
    for test in blocks[1:]:
        rows = kept(times_ns, test, purging)
        yield Split(rows[rows < test[0]], test)


def combinatorial(times_ns: Rows, groups: int, tested: int, purging: Purging) -> Iterator[Split]:
    """Every choice of `tested` out of `groups` equal blocks, each tested on after learning from all others.

    Notes
    -----
    Lopez de Prado (2018), sec. 12.3.
    """
    blocks = _blocks(len(times_ns), groups)
    for chosen in combinations(range(groups), tested):
        rows = np.arange(len(times_ns))
        for place in chosen:
            rows = np.intersect1d(rows, kept(times_ns, blocks[place], purging), assume_unique=True)
        yield Split(rows, np.concatenate([blocks[place] for place in chosen]))


def _blocks(count: int, blocks: int) -> list[Rows]:
    if count < blocks:
        raise ValueError(f"{count} rows are too few for {blocks} blocks")
    return [np.asarray(block) for block in np.array_split(np.arange(count), blocks)]


def uniqueness(times_ns: Rows, horizon_ns: int) -> npt.NDArray[np.float64]:
    """Weight of each row: one over how many outcomes are open while its own is, in the mean.

    Parameters
    ----------
    times_ns : array of shape (n,)
        Ascending.

    Notes
    -----
    Lopez de Prado (2018), sec. 4.4, with the count at the row's beginning and end for the mean over its life.
    """
    open_at_begin = np.arange(len(times_ns)) - np.searchsorted(times_ns, times_ns - horizon_ns, side="right") + 1
    open_at_end = np.searchsorted(times_ns, times_ns + horizon_ns, side="left") - np.arange(len(times_ns))
    return np.asarray(2.0 / (open_at_begin + open_at_end))
