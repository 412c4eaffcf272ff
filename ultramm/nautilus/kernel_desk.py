"""A desk over the kernel's own HTTP client of a venue.

Not over its execution client: that one catches an error and gives an empty list, which cannot be told from an account
without orders. The HTTP client below it raises.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Iterable
from decimal import Decimal
from typing import Any, Protocol

from ultramm.custody.desk import Holdings, NoAnswer, Terms
from ultramm.custody.records import VenueFill, VenueOrder
from ultramm.market import Side

_TIMEOUT_S = 10.0
_SEEN_KEPT = 20_000
_ADDRESS = re.compile(r"\(?\w+://\S+")
_STATUS = {
    "SUBMITTED": "open",
    "ACCEPTED": "open",
    "TRIGGERED": "open",
    "PENDING_UPDATE": "open",
    "PENDING_CANCEL": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "filled",
    "CANCELED": "cancelled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
}


class Teller(Protocol):
    """The kernel's HTTP client of a venue, in one vocabulary; every method raises where there is no answer.

    Orders and trades are the kernel's reports, of which `KernelDesk` reads ``to_dict()``.

    Attributes
    ----------
    forgets_after_s : float
        See `ultramm.custody.desk.Desk`.
    fills_window_s : float
        The longest time of which the venue lists trades at once.
    """

    forgets_after_s: float
    fills_window_s: float

    async def instruments(self) -> list[Any]:
        """The kernel's instruments, one for each that is configured."""

    async def open_orders(self, instrument: str) -> list[Any]:
        """Reports of the orders that are open."""

    async def order(self, instrument: str, order_id: str) -> Any | None:
        """Report of one order, open or ended; None when the venue says that there is none."""

    async def fills(self, instrument: str, start_ms: int, end_ms: int) -> list[Any]:
        """Reports of the account's trades."""

    async def account(self) -> Any:
        """The account's state, as the kernel has it."""

    async def cancel(self, instrument: str, venue_order_id: str) -> bool:
        """Cancel an order; False when the venue says that there is nothing to cancel."""


class KernelDesk:
    """Asks a venue about a cash account, by its teller; see `ultramm.custody.desk.Desk`.

    Parameters
    ----------
    teller : Teller
        Whom it asks.
    instruments : iterable of str
        Their ids.
    """

    def __init__(self, teller: Teller, instruments: Iterable[str]) -> None:
        self.forgets_after_s = teller.forgets_after_s
        self._teller = teller
        self._instruments = list(instruments)
        # Orders that the venue has shown: once shown, it cannot say that it never had one.
        self._seen: dict[str, None] = {}

    async def terms(self) -> dict[str, Terms]:
        found = {each.id.value: each for each in await _answer(self._teller.instruments())}
        missing = [name for name in self._instruments if name not in found]
        if missing:
            raise NoAnswer(f"the venue does not list {', '.join(missing)}")
        return {name: _terms(found[name]) for name in self._instruments}

    async def open_orders(self) -> list[VenueOrder]:
        found = []
        for instrument in self._instruments:
            found += [self._order(report) for report in await _answer(self._teller.open_orders(instrument))]
        return found

    async def order(self, instrument: str, order_id: str) -> VenueOrder | None:
        report = await _answer(self._teller.order(instrument, order_id))
        if report is not None:
            return self._order(report)
        if order_id in self._seen:
            raise NoAnswer(f"order {order_id} was listed before and is not now")
        return None

    async def fills(self, instrument: str, since_ns: int) -> list[VenueFill]:
        now_ms, window_ms = time.time_ns() // 1_000_000, int(1e3 * self._teller.fills_window_s)
        found: dict[str, VenueFill] = {}
        start_ms = since_ns // 1_000_000
        while start_ms <= now_ms:
            reports = await _answer(self._teller.fills(instrument, start_ms, start_ms + window_ms))
            found |= {fill.trade_id: fill for fill in map(_fill, reports)}
            start_ms += window_ms
        return sorted(found.values(), key=lambda fill: fill.ts_ns)

    async def holdings(self) -> Holdings:
        state = (await _answer(self._teller.account())).to_dict()
        return Holdings(balances={row["currency"]: Decimal(row["total"]) for row in state["balances"]})

    async def cancel(self, order: VenueOrder) -> bool:
        return await _answer(self._teller.cancel(order.instrument, order.venue_order_id))

    async def keep_alive(self, seconds: float) -> bool:
        return False

    async def close(self) -> None:
        """The kernel's client has nothing to close."""

    def _order(self, report: Any) -> VenueOrder:
        row = report.to_dict()
        order_id = row["client_order_id"] or ""
        self._seen[order_id] = None
        if len(self._seen) > _SEEN_KEPT:
            del self._seen[next(iter(self._seen))]
        status = _STATUS.get(row["order_status"])
        if status is None:
            raise NoAnswer(f"order {order_id} is {row['order_status']}, which says nothing")
        return VenueOrder(
            order_id=order_id,
            venue_order_id=row["venue_order_id"],
            instrument=row["instrument_id"],
            side=Side[row["order_side"]],
            price=Decimal(row["price"] or 0),
            size=Decimal(row["quantity"]),
            filled=Decimal(row["filled_qty"]),
            status=status,  # type: ignore[arg-type]
        )


async def _answer[T](question: Awaitable[T]) -> T:
    """What comes back in time; anything else is no answer."""
    try:
        return await asyncio.wait_for(question, _TIMEOUT_S)
    except Exception as exc:
        # What the kernel says of a request has its address in it, and that may be signed.
        text = _ADDRESS.sub("(address)", " ".join(str(exc).split()))
        raise NoAnswer(text or type(exc).__name__) from None


def _terms(instrument: Any) -> Terms:
    quote = instrument.quote_currency.code
    return Terms(base=instrument.get_base_currency().code, quote=quote, settlement=quote, cash=True)


def _fill(report: Any) -> VenueFill:
    row = report.to_dict()
    fee, fee_currency = row["commission"].split(" ")
    return VenueFill(
        ts_ns=int(row["ts_event"]),
        venue_order_id=row["venue_order_id"],
        instrument=row["instrument_id"],
        side=Side[row["order_side"]],
        trade_id=row["trade_id"],
        price=Decimal(row["last_px"]),
        size=Decimal(row["last_qty"]),
        fee=Decimal(fee.replace("_", "")),
        fee_currency=fee_currency,
        maker=row["liquidity_side"] == "MAKER",
    )
