"""Depth messages -> Nautilus order book deltas, by Binance's rules for a local book.

1. Diffs that come before the snapshot are held back; those that the snapshot already covers are dropped, the
   rest are applied right behind it, at the time of the snapshot: before it, nobody could know the book.
2. The snapshot is one batch: CLEAR, then an ADD a level. A diff is one batch of ADD, UPDATE and DELETE,
   decided against the levels known here. The last delta of a batch has ``F_LAST``; sequence is the id ``u``.
   A level off the instrument's grid is dropped and keeps the size that it had: real books have a few, far
   from the touch, with orders from before a change of lot size.
3. Diffs must chain: on spot ``U`` follows the last ``u``, on futures ``pu`` is the last ``u``. A gap is
   reported and the book goes on, since as a rule there is no snapshot to start again from: levels that
   changed in the gap stay wrong until the exchange names them again.
4. A later snapshot replaces the book when it is not older. After a gap or an incomplete start an older one
   does too, if no more than `RESYNC_NS` of diffs have to be applied again behind it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from nautilus_trader.model.data import OrderBookDelta
from nautilus_trader.model.enums import BookAction, OrderSide, RecordFlag

from ultramm.nautilus.catalog.manifest import Gap
from ultramm.nautilus.recordings.binance_capture import DepthDiff, DepthSnapshot, Levels
from ultramm.nautilus.recordings.grid import OFF_GRID, price_grid, size_grid

LISTED_GAPS = 1_000
RESYNC_NS = 60 * 1_000_000_000
_F_LAST = int(RecordFlag.F_LAST)
_F_SNAPSHOT = int(RecordFlag.F_SNAPSHOT)
_Held = tuple[DepthDiff, int, int]  # with ts_event and ts_init
_Change = tuple[Any, Any, int, int]  # action, side, raw price, raw size
_CLEAR: _Change = (BookAction.CLEAR, OrderSide.NO_ORDER_SIDE, 0, 0)


class _BookSide:
    """The levels of one side, raw price -> raw size, with its best price kept at hand."""

    def __init__(self, side: Any) -> None:
        self.side = side
        self.levels: dict[int, int] = {}
        self._choose = max if side == OrderSide.BUY else min
        self._best: int | None = None

    def put(self, price: int, size: int) -> Any:
        action = BookAction.UPDATE if price in self.levels else BookAction.ADD
        self.levels[price] = size
        if self._best is not None:
            self._best = self._choose(self._best, price)
        return action

    def drop(self, price: int) -> bool:
        if self.levels.pop(price, None) is None:
            return False
        if price == self._best:
            self._best = None
        return True

    @property
    def best(self) -> int | None:
        if self._best is None and self.levels:
            self._best = self._choose(self.levels)
        return self._best


class BookBuilder:
    """Turns the depth messages of one instrument into deltas, which it appends to `deltas`.

    Parameters
    ----------
    instrument : CurrencyPair or CryptoPerpetual
    await_snapshot : bool
        False for a capture without one: the book then starts, after a CLEAR, with the first diff alone and is
        incomplete until all its levels have been named.
    dropped : Counter
        Where causes are counted.
    """

    def __init__(self, instrument: Any, *, await_snapshot: bool, dropped: Counter[str]) -> None:
        self.deltas: list[Any] = []
        self.batches = 0
        self.crossed_batches = 0
        self.gaps: list[Gap] = []
        self.gap_count = 0
        self.ready = False
        self._instrument_id = instrument.id
        self._prices, self._sizes = price_grid(instrument), size_grid(instrument)
        self._dropped = dropped
        self._await_snapshot = await_snapshot
        self._held: deque[_Held] = deque()  # diffs that wait for the first snapshot
        self._recent: deque[_Held] = deque()  # diffs behind a break, in case a snapshot comes
        self._broken = False
        self._from_snapshot = False  # the last id is the snapshot's, not a diff's
        self._last_id = -1
        self._bids, self._asks = _BookSide(OrderSide.BUY), _BookSide(OrderSide.SELL)

    def snapshot(self, message: DepthSnapshot, ts_event: int, ts_init: int) -> None:
        """Replace the book, unless the snapshot is older than it."""
        if self.ready and message.last_id < self._last_id and not self._can_start_from(message.last_id):
            self._dropped["snapshot older than the book"] += 1
            return
        self._bids, self._asks = _BookSide(OrderSide.BUY), _BookSide(OrderSide.SELL)
        changes = [_CLEAR, *self._changes(message.bids, message.asks)]
        self._last_id, self._from_snapshot = message.last_id, True
        self._emit(changes, message.last_id, ts_event, ts_init, _F_SNAPSHOT)
        again = [each for each in self._recent if each[0].last_id > message.last_id] if self.ready else self._held
        self.ready, self._broken = True, False
        self._held, self._recent = deque(), deque()
        for diff, diff_event, _ in again:
            self.diff(diff, diff_event, ts_init)

    def diff(self, message: DepthDiff, ts_event: int, ts_init: int) -> None:
        """Apply one diff, or hold it back until the snapshot comes."""
        if not self.ready and self._await_snapshot:
            self._held.append((message, ts_event, ts_init))
            return
        changes: list[_Change] = []
        if not self.ready:
            changes.append(_CLEAR)
            self.ready = self._broken = True
        elif message.last_id <= self._last_id:
            old = "diff already in the snapshot" if self._from_snapshot else "diff repeated"
            self._dropped[old] += 1
            return
        else:
            self._check_chain(message, ts_init)
        self._remember(message, ts_event, ts_init)
        self._last_id, self._from_snapshot = message.last_id, False
        changes.extend(self._changes(message.bids, message.asks))
        self._emit(changes, message.last_id, ts_event, ts_init, 0)

    def _check_chain(self, message: DepthDiff, ts_ns: int) -> None:
        last = self._last_id
        futures = message.previous_id is not None
        next_id = message.previous_id if message.previous_id is not None else message.first_id
        expected = last if futures else last + 1
        # The first diff behind a snapshot may begin before it.
        if next_id == expected or (self._from_snapshot and next_id < expected):
            return
        self.gap_count += 1
        self._broken = True
        self._recent.clear()
        if len(self.gaps) < LISTED_GAPS:
            self.gaps.append(Gap("depth", ts_ns, last, next_id, next_id - expected))

    def _remember(self, message: DepthDiff, ts_event: int, ts_init: int) -> None:
        if self._broken:
            self._recent.append((message, ts_event, ts_init))
            while ts_init - self._recent[0][2] > RESYNC_NS:
                self._recent.popleft()

    def _can_start_from(self, snapshot_id: int) -> bool:
        if not self._recent:
            return False
        first = self._recent[0][0]
        return (first.first_id - 1 if first.previous_id is None else first.previous_id) <= snapshot_id

    def _changes(self, bids: Levels, asks: Levels) -> Iterable[_Change]:
        for side, levels in ((self._bids, bids), (self._asks, asks)):
            for price_text, size_text in levels:
                price, size = self._prices[price_text], self._sizes[size_text]
                if price <= 0:
                    cause = "level price off the grid" if price == OFF_GRID else "level price of zero"
                    self._dropped[cause] += 1
                elif size > 0:
                    yield side.put(price, size), side.side, price, size
                elif size == OFF_GRID:
                    self._dropped["level size off the grid"] += 1
                elif side.drop(price):
                    yield BookAction.DELETE, side.side, price, 0
                else:
                    self._dropped["delete of an unknown level"] += 1

    def _emit(self, changes: list[_Change], sequence: int, ts_event: int, ts_init: int, flags: int) -> None:
        if not changes:
            return
        make, instrument_id = OrderBookDelta.from_raw, self._instrument_id
        price_precision, size_precision = self._prices.precision, self._sizes.precision
        last = len(changes) - 1
        # A CLEAR gets the instrument's precision as well: read from a file, it has it.
        self.deltas.extend(
            make(
                instrument_id,
                action,
                side,
                price,
                price_precision,
                size,
                size_precision,
                0,
                flags if index < last else flags | _F_LAST,
                sequence,
                ts_event,
                ts_init,
            )
            for index, (action, side, price, size) in enumerate(changes)
        )
        self.batches += 1
        bid, ask = self._bids.best, self._asks.best
        if bid is not None and ask is not None and bid >= ask:
            self.crossed_batches += 1
