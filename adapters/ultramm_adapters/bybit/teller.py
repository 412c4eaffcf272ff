"""What the kernel's HTTP client for Bybit says of an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nautilus_trader.core import nautilus_pyo3 as kernel

from ultramm.custody.desk import NoAnswer

# "order not exists or too late to cancel", of futures and of spot.
_NOTHING_TO_CANCEL = ("Bybit error 110001:", "Bybit error 170213:")
# The kernel looks an order up after the venue has acknowledged its cancel.
_CANCELLED = "Order lookup failed after cancellation"
# A new order by socket bears no window of ours: the venue's own is this.
_VENUES_WINDOW_MS = 5_000
_MARGIN_S = 2.0


class BybitTeller:
    """One product of one account; see `ultramm.nautilus.kernel_desk.Teller`.

    Parameters
    ----------
    client : BybitHttpClient
        The kernel's, of its own: closing a node cancels what its clients still ask.
    product : BybitProductType
        Which.
    account : AccountId
        How the kernel calls it.
    provider : callable
        Makes the kernel's provider of instruments over a client.
    recv_window_ms : int
        After which the venue refuses a request.
    """

    # Without an end the venue lists seven days from the start, and refuses more.
    fills_window_s = 7 * 86_400.0 - 1.0

    def __init__(
        self, client: Any, product: Any, account: Any, provider: Callable[[Any], Any], recv_window_ms: int
    ) -> None:
        self.forgets_after_s = max(recv_window_ms, _VENUES_WINDOW_MS) / 1e3 + _MARGIN_S
        self._client = client
        self._product = product
        self._account = account
        self._provider = provider
        self._instruments: list[Any] = []

    async def instruments(self) -> list[Any]:
        if not self._instruments:
            provider = self._provider(self._client)
            await provider.initialize()
            for instrument in provider.instruments_pyo3():
                self._client.cache_instrument(instrument)
            self._instruments = list(provider.get_all().values())
        return self._instruments

    async def open_orders(self, instrument: str) -> list[Any]:
        await self._known(instrument)
        reports: list[Any] = await self._client.request_order_status_reports(
            account_id=self._account,
            product_type=self._product,
            instrument_id=kernel.InstrumentId.from_str(instrument),
            open_only=True,
        )
        return reports

    async def order(self, instrument: str, order_id: str) -> Any | None:
        await self._known(instrument)
        return await self._client.query_order(
            account_id=self._account,
            product_type=self._product,
            instrument_id=kernel.InstrumentId.from_str(instrument),
            client_order_id=kernel.ClientOrderId(order_id),
        )

    async def fills(self, instrument: str, start_ms: int, end_ms: int) -> list[Any]:
        await self._known(instrument)
        reports: list[Any] = await self._client.request_fill_reports(
            account_id=self._account,
            product_type=self._product,
            instrument_id=kernel.InstrumentId.from_str(instrument),
            start=start_ms,
            end=end_ms,
        )
        return reports

    async def account(self) -> Any:
        return await self._client.request_account_state(
            account_type=kernel.BybitAccountType.UNIFIED, account_id=self._account
        )

    async def cancel(self, instrument: str, venue_order_id: str) -> bool:
        await self._known(instrument)
        try:
            await self._client.cancel_order(
                account_id=self._account,
                product_type=self._product,
                instrument_id=kernel.InstrumentId.from_str(instrument),
                venue_order_id=kernel.VenueOrderId(venue_order_id),
            )
        except ValueError as exc:
            text = str(exc)
            if text.startswith(_NOTHING_TO_CANCEL):
                return False
            if not text.startswith(_CANCELLED):
                raise
        return True

    async def _known(self, instrument: str) -> None:
        """The kernel leaves out what it does not know: then an empty list says nothing."""
        names = {each.id.value for each in await self.instruments()}
        if instrument not in names:
            raise NoAnswer(f"the venue does not list {instrument}")
