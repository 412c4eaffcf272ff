"""Which strategies meet on a market: a file of names, each with a plugin and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ultramm.config.load import Loaded, convert, parse
from ultramm.config.schema import Paper
from ultramm.errors import ConfigError


class Contestant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy that takes the place of the one in a market's configuration.

    Parameters
    ----------
    use : str
        The plugin.
    keep : list of str
        Parameters that it takes over from the market's own strategy, where that has them: sizes, how often to quote.
    params : dict
        The others.
    """

    use: str
    keep: list[str] = []
    params: dict[str, Any] = {}


def read_contestants(path: Path) -> dict[str, Contestant]:
    """The contestants by name, in the order of the file; the first is what the others are compared with.

    Raises
    ------
    ConfigError
        One line: file, key path, what is wrong.
    """
    found = convert(parse(path), dict[str, Contestant], path, "")
    if len(found) < 2:
        raise ConfigError(f"{path}: names {len(found)} strategies; a comparison takes two or more")
    return found


def entered(loaded: Loaded, contestant: Contestant, seed: int) -> Loaded:
    """A market's configuration with another strategy in the place of its own, and a seed."""
    config = loaded.config
    if len(config.strategies) != 1:
        raise ConfigError(f"{loaded.path}: strategies: has {len(config.strategies)}; a comparison replaces just one")
    own = config.strategies[0]
    kept = {name: own.params[name] for name in contestant.keep if name in own.params}
    strategy = msgspec.structs.replace(own, use=contestant.use, params={**kept, **contestant.params})
    return msgspec.structs.replace(loaded, config=msgspec.structs.replace(config, strategies=[strategy], seed=seed))


def with_paper(loaded: Loaded, change: Callable[[Paper], Paper]) -> Loaded:
    """A configuration with all its simulated accounts and venues changed."""
    venues = {
        name: venue if venue.paper is None else msgspec.structs.replace(venue, paper=change(venue.paper))
        for name, venue in loaded.config.venues.items()
    }
    return msgspec.structs.replace(loaded, config=msgspec.structs.replace(loaded.config, venues=venues))
