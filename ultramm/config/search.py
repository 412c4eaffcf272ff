"""What is searched for better parameters: the file of ``ultramm backtest tune``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from ultramm.bounds import Seed
from ultramm.config.contest import Contestant, entered
from ultramm.config.load import Loaded, convert, parse, read
from ultramm.config.resolve import resolve
from ultramm.errors import ConfigError
from ultramm.learning.search import Range


class SearchConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market, a strategy, and which of its parameters may be others.

    Parameters
    ----------
    market : str
        A configuration of nodes with one strategy, in whose place the other is put.
    strategy : Contestant
    search : dict of str to Range
        At most six parameters: more want more seeds than anybody waits for.
    set, unseen_set : list of str
        ``KEY=VALUE`` of the market's configuration for the search, and for the runs on unseen seeds.
    first_seed, seeds : int
        On which all candidates are played.
    unseen_first_seed, unseen_seeds : int
        On which what was found is held against the start.
    generations, candidates : int
        How often, and how many at a time.
    seed : int
        Of what is drawn.
    """

    market: str
    strategy: Contestant
    search: Annotated[dict[str, Range], msgspec.Meta(min_length=1, max_length=6)]
    set: list[str] = []
    unseen_set: list[str] = []
    first_seed: Seed = 201
    seeds: Annotated[int, msgspec.Meta(ge=1)] = 6
    unseen_first_seed: Seed = 301
    unseen_seeds: Annotated[int, msgspec.Meta(ge=2)] = 20
    generations: Annotated[int, msgspec.Meta(ge=1)] = 9
    candidates: Annotated[int, msgspec.Meta(ge=4)] = 10
    seed: Seed = 0

    @property
    def start(self) -> dict[str, float]:
        """What the search begins with."""
        return {name: each.start for name, each in self.search.items()}

    def played(self, params: dict[str, float], loaded: Loaded, seed: int) -> Loaded:
        """The market with the strategy of these parameters in it."""
        own = msgspec.structs.replace(self.strategy, params={**self.strategy.params, **params})
        return entered(loaded, own, seed)


def _corners(config: SearchConfig) -> Iterator[dict[str, float]]:
    """The start, and each parameter at the ends of its range and between: whether all of it can be played."""
    yield config.start
    for name, each in config.search.items():
        for value in (each.least, each.value(0.37), each.most):
            yield {**config.start, name: value}


def read_search_config(path: Path) -> tuple[SearchConfig, Loaded, Loaded]:
    """The file, and its market as it is searched on, and on unseen seeds.

    Raises
    ------
    ConfigError
        One line: file, key, what is wrong.
    """
    config = convert(parse(path), SearchConfig, path, "")
    seen = set(range(config.first_seed, config.first_seed + config.seeds))
    if seen & set(range(config.unseen_first_seed, config.unseen_first_seed + config.unseen_seeds)):
        raise ConfigError(f"{path}: unseen_first_seed: these seeds are among those that are searched on")
    markets = [read(Path(config.market), [*more, "mode=backtest"]) for more in (config.set, config.unseen_set)]
    for market in markets:
        for params in _corners(config):
            try:
                resolve(config.played(params, market, config.first_seed))
            except ConfigError as exc:
                changed = [f"search.{name}" for name, value in params.items() if value != config.start[name]]
                if not changed:
                    raise
                raise ConfigError(f"{path}: {changed[0]}: {exc}") from exc
    return config, markets[0], markets[1]
