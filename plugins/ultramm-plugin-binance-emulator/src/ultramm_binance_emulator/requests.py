"""Parameters of requests: those that must be there, as what they mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from ultramm.market import Side
from ultramm_binance_emulator.errors import VenueError, illegal, mandatory
from ultramm_binance_emulator.matching import Tif
from ultramm_binance_emulator.symbols import Symbol

Request = Mapping[str, str]
type Key[T] = Callable[[T], tuple[int, int]]
_HOUR_MS = 3_600_000
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


def sent(request: Request, name: str) -> str:
    """A parameter that must be there; see `VenueError`."""
    value = request.get(name)
    if not value:
        raise mandatory(name)
    return value


def amount(request: Request, name: str) -> Decimal:
    """A positive number."""
    try:
        value = Decimal(sent(request, name))
    except ArithmeticError:
        raise illegal(name) from None
    if not value.is_finite() or value <= 0:
        raise illegal(name)
    return value


def price_of(symbol: Symbol, request: Request, name: str = "price") -> Decimal:
    """A price on a symbol's grid."""
    price = amount(request, name)
    symbol.check_price(price)
    return price


def side_of(request: Request) -> Side:
    side = _SIDES.get(sent(request, "side"))
    if side is None:
        raise VenueError(-1117, "Invalid side.")
    return side


def tif_of(request: Request, allowed: Collection[Tif]) -> Tif:
    name = sent(request, "timeInForce")
    if name not in Tif.__members__ or Tif[name] not in allowed:
        raise VenueError(-1115, "Invalid timeInForce.")
    return Tif[name]


def true(request: Request, name: str) -> bool:
    """Whether something is asked for, however it is written."""
    return request.get(name, "").lower() == "true"


def whole(request: Request, name: str) -> int | None:
    """A whole number, if one is sent."""
    text = request.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise illegal(name)
    return int(text)


def most(request: Request, usual: int = 500, limit: int = 1_000) -> int:
    """How many are asked for, within what is allowed."""
    return min(limit, max(1, whole(request, "limit") or usual))


def page[T](
    items: Iterable[T], request: Request, key: Key[T], number: str, longest_ms: int, *, bounded: bool = False
) -> list[T]:
    """Of a history that is asked for: from a number or a time on its beginning, otherwise its end.

    Parameters
    ----------
    items : iterable
        In the order in which they came.
    key : callable
        Number and time of an item, milliseconds.
    number : str
        What the first number is called.
    longest_ms : int
        That a span of time may be.
    bounded : bool
        From a beginning without an end, no more than such a span is told.
    """
    first, start_ms, end_ms = whole(request, number), whole(request, "startTime"), whole(request, "endTime")
    if first is not None and not (start_ms is None and end_ms is None):
        raise VenueError(-1128, "Combination of optional parameters invalid.")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > longest_ms:
        raise VenueError(-1127, f"More than {longest_ms // _HOUR_MS} hours between startTime and endTime.")
    if bounded and start_ms is not None and end_ms is None:
        end_ms = start_ms + longest_ms
    found = [
        item
        for item in items
        if (first or 0) <= key(item)[0]
        and (start_ms or 0) <= key(item)[1]
        and (end_ms is None or key(item)[1] <= end_ms)
    ]
    count = most(request)
    return found[-count:] if first is None and start_ms is None else found[:count]


def listed(request: Request, name: str, longest: int, kind: type | tuple[type, ...] = str) -> list[Any]:
    """A list of things of a kind that is sent as JSON."""
    wrong = VenueError(-1130, f"Data sent for parameter '{name}' is not valid.")
    try:
        found = json.loads(sent(request, name))
    except ValueError:
        raise wrong from None
    if not isinstance(found, list) or not 0 < len(found) <= longest or not all(isinstance(x, kind) for x in found):
        raise wrong
    return found
