"""What one currency is worth in another, by way of the markets there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence


def rates_to(
    currency: str, wanted: Iterable[str], stated: Mapping[str, float], pairs: Sequence[tuple[str, str, float]]
) -> dict[str, float | None]:
    """What one unit of each wanted currency is worth in `currency`; None where nothing leads there.

    Parameters
    ----------
    stated : mapping of str to float
        Rates to `currency` that somebody stated; they go before those of markets.
    pairs : sequence of (base, quote, price)
        Markets: one unit of base costs so many of quote. The way with the fewest of them is taken, of equally short
        ones the first.
    """
    known: dict[str, float] = {currency: 1.0, **stated}
    reached = deque(known)
    while reached:
        here = reached.popleft()
        for base, quote, price in pairs:
            if quote == here and base not in known:
                known[base] = price * known[here]
                reached.append(base)
            elif base == here and quote not in known:
                known[quote] = known[here] / price
                reached.append(quote)
    return {name: known.get(name) for name in wanted}
