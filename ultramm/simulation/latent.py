"""The efficient price that nobody in the synthetic market quotes, and everybody is drawn to."""

from __future__ import annotations

import math
import random
from collections import deque

from ultramm.simulation.presets import Preset

STEP_S = 0.02
"""The price diffuses in steps of this length, below a provider's delay; in between, only impact moves it."""

_MEMORY_STEPS = 64


class LatentPrice:
    """A Brownian price with two volatility regimes, normal jumps and the impact of trades.

    Regimes and jumps have exponential clocks. The price remembers its recent past, because liquidity
    providers look at it with a delay. It draws the same numbers whatever the book does, so that two presets
    of equal volatility have the same path under one seed, up to impact.

    Parameters
    ----------
    preset : Preset
        Volatility, regimes and jumps.
    rng : random.Random
        The stream that it alone draws from.
    start_s : float
        Time of the first value, which is 0 ticks.
    """

    def __init__(self, preset: Preset, rng: random.Random, start_s: float) -> None:
        self._preset = preset
        self._rng = rng
        self._calm_sd = preset.sigma_ticks * math.sqrt(STEP_S)
        self._sd = self._calm_sd
        self._past = deque([0.0] * _MEMORY_STEPS, maxlen=_MEMORY_STEPS)
        self._jump_at_s = start_s + rng.expovariate(preset.jump_rate_per_s)
        self._turn_at_s = start_s + rng.expovariate(1.0 / preset.calm_mean_s)
        self.turbulent = False
        self.ticks = 0.0
        self.next_s = start_s + STEP_S

    def step(self) -> None:
        """Move on to `next_s`."""
        now_s = self.next_s
        if now_s >= self._turn_at_s:
            self._turn(now_s)
        self.ticks += self._rng.gauss(0.0, self._sd)
        if now_s >= self._jump_at_s:
            self.ticks += self._rng.gauss(0.0, self._preset.jump_sd_ticks)
            self._jump_at_s = now_s + self._rng.expovariate(self._preset.jump_rate_per_s)
        self._past.append(self.ticks)
        self.next_s = now_s + STEP_S

    def seen(self, age_s: float) -> float:
        """The price of `age_s` seconds ago in ticks, at most 1.3 s ago.

        Rounding down to whole steps makes up, on average, for the time since the last step.
        """
        return self._past[-1 - min(int(age_s / STEP_S), _MEMORY_STEPS - 1)]

    def _turn(self, now_s: float) -> None:
        self.turbulent = not self.turbulent
        preset = self._preset
        self._sd = self._calm_sd * (preset.turbulence if self.turbulent else 1.0)
        stay_s = preset.turbulent_mean_s if self.turbulent else preset.calm_mean_s
        self._turn_at_s = now_s + self._rng.expovariate(1.0 / stay_s)
