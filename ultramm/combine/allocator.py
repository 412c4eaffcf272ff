"""Weights of members that come, go and change in worth."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from ultramm.combine.blend import Bounds, blended, bounded, towards
from ultramm.combine.experts import AdaHedge, Experts, FixedShare, losses_of
from ultramm.combine.risk_parity import equal_risk, shrunk_covariance

Array = npt.NDArray[np.float64]
_LEAST_PERIODS = 30


class Allocator:
    """Half by what each earned after costs, half so that each carries as much risk; within bounds, and not too fast.

    Parameters
    ----------
    names : sequence of str
        Members.
    period_s : float
        Between two updates, seconds.
    switching : bool
        The best is expected to change: fixed share, else AdaHedge.
    memory : int
        Periods that variances and correlations look back on.

    Attributes
    ----------
    weights : dict of str to float
        Swapped whole at each update: whoever holds the old ones holds a consistent set.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        period_s: float = 300.0,
        bounds: Bounds | None = None,
        *,
        switching: bool = True,
        memory: int = 720,
    ) -> None:
        self._bounds = bounds or Bounds()
        self._turnover = self._bounds.turnover_per_h * period_s / 3_600.0
        self._switching, self._period_s, self._memory = switching, period_s, memory
        self._names: tuple[str, ...] = ()
        self._gains: deque[dict[str, float]] = deque(maxlen=memory)
        self.weights: dict[str, float] = {}
        self._set(names)

    def _set(self, names: tuple[str, ...]) -> None:
        """With these members from now on: what was learnt of those that stay is learnt anew from what is remembered."""
        kept = {name: self.weights.get(name, 0.0) for name in names}
        self._names = names
        self._experts = self._new_experts(max(1, len(names)))
        sigmas = self._sigmas()
        for gains in self._gains if names else ():
            self._experts.update(losses_of(self._row(gains), sigmas))
        total = sum(kept.values())
        share = 1.0 / len(names) if names else 0.0
        new = sum(name not in self.weights for name in names)
        left = 1.0 - new * share
        self.weights = {
            name: share if name not in self.weights else (left * kept[name] / total if total > 0 else share)
            for name in names
        }

    def _new_experts(self, count: int) -> Experts:
        a_day = max(2, round(86_400 / self._period_s))
        return FixedShare(count, periods=a_day) if self._switching else AdaHedge(count)

    def add(self, name: str) -> None:
        """One more, with an equal share."""
        self._set((*self._names, name))

    def remove(self, name: str) -> None:
        """One leaves; the others share what it had by their weights."""
        self._set(tuple(each for each in self._names if each != name))

    def update(self, gains: dict[str, float]) -> None:
        """What a full position of each brought in the last period, net of costs, in one currency."""
        if not self._names:
            return
        self._gains.append(gains)
        self._experts.update(losses_of(self._row(gains), self._sigmas()))
        wanted = bounded(blended(self._experts.weights, self._parity()), self._bounds)
        before = np.array([self.weights[name] for name in self._names])
        moved = towards(before, wanted, self._turnover)
        self.weights = dict(zip(self._names, moved.tolist(), strict=True))

    def _row(self, gains: dict[str, float]) -> Array:
        return np.array([gains.get(name, 0.0) for name in self._names])

    def _history(self) -> Array:
        return np.array([[gains.get(name, 0.0) for name in self._names] for gains in self._gains])

    def _sigmas(self) -> Array:
        """Of a period's gains; nothing where too few were seen."""
        history = self._history()
        return np.asarray(history.std(axis=0)) if len(history) >= _LEAST_PERIODS else np.zeros(len(self._names))

    def _parity(self) -> Array:
        equal = np.full(len(self._names), 1.0 / len(self._names))
        history = self._history()
        if len(history) < _LEAST_PERIODS:
            return equal
        # One that never did anything has no risk to share.
        active = history.std(axis=0) > 0.0
        if not active.any():
            return equal
        weights = np.zeros(len(self._names))
        weights[active] = equal_risk(shrunk_covariance(history[:, active])) * active.mean()
        weights[~active] = 1.0 / len(self._names)
        return np.asarray(weights)
