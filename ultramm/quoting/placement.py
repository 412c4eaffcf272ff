"""Where the first level stands among the orders of others."""

from __future__ import annotations

from ultramm.market import Book, Instrument, Side


def front(instrument: Instrument, side: Side, book: Book, ignored_size: float, *, improve: bool) -> float | None:
    """The price nearest to the market that is worth quoting: to join others there, or to step in front of them.

    Anything nearer would only give away price: whoever is next to trade is behind it already.

    Parameters
    ----------
    book : Book
        Of others' orders, as deep as is known.
    ignored_size : float
        Orders of others are looked through until there is more than this size of them; beyond all that is known,
        the last level counts.
    improve : bool
        One tick in front of it instead of with it.

    Returns
    -------
    float or None
        Price; None where others have nothing on this side.
    """
    levels = book.bids if side is Side.BUY else book.asks
    found, size = None, 0.0
    for level in levels:
        found = level.price
        size += level.size
        if size > ignored_size:
            break
    if found is None:
        return None
    return instrument.price(instrument.ticks(found) + (side if improve else 0))
