"""Reference prices and imbalance of the touch."""

from __future__ import annotations

import math

from ultramm.market import Book


def queue_imbalance(book: Book) -> float:
    """Signed imbalance of the sizes at the touch.

    ``(bid size - ask size) / (bid size + ask size)``.

    Returns
    -------
    float
        In -1 (only asks) .. 1 (only bids); NaN unless both sides are there.

    Examples
    --------
    >>> from ultramm.market import Level
    >>> queue_imbalance(Book(0, (Level(99.0, 30.0),), (Level(101.0, 10.0),)))
    0.5
    """
    if not book.two_sided:
        return math.nan
    bid, ask = book.bids[0].size, book.asks[0].size
    total = bid + ask
    return (bid - ask) / total if total > 0 else math.nan


def weighted_mid(book: Book) -> float:
    """Mid moved towards the thinner side: ``(bid x ask size + ask x bid size) / (bid size + ask size)``.

    Equal to ``mid + queue_imbalance x spread / 2``.

    Returns
    -------
    float
        Price; NaN unless both sides are there.

    Examples
    --------
    >>> from ultramm.market import Level
    >>> weighted_mid(Book(0, (Level(99.0, 30.0),), (Level(101.0, 10.0),)))
    100.5
    """
    return book.mid + queue_imbalance(book) * book.spread / 2
