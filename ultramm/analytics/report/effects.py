"""What moved a maker's quotes, over a run."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from ultramm.analytics.report.series import BoundedSeries, Floats
from ultramm.market import known
from ultramm.quoting.decision import name_and_unit


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One effect over a run, of the steps in which it was known.

    Parameters
    ----------
    mean, lowest, highest, last : float, optional
        None where it never was.
    """

    name: str
    unit: str
    mean: float | None
    lowest: float | None
    highest: float | None
    last: float | None


class EffectSeries:
    """What moved a maker's quotes over time: a series for each effect that was ever told, whenever it came and went.

    Parameters
    ----------
    step_ns, rows : int
        As of `BoundedSeries`.
    """

    def __init__(self, step_ns: int, rows: int) -> None:
        self._step_ns, self._rows = step_ns, rows
        self._series: dict[str, BoundedSeries] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """In the order in which they were first told."""
        return tuple(self._series)

    def __getitem__(self, name: str) -> BoundedSeries:
        """Its only column is "value"; NaN while the effect was not known."""
        return self._series[name]

    def put(self, ts_ns: int, effects: Mapping[str, float | None]) -> None:
        """What holds until `ts_ns`."""
        for name in effects:
            if name not in self._series:
                self._series[name] = BoundedSeries({"value": "last"}, self._step_ns, self._rows)
        for name, series in self._series.items():
            value = effects.get(name)
            series.put(ts_ns, math.nan if value is None else value)

    def before(self, ts_ns: int, name: str) -> float:
        """What an effect was last known to be ahead of a moment; NaN if it was not."""
        if name not in self._series:
            return math.nan
        series = self._series[name]
        values = series.column("value")[: int(np.searchsorted(series.times_ns(), ts_ns, side="left"))]
        found = values[np.isfinite(values)]
        return float(found[-1]) if len(found) else math.nan

    def summary(self) -> list[Effect]:
        """Each effect in words."""
        return [_summary(name, series.column("value")) for name, series in self._series.items()]


def _summary(name: str, values: Floats) -> Effect:
    text, unit = name_and_unit(name)
    found = values[np.isfinite(values)]
    if not len(found):
        return Effect(name=text, unit=unit, mean=None, lowest=None, highest=None, last=None)
    return Effect(
        name=text,
        unit=unit,
        mean=float(found.mean()),
        lowest=float(found.min()),
        highest=float(found.max()),
        last=known(float(values[-1])),
    )
