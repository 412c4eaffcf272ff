"""Subscribing to books that others may subscribe to as well."""

from __future__ import annotations

from typing import Any

from nautilus_trader.model.enums import BookType


def subscribe_book(actor: Any, instrument_id: Any) -> None:
    """Have the kernel keep the book of an instrument, and hear of its changes.

    A second managed subscription would replace the book by an empty one, under the hands of whoever reads it.
    """
    managed = actor.cache.order_book(instrument_id) is None
    actor.subscribe_order_book_deltas(instrument_id, BookType.L2_MBP, managed=managed)
