"""The kernel's data clients for Binance, which see when a depth update is missing."""

from __future__ import annotations

import asyncio
from typing import Any

from nautilus_trader.adapters.binance.futures.data import BinanceFuturesDataClient
from nautilus_trader.adapters.binance.http.error import BinanceError
from nautilus_trader.adapters.binance.spot.data import BinanceSpotDataClient
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas

from ultramm_adapters.binance.http import OutcomeUnknown
from ultramm_adapters.binance.sockets import is_there

_AGAIN_S = 0.5


class Sequenced:
    """What both clients do differently: an update that does not follow the last one empties the book and reads it anew.

    An empty book is one that nobody quotes on.
    """

    _log: Any
    _clock: Any
    _ws_client: Any
    _ws_public_client: Any
    _book_buffer: dict[Any, list[Any]]
    _book_depths: dict[Any, int]
    _http_market: Any
    _handle_data: Any
    _decoder_order_book_msg: Any
    _get_cached_instrument_id: Any
    create_task: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gaps = 0
        # By instrument, the last update that is in its book.
        self._last_ids: dict[Any, int] = {}
        # Instruments whose book is a snapshot that no update has followed yet.
        self._fresh: set[Any] = set()

    @property
    def listening(self) -> bool:
        """Whether every market stream that was opened is there."""
        pools = {id(pool): pool for pool in (self._ws_client, self._ws_public_client)}
        sockets = [socket for pool in pools.values() for socket in pool._clients.values() if socket is not None]
        return all(is_there(socket) for socket in sockets)

    def _handle_book_diff_update(self, raw: bytes) -> None:
        data = self._decoder_order_book_msg.decode(raw).data
        instrument_id = self._get_cached_instrument_id(data.s)
        waiting = self._book_buffer.get(instrument_id)
        if waiting is not None:
            waiting.append(data)
            return
        # Before that the subscription is not complete, and its snapshot yet to be asked for.
        if instrument_id in self._book_depths:
            self._apply(instrument_id, data)

    def _apply(self, instrument_id: Any, data: Any) -> None:
        last = self._last_ids.get(instrument_id, 0)
        if data.u <= last:
            return
        # The first after a snapshot may reach back before it.
        joins = instrument_id in self._fresh and _begins(data) <= last
        self._fresh.discard(instrument_id)
        if not joins and _begins(data) != last:
            self.gaps += 1
            self._log.warning(f"Depth updates are missing for {instrument_id}: {data.U} came after {last}")
            self.create_task(self._order_book_snapshot_then_deltas(instrument_id))
            return
        self._last_ids[instrument_id] = data.u
        deltas = data.parse_to_order_book_deltas(instrument_id=instrument_id, ts_init=self._clock.timestamp_ns())
        self._handle_data(deltas)

    async def _order_book_snapshot_then_deltas(self, instrument_id: Any) -> None:
        if instrument_id in self._book_buffer:
            return
        waiting = self._book_buffer[instrument_id] = []
        if instrument_id in self._last_ids:
            now_ns = self._clock.timestamp_ns()
            self._handle_data(OrderBookDeltas(instrument_id, [OrderBookDelta.clear(instrument_id, 0, now_ns, now_ns)]))
        snapshot = await self._snapshot_that_joins(instrument_id, waiting)
        del self._book_buffer[instrument_id]
        self._last_ids[instrument_id] = snapshot.sequence
        self._handle_data(snapshot)
        self._fresh.add(instrument_id)
        for data in waiting:
            self._apply(instrument_id, data)

    async def _snapshot_that_joins(self, instrument_id: Any, waiting: list[Any]) -> Any:
        """A snapshot that is not older than the first update which waits; asked for until there is one."""
        while True:
            try:
                snapshot = await self._http_market.request_order_book_snapshot(
                    instrument_id=instrument_id,
                    limit=self._book_depths[instrument_id],
                    ts_init=self._clock.timestamp_ns(),
                )
            except (BinanceError, OutcomeUnknown) as exc:
                self._log.warning(f"No snapshot of {instrument_id}: {exc}")
            else:
                if not waiting or _begins(waiting[0]) <= snapshot.sequence:
                    return snapshot
                self._log.warning(f"The snapshot of {instrument_id} is older than the updates; asking again")
            await asyncio.sleep(_AGAIN_S)


def _begins(data: Any) -> int:
    """The update that must be in the book before this one: spot counts without a gap, futures name it."""
    return int(data.U - 1 if data.pu is None else data.pu)


class SpotData(Sequenced, BinanceSpotDataClient):
    """Spot."""


class FuturesData(Sequenced, BinanceFuturesDataClient):
    """USDT-margined and coin-margined futures."""
