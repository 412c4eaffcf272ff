"""How long something took, over the last minute or two: counts in buckets, each an eighth wider than the one before."""

from __future__ import annotations

import msgspec

_FINE_BITS = 3  # eight buckets for each doubling
_WINDOW_NS = 60_000_000_000


class LatencyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Times of the last minute or two, microseconds; exact to an eighth."""

    count: int
    p50_us: float
    p99_us: float
    most_us: float


class Latencies:
    """Takes times, O(1) each, and forgets those of more than two minutes ago."""

    __slots__ = ("_before", "_most", "_most_before", "_now", "_until_ns")

    def __init__(self) -> None:
        self._now: dict[int, int] = {}
        self._before: dict[int, int] = {}
        self._most = self._most_before = 0
        self._until_ns = 0

    def add(self, now_ns: int, took_ns: int) -> None:
        """Something took so long."""
        if now_ns >= self._until_ns:
            self._turn(now_ns)
        took_ns = max(took_ns, 1)
        bucket = _bucket(took_ns)
        self._now[bucket] = self._now.get(bucket, 0) + 1
        self._most = max(self._most, took_ns)

    def _turn(self, now_ns: int) -> None:
        """A minute is over: what was before it is forgotten, and so is it where nothing came for longer."""
        late = now_ns >= self._until_ns + _WINDOW_NS
        self._before, self._most_before = ({}, 0) if late else (self._now, self._most)
        self._now, self._most = {}, 0
        self._until_ns = now_ns + _WINDOW_NS

    def status(self) -> LatencyStatus | None:
        """What came lately; None while nothing has."""
        counts = dict(self._before)
        for bucket, count in self._now.items():
            counts[bucket] = counts.get(bucket, 0) + count
        total = sum(counts.values())
        if not total:
            return None
        p50, p99 = (_quantile(counts, total, share) * 1e-3 for share in (0.5, 0.99))
        most = max(self._most, self._most_before) * 1e-3
        return LatencyStatus(count=total, p50_us=min(p50, most), p99_us=min(p99, most), most_us=most)


def _bucket(value: int) -> int:
    bits = value.bit_length()
    fine = value >> (bits - 1 - _FINE_BITS) if bits > _FINE_BITS else value << (_FINE_BITS + 1 - bits)
    return (bits << _FINE_BITS) + (fine & ((1 << _FINE_BITS) - 1))


def _upper(bucket: int) -> float:
    """The least value beyond a bucket."""
    bits, fine = bucket >> _FINE_BITS, bucket & ((1 << _FINE_BITS) - 1)
    return 2.0 ** (bits - 1) * (1.0 + (fine + 1) / (1 << _FINE_BITS))


def _quantile(counts: dict[int, int], total: int, share: float) -> float:
    wanted, seen = share * total, 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted:
            return _upper(bucket)
    return _upper(max(counts))
