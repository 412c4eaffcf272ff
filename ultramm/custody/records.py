"""What is known of orders: our own records of them, and the venue's word about them.

Prices, sizes and fees are exact decimals, as the venue writes them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from ultramm.market import Side

Ending = Literal["filled", "cancelled", "rejected", "expired"]


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag="sent"):
    """We are about to send an order."""

    ts_ns: int
    order_id: str
    strategy: str
    instrument: str
    side: Side
    price: Decimal
    size: Decimal


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag="accepted"):
    """The venue holds it, under its own id."""

    ts_ns: int
    order_id: str
    venue_order_id: str


class Amended(msgspec.Struct, frozen=True, kw_only=True, tag="amended"):
    """The venue changed its price and size."""

    ts_ns: int
    order_id: str
    price: Decimal
    size: Decimal


class Filled(msgspec.Struct, frozen=True, kw_only=True, tag="filled"):
    """It traded.

    Parameters
    ----------
    trade_id : str
        The venue's, unique for an instrument.
    fee : Decimal
        Positive = paid, in `fee_currency`.
    mid : float or None
        Mid of the market when it happened, where it is known.
    """

    ts_ns: int
    order_id: str
    strategy: str
    instrument: str
    side: Side
    trade_id: str
    price: Decimal
    size: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    mid: float | None = None


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """It is no more; the venue's word, never a time-out."""

    ts_ns: int
    order_id: str
    how: Ending
    reason: str = ""


class Funded(msgspec.Struct, frozen=True, kw_only=True, tag="funded"):
    """What the account of a venue held without us: before our first order, or anew when somebody moved money.

    What it holds later is this and what our fills did.
    """

    ts_ns: int
    venue: str
    balances: dict[str, Decimal]
    positions: dict[str, Decimal] = {}


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag="checked"):
    """Every trade of ours until `ts_ns` is known: the venue was asked for them."""

    ts_ns: int


OrderRecord = Sent | Accepted | Amended | Filled | Ended | Funded | Checked

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(OrderRecord)


def encode(record: OrderRecord) -> bytes:
    """A line of the ledger."""
    return _encoder.encode(record) + b"\n"


def decode(line: bytes) -> OrderRecord:
    """The record of a line; msgspec's error where it is none."""
    record: OrderRecord = _decoder.decode(line)
    return record


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue tells of it; `status` is ``open`` or how it ended."""

    order_id: str
    venue_order_id: str
    instrument: str
    side: Side
    price: Decimal
    size: Decimal
    filled: Decimal
    status: Literal["open"] | Ending


class VenueFill(msgspec.Struct, frozen=True, kw_only=True):
    """A trade of the account as the venue tells of it; it names the order by the venue's id."""

    ts_ns: int
    venue_order_id: str
    instrument: str
    side: Side
    trade_id: str
    price: Decimal
    size: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
