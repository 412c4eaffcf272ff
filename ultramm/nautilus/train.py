"""Playing a market, and learning from it: what ``ultramm model train`` does, and what retraining does beside a node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ultramm.config.model import ModelConfig
from ultramm.config.resolve import Resolved
from ultramm.errors import DataError
from ultramm.learning.registry import Registry
from ultramm.learning.release import Release, release
from ultramm.learning.train import Plan
from ultramm.nautilus.observe import observe


def train(
    wanted: ModelConfig,
    market: Resolved,
    on_time: Callable[[int], None] | None = None,
    on_result: Callable[[str], None] = lambda _: None,
) -> Release:
    """A model of what a file wants, kept; called with the time to which the market has come, and what was tried.

    Raises
    ------
    DataError
        Nothing, or too little, was seen.
    """
    plan = Plan(
        latency_s=wanted.latency_s,
        folds=wanted.folds,
        estimators=wanted.estimators,
        shuffled=wanted.shuffled,
        seed=wanted.seed,
    )
    dataset = observe(market, wanted.instrument, wanted.leader, wanted.every_s, on_time)
    registry = Registry(Path(wanted.keep))
    try:
        return release(wanted.name, dataset, wanted.horizons_s, wanted.horizon_s, plan, registry, on_result)
    except (ValueError, TypeError) as exc:
        raise DataError(f"{wanted.market}: {exc}") from exc
