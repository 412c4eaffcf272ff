"""Whether a model sees what it learned from; in words where it does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ultramm.features.average import EwAverage, SampleAverage
from ultramm.features.drift import bin_of, squared_distance, stability_index
from ultramm.inference.stored import ModelAbout

_MOST_CLIPPED, _MOST_BEYOND, _MOST_SHIFTED = 0.2, 0.01, 0.25
_SHORT_S, _LONG_S = 60.0, 3_600.0
_CHECKED_S = 60.0
_KEPT = math.exp(-_CHECKED_S / _LONG_S)
_STALE_S, _STALE_GAPS = 0.5, 20.0
_HOUR_NS = 3_600_000_000_000


class _Feed:
    """When a market was heard last, and how often it is."""

    def __init__(self) -> None:
        self._heard_ns, self._gaps = 0, SampleAverage(1_000.0)

    def heard(self, ts_ns: int) -> None:
        if self._heard_ns and ts_ns > self._heard_ns:
            self._gaps.update((ts_ns - self._heard_ns) * 1e-9)
        self._heard_ns = max(self._heard_ns, ts_ns)

    def silent_s(self, now_ns: int) -> float:
        """How long it is silent, where that is longer than it ever is; else nothing."""
        silent_s = (now_ns - self._heard_ns) * 1e-9
        return silent_s if self._heard_ns and silent_s > max(_STALE_S, _STALE_GAPS * self._gaps.value) else 0.0


class Familiarity:
    """Follows the rows that a model gets, and how old they are.

    Parameters
    ----------
    about : ModelAbout
    max_age_h : float
        Of the model: of the last row that it learned from.
    """

    def __init__(self, about: ModelAbout, max_age_h: float) -> None:
        of = self._of = about.familiar
        self._last_ns, self._max_age_ns, self._max_age_h = about.last_ns, max_age_h * _HOUR_NS, max_age_h
        self._clipped, self._beyond = EwAverage(_SHORT_S), EwAverage(_SHORT_S)
        self._counts = [[0.0] * len(shares) for shares in of.shares]
        self._places = [of.features.index(name) for name in of.watched]
        self._first_ns = self._check_ns = 0
        self._shifted = ""
        self._feeds = {"": _Feed()} if about.leader is None else {"": _Feed(), about.leader: _Feed()}

    def heard(self, ts_ns: int, leader: bool = False) -> None:
        """The market, or the one that leads it, said something."""
        feeds = tuple(self._feeds.values())
        feeds[-1 if leader else 0].heard(ts_ns)

    def on_row(self, ts_ns: int, row: Sequence[float], clipped: float) -> bool:
        """A row, of the features that distances are taken in; False where it is so strange that it tells nothing."""
        self._clipped.update(ts_ns, clipped)
        of = self._of
        far = squared_distance([x - c for x, c in zip(row, of.centre, strict=True)], of.factor) > of.furthest
        self._beyond.update(ts_ns, float(far))
        self._count(row)
        self._first_ns = self._first_ns or ts_ns
        if ts_ns >= self._check_ns:
            self._check_ns = ts_ns + round(_CHECKED_S * 1e9)
            self._check(ts_ns)
        return not far

    def _count(self, row: Sequence[float]) -> None:
        for place, edges, counts in zip(self._places, self._of.edges, self._counts, strict=True):
            counts[bin_of(edges, row[place])] += 1.0

    def _check(self, ts_ns: int) -> None:
        """Of an hour at least, which is forgotten as it goes by."""
        self._shifted = ""
        if (ts_ns - self._first_ns) * 1e-9 < _LONG_S:
            return
        for name, shares, counts in zip(self._of.watched, self._of.shares, self._counts, strict=True):
            found = stability_index(shares, counts)
            if found > _MOST_SHIFTED and not self._shifted:
                self._shifted = f"{name} is not distributed as when the model learned: stability index {found:.2f}"
            for place, count in enumerate(counts):
                counts[place] = count * _KEPT

    def strange(self, now_ns: int) -> str:
        """In words why the model is not to be believed whatever came of it; empty where it may be."""
        age_ns = now_ns - self._last_ns
        if age_ns > self._max_age_ns:
            hours = age_ns / _HOUR_NS
            return f"the model learned from what is {hours:,.0f} h old: {self._max_age_h:g} h are allowed"
        for name, feed in self._feeds.items():
            silent_s = feed.silent_s(now_ns)
            if silent_s:
                return f"what the model sees{' of ' + name if name else ''} is {silent_s:.1f} s old"
        if self._clipped.value > _MOST_CLIPPED:
            return f"{100 * self._clipped.value:.0f} % of what the model sees is beyond what it learned from"
        if self._beyond.value > _MOST_BEYOND:
            return (
                f"{100 * self._beyond.value:.0f} % of the moments that the model sees are unlike what it learned from"
            )
        return self._shifted
