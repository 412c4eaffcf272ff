"""Market streams of the futures venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from ultramm_binance_emulator.connections import Delivery
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.orders import Json
from ultramm_binance_emulator.streams import Streams
from ultramm_binance_emulator.symbols import ZERO, plain

_FUNDING_MS = 8 * 3_600_000


class FuturesStreams(Streams):
    """Quicker depth that names the update before, and marks; see `Streams`."""

    depths: ClassVar[Mapping[str, int]] = {
        "depth@0ms": 0,
        "depth@100ms": 100,
        "depth": 250,
        "depth@250ms": 250,
        "depth@500ms": 500,
    }
    marks: ClassVar[Mapping[str, int]] = {"markPrice@1s": 1_000, "markPrice": 3_000}

    def __init__(self, venue: FuturesVenue, now_ms: Callable[[], int], delivery: Delivery) -> None:
        super().__init__(venue, now_ms, delivery)
        self._futures = venue
        self._marks_due_ms = dict.fromkeys(self.marks, 0)

    def elapse(self, now_ms: int) -> None:
        super().elapse(now_ms)
        for suffix, every_ms in self.marks.items():
            if now_ms >= self._marks_due_ms[suffix]:
                self._marks_due_ms[suffix] = now_ms + every_ms
                self._publish_marks(suffix)

    def _publish_marks(self, suffix: str) -> None:
        events = [self._mark_event(name) for name in self._futures.books]
        for event in events:
            self._publish(f"{event['s'].lower()}@{suffix}", event)
        self._publish("!" + suffix.replace("markPrice", "markPrice@arr"), events)

    def _mark_event(self, name: str) -> Json:
        mark = plain(self._futures.mark(name))
        funding = {"r": plain(ZERO), "T": next_funding_ms(self._now_ms())}
        return {"e": "markPriceUpdate", "E": self._now_ms(), "s": name, "p": mark, "i": mark, "P": mark, **funding}

    def snapshot(self, name: str, limit: int) -> Json:
        now_ms = self._now_ms()
        return {"E": now_ms, "T": now_ms, **super().snapshot(name, limit)}

    def _worded_best(self, event: Json) -> Json:
        now_ms = self._now_ms()
        return {"e": "bookTicker", "E": now_ms, "T": now_ms, **event}

    def _worded_depth(self, event: Json, previous_id: int) -> Json:
        return {**event, "T": event["E"], "pu": previous_id}


def next_funding_ms(now_ms: int) -> int:
    """When funding would be due; none is charged."""
    return (now_ms // _FUNDING_MS + 1) * _FUNDING_MS
