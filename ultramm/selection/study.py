"""A universe looked through: its pairs and baskets, and the window that they are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from ultramm.errors import DataError
from ultramm.selection.cointegration import johansen
from ultramm.selection.pairs import Filters, Pair, scan
from ultramm.selection.prices import Prices

_LEAST_BARS = 200


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """Several prices at once.

    Parameters
    ----------
    names : tuple of str
    trace, trace_95 : tuple of float
        Johansen's statistic of "no more than i relations", and its 95 % quantile.
    rank : int
        Relations found.
    weights : tuple of float
        Of log prices in the strongest of them, the first is one.
    """

    names: tuple[str, ...]
    trace: tuple[float, ...]
    trace_95: tuple[float, ...]
    rank: int
    weights: tuple[float, ...]


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a window.

    Parameters
    ----------
    name : str
    first_ns, last_ns : int
        Of the bars.
    bars : int
    step_s : float
    filters : Filters
        What a pair had to be.
    pairs : tuple of Pair
        Chosen first, then by what they failed at last.
    baskets : tuple of Basket
    """

    name: str
    first_ns: int
    last_ns: int
    bars: int
    step_s: float
    filters: Filters
    pairs: tuple[Pair, ...]
    baskets: tuple[Basket, ...]

    @property
    def chosen(self) -> tuple[Pair, ...]:
        return tuple([pair for pair in self.pairs if not pair.reason])


def study(
    name: str,
    prices: Prices,
    filters: Filters,
    baskets: Sequence[tuple[str, ...]] = (),
    on_pair: Callable[[], None] = lambda: None,
) -> Study:
    """Look at every pair, and at the baskets that are asked for.

    Raises
    ------
    DataError
        There are too few bars.
    """
    bars = len(prices.times)
    if bars < _LEAST_BARS:
        raise DataError(f"{bars} bars at which all have a price; at least {_LEAST_BARS} are needed")
    found: list[Pair] = []
    for pair in scan(prices.closes, filters):
        found.append(pair)
        on_pair()
    found.sort(key=lambda pair: (bool(pair.reason), pair.test is None, pair.p_adjusted if pair.test else 0.0))
    return Study(
        name=name,
        first_ns=int(prices.times[0]),
        last_ns=int(prices.times[-1]),
        bars=bars,
        step_s=prices.step_s,
        filters=filters,
        pairs=tuple(found),
        baskets=tuple([_basket(names, prices) for names in baskets]),
    )


def _basket(names: tuple[str, ...], prices: Prices) -> Basket:
    found = johansen(np.log(np.column_stack([prices.closes[name] for name in names])))
    return Basket(
        names=names,
        trace=tuple(found.trace.tolist()),
        trace_95=tuple(found.trace_95.tolist()),
        rank=found.rank,
        weights=tuple(found.vectors[0].tolist()),
    )
