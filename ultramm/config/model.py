"""What a model learns from: the file of ``ultramm model train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from ultramm.bounds import Seconds, Seed
from ultramm.config.contest import Contestant
from ultramm.config.load import convert, parse, read
from ultramm.config.resolve import Resolved, resolve
from ultramm.errors import ConfigError


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model must show before it trades: backtests with it and without, on what it has not seen.

    Parameters
    ----------
    strategy, against : Contestant
        Who trades by it, and what that is held against.
    set : list of str
        ``KEY=VALUE`` of the market's configuration, as how long a run is.
    first_seed, seeds : int
        Of a market that is drawn from one; a recording is played once.
    accept : str
        Why it is to trade though evidence is lacking; of nothing where it is not.
    """

    strategy: Contestant
    against: Contestant
    set: list[str] = []
    first_seed: Seed = 101
    seeds: Annotated[int, msgspec.Meta(ge=1)] = 20
    accept: str = ""


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market, and what of it is to be foretold.

    Parameters
    ----------
    name : str
        Of the model.
    market : str
        A configuration of nodes, whose venues are played; relative to the working folder.
    set : list of str
        ``KEY=VALUE`` of that configuration, for training.
    instrument : str
        ``SYMBOL.VENUE``.
    leader : str, optional
        Another that may move first.
    journals : tuple of str
        Of nodes that traded in it while it was recorded, as ``sqlite:///data/journal.db``: what fills of theirs lost is
        learned from, beside what trades of others would have.
    horizons_s : tuple of float
        At which all candidates are compared, seconds.
    horizon_s : float
        At which one is kept; one of them.
    every_s : float
        Least time between two rows, seconds.
    latency_s : float
        From a forecast to an order at the venue, seconds.
    folds : int
        Blocks of time that are tested on, each after what came before it.
    estimators : tuple of str
        Plugins that are tried; of each part the first that can learn it is the champion.
    shuffled : bool
        Learn from outcomes in random order: for seeing that nothing is found then.
    seed : int
        Of trees and intervals.
    keep : str
        Folder of models.
    proof : Proof, optional
        Asked for by ``ultramm model promote`` and ``run``.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    market: str
    set: list[str] = []
    instrument: str
    leader: str | None = None
    journals: tuple[str, ...] = ()
    horizons_s: Annotated[tuple[Seconds, ...], msgspec.Meta(min_length=1)] = (0.25, 1.0, 5.0)
    horizon_s: Seconds = 1.0
    every_s: Seconds = 0.1
    latency_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.05
    folds: Annotated[int, msgspec.Meta(ge=1, le=50)] = 4
    estimators: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("ridge", "poisson", "trees")
    shuffled: bool = False
    seed: Seed = 0
    keep: str = "data/models"
    proof: Proof | None = None


def read_model_config(path: Path, overrides: list[str] | None = None) -> tuple[ModelConfig, Resolved]:
    """The file, and the market that it names.

    Parameters
    ----------
    overrides : list of str
        ``KEY=VALUE`` of the market's configuration.

    Raises
    ------
    ConfigError
        One line: file, key, what is wrong.
    """
    config = convert(parse(path), ModelConfig, path, "")
    if config.horizon_s not in config.horizons_s:
        those = ", ".join(f"{each:g}" for each in config.horizons_s)
        raise ConfigError(f"{path}: horizon_s: {config.horizon_s:g} is not among horizons_s: {those}")
    if config.leader == config.instrument:
        raise ConfigError(f"{path}: leader: {config.leader} is the instrument itself; name another, or none")
    market = resolve(read(Path(config.market), [*config.set, *(overrides or []), "mode=backtest"]))
    known = [f"{each}.{name}" for name, venue in market.venues.items() for each in venue.settings.instruments]
    for key, instrument in (("instrument", config.instrument), ("leader", config.leader)):
        if instrument is not None and instrument not in known:
            there = ", ".join(known)
            raise ConfigError(f"{path}: {key}: {config.market} has no {instrument}; there are {there}")
    return config, market


def needed_proof(path: Path, config: ModelConfig) -> Proof:
    """What the file asks for before a model trades; raises `ConfigError` where it asks for nothing."""
    if config.proof is None:
        raise ConfigError(f"{path}: proof: is needed to promote; see docs/learning.md")
    return config.proof
