"""The venue's word about our account, by REST."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any

import msgspec
from nautilus_trader.adapters.binance.common.symbol import BinanceSymbol
from nautilus_trader.adapters.binance.http.error import BinanceClientError
from nautilus_trader.core.nautilus_pyo3 import HttpMethod

from ultramm.custody.desk import Holdings, NoAnswer, NotLetIn, Terms
from ultramm.custody.records import VenueFill, VenueOrder
from ultramm.market import Side
from ultramm_adapters.binance.http import OutcomeUnknown, VenueHttpClient
from ultramm_adapters.binance.product import Product

_NO_SUCH_ORDER, _CANCEL_REJECTED = -2013, -2011
_KEY_REFUSED = (-2014, -2015)
_PAGE = 1_000
# Of so many symbols, asking for all of the account weighs less than for one after the other.
_ALL_AT_ONCE = 12
_LET_GO_S = 0.1
_CLOCK_MS = 60_000  # that the venue's may be ahead of ours
# A request may lie in a network for as long as the venue's window lets it, and a margin.
_MARGIN_S = 2.0
_STATUS = {
    "PENDING_NEW": "open",
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "PENDING_CANCEL": "open",
    "FILLED": "filled",
    "CANCELED": "cancelled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}


def _understood[**P, T](ask: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """An answer that is not what the venue's documentation says is none; what it said may be private."""

    @functools.wraps(ask)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await ask(*args, **kwargs)
        except (LookupError, TypeError, ValueError, ArithmeticError) as exc:
            raise NoAnswer(f"an answer that is not understood: {type(exc).__name__}") from exc

    return wrapper


class BinanceDesk:
    """Asks one product of Binance about one account; see `ultramm.custody.desk.Desk`.

    Parameters
    ----------
    client : VenueHttpClient
        Signs and sends.
    product : Product
        Whose paths and names.
    names : iterable of str
        Of the instruments, without the venue.
    venue : str
        Of the instruments' ids.
    recv_window_ms : int
        After which the venue refuses a request.
    """

    def __init__(
        self, client: VenueHttpClient, product: Product, names: Iterable[str], venue: str, recv_window_ms: int
    ) -> None:
        self.forgets_after_s = recv_window_ms / 1e3 + _MARGIN_S
        self._client = client
        self._product = product
        self._recv_window = str(recv_window_ms)
        self._symbols = {f"{name}.{venue}": str(BinanceSymbol(name)) for name in names}
        self._instruments = {symbol: name for name, symbol in self._symbols.items()}

    @_understood
    async def terms(self) -> dict[str, Terms]:
        info = await self._ask(HttpMethod.GET, f"{self._product.root}/exchangeInfo", signed=False)
        listed = {row["symbol"]: row for row in info["symbols"]}
        missing = [symbol for symbol in self._instruments if symbol not in listed]
        if missing:
            raise NoAnswer(f"the venue does not list {', '.join(missing)}")
        return {name: self._product.terms(listed[symbol]) for name, symbol in self._symbols.items()}

    @_understood
    async def open_orders(self) -> list[VenueOrder]:
        path = f"{self._product.root}/openOrders"
        if len(self._instruments) > _ALL_AT_ONCE:
            rows = await self._rows(path)
        else:
            rows = [row for symbol in self._instruments for row in await self._rows(path, symbol=symbol)]
        return [self._order(row) for row in rows if row["symbol"] in self._instruments]

    @_understood
    async def order(self, instrument: str, order_id: str) -> VenueOrder | None:
        try:
            row = await self._signed(
                HttpMethod.GET,
                f"{self._product.root}/order",
                symbol=self._symbols[instrument],
                origClientOrderId=order_id,
            )
        except BinanceClientError as exc:
            if _code(exc) == _NO_SUCH_ORDER:
                return None
            raise NoAnswer(str(exc.message)) from exc
        return self._order(row)

    @_understood
    async def fills(self, instrument: str, since_ns: int) -> list[VenueFill]:
        symbol, path = self._symbols[instrument], f"{self._product.root}/{self._product.trades}"
        window_ms, start_ms, now_ms = self._product.window_ms, since_ns // 1_000_000, time.time_ns() // 1_000_000
        rows: dict[int, dict[str, Any]] = {}
        # By time: by number, futures may tell of their last seven days only.
        while True:
            page = await self._rows(path, symbol=symbol, startTime=start_ms, limit=_PAGE)
            rows |= {row["id"]: row for row in page}
            if len(page) == _PAGE:
                # One millisecond may have more than a page, of which time alone would show the first.
                more = await self._rows(path, symbol=symbol, fromId=max(rows) + 1, limit=_PAGE)
                rows |= {row["id"]: row for row in more}
                newest_ms = rows[max(rows)]["time"]
                start_ms = newest_ms if more or newest_ms > start_ms else start_ms + 1
            elif window_ms and start_ms + window_ms <= now_ms + _CLOCK_MS:
                start_ms += window_ms
            else:
                break
        return [self._fill(instrument, rows[number]) for number in sorted(rows)]

    @_understood
    async def holdings(self) -> Holdings:
        if self._product.cash:
            account = await self._ask(HttpMethod.GET, f"{self._product.root}/account")
            totals = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in account["balances"]}
            return Holdings(balances=totals)
        account = await self._ask(HttpMethod.GET, self._product.account)
        balances = {row["asset"]: Decimal(row["walletBalance"]) for row in account["assets"]}
        rows = await self._rows(self._product.positions)
        held = {self._instruments[row["symbol"]]: row for row in rows if row["symbol"] in self._instruments}
        return Holdings(
            balances=balances,
            positions={name: size for name, row in held.items() if (size := Decimal(row["positionAmt"]))},
            unrealised={name: Decimal(row["unRealizedProfit"]) for name, row in held.items()},
            marks={name: Decimal(row["markPrice"]) for name, row in held.items()},
        )

    @_understood
    async def cancel(self, order: VenueOrder) -> bool:
        try:
            await self._signed(
                HttpMethod.DELETE,
                f"{self._product.root}/order",
                symbol=self._symbols[order.instrument],
                orderId=order.venue_order_id,
            )
        except BinanceClientError as exc:
            if _code(exc) == _CANCEL_REJECTED:
                return False
            raise NoAnswer(str(exc.message)) from exc
        return True

    @_understood
    async def keep_alive(self, seconds: float) -> bool:
        if self._product.cash:
            return False
        for symbol in self._instruments:
            countdown = round(1e3 * seconds)
            path = f"{self._product.root}/countdownCancelAll"
            await self._ask(HttpMethod.POST, path, symbol=symbol, countdownTime=countdown)
        return True

    async def close(self) -> None:
        """Let the kernel's threads let go: a process that ends while they still hold an answer is aborted."""
        await asyncio.sleep(_LET_GO_S)

    async def _rows(self, path: str, **parameters: object) -> list[dict[str, Any]]:
        """A list; anything else would count as an empty one."""
        rows = await self._ask(HttpMethod.GET, path, signed=True, **parameters)
        if not isinstance(rows, list):
            raise TypeError(f"{path}: no list")
        return rows

    async def _ask(self, method: Any, path: str, *, signed: bool = True, **parameters: object) -> Any:
        try:
            if signed:
                return await self._signed(method, path, **parameters)
            return msgspec.json.decode(await self._client.send_request(method, path))
        except (BinanceClientError, OutcomeUnknown) as exc:
            raise NoAnswer(str(getattr(exc, "message", exc))) from exc

    async def _signed(self, method: Any, path: str, **parameters: object) -> Any:
        """Send and read; a refusal is raised as it came."""
        payload = {name: str(value) for name, value in parameters.items()} | {"recvWindow": self._recv_window}
        try:
            return msgspec.json.decode(await self._client.sign_request(method, path, payload))
        except BinanceClientError as exc:
            if _code(exc) in _KEY_REFUSED:
                raise NotLetIn(str(exc.message)) from exc
            raise
        except OutcomeUnknown as exc:
            raise NoAnswer(str(exc)) from exc

    def _order(self, row: dict[str, Any]) -> VenueOrder:
        return VenueOrder(
            order_id=row["clientOrderId"],
            venue_order_id=str(row["orderId"]),
            instrument=self._instruments[row["symbol"]],
            side=Side[row["side"]],
            price=Decimal(row["price"]),
            size=Decimal(row["origQty"]),
            filled=Decimal(row["executedQty"]),
            status=_STATUS[row["status"]],  # type: ignore[arg-type]
        )

    @staticmethod
    def _fill(instrument: str, row: dict[str, Any]) -> VenueFill:
        bought = row["isBuyer"] if "isBuyer" in row else row["side"] == "BUY"
        return VenueFill(
            ts_ns=row["time"] * 1_000_000,
            venue_order_id=str(row["orderId"]),
            instrument=instrument,
            side=Side.BUY if bought else Side.SELL,
            trade_id=str(row["id"]),
            price=Decimal(row["price"]),
            size=Decimal(row["qty"]),
            fee=Decimal(row["commission"]),
            fee_currency=row["commissionAsset"],
            maker=row.get("isMaker", row.get("maker", False)),
        )


def _code(exc: BinanceClientError) -> int:
    message = exc.message
    return int(message.get("code", 0)) if isinstance(message, dict) else 0
