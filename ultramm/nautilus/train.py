"""Playing a market, and learning from it: what ``ultramm model train`` does, and what retraining does beside a node."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ultramm.config.model import ModelConfig
from ultramm.config.resolve import Resolved
from ultramm.errors import ConfigError, DataError, UserError
from ultramm.journal.fills import MakerFills
from ultramm.journal.open import open_journal
from ultramm.learning.dataset import Dataset
from ultramm.learning.registry import Registry
from ultramm.learning.release import Release, release
from ultramm.learning.train import Plan, estimator
from ultramm.market import Side
from ultramm.nautilus.observe import observe


def dataset_of(wanted: ModelConfig, market: Resolved, on_time: Callable[[int], None] | None = None) -> Dataset:
    """What is learned from: the market as a maker sees it, and fills of ours that journals tell of.

    Raises
    ------
    DataError
        Nothing was seen, or a journal is not there.
    """
    # Before the market is played, which may take hours.
    for place, name in enumerate(wanted.estimators):
        try:
            estimator(name)
        except UserError as exc:
            raise ConfigError(f"{wanted.name}: estimators[{place}]: {exc}") from exc
    own: list[tuple[int, Side]] = []
    data: dict[str, str] = {}
    for address in wanted.journals:
        with closing(open_journal(address)) as journal:
            if journal.place in data:
                raise DataError(f"{journal.place}: is named twice in journals; its fills would count twice")
            found = MakerFills(journal, wanted.instrument)
            data[journal.place] = found.sha256
        own += zip(found.times_ns, found.sides, strict=True)
    own.sort()
    dataset = observe(market, wanted.instrument, wanted.leader, wanted.every_s, on_time)
    return dataset.with_own([ts_ns for ts_ns, _ in own], [side for _, side in own], data)


def train(
    wanted: ModelConfig,
    market: Resolved,
    on_time: Callable[[int], None] | None = None,
    on_result: Callable[[str], None] = lambda _: None,
    keep_dataset: Path | None = None,
) -> Release:
    """A model of what a file wants, kept; called with the time to which the market has come, and what was tried.

    Parameters
    ----------
    keep_dataset : Path, optional
        Where what was learned from is written to as well.

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
    dataset = dataset_of(wanted, market, on_time)
    if keep_dataset is not None:
        dataset.save(keep_dataset)
    registry = Registry(Path(wanted.keep))
    try:
        return release(wanted.name, dataset, wanted.horizons_s, wanted.horizon_s, plan, registry, on_result)
    except (ValueError, TypeError) as exc:
        raise DataError(f"{wanted.market}: {exc}") from exc
