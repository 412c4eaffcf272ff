"""A configuration joined with the plugins that it names."""

from __future__ import annotations

import difflib
from typing import Any

import msgspec

from ultramm import plugin
from ultramm.config.load import Loaded, convert
from ultramm.config.schema import Config, Risk, Strategy, Venue
from ultramm.config.secrets import require_environment
from ultramm.errors import ConfigError, PluginError
from ultramm.plugin import (
    ActorPlugin,
    AdapterPlugin,
    Capability,
    EstimatorPlugin,
    OtherPlugin,
    SignalPlugin,
    StrategyPlugin,
)


class ResolvedVenue(msgspec.Struct, frozen=True):
    """A venue with its adapter's record and parameters, and what it can do with these."""

    name: str
    settings: Venue
    adapter: AdapterPlugin
    params: Any

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those of the adapter, unless its parameters name fewer."""
        narrowed: frozenset[Capability] = getattr(self.params, "capabilities", self.adapter.capabilities)
        return narrowed & self.adapter.capabilities


class ResolvedStrategy(msgspec.Struct, frozen=True):
    """A strategy with its plugin's record and parameters, and the limits that hold for it."""

    settings: Strategy
    plugin: StrategyPlugin
    params: Any
    risk: Risk


class ResolvedPlugin(msgspec.Struct, frozen=True):
    """An actor, a service or a view with its plugin's record and parameters."""

    plugin: OtherPlugin
    params: Any


class Resolved(msgspec.Struct, frozen=True):
    """A configuration that can run: every name in it leads somewhere."""

    config: Config
    loaded: Loaded
    venues: dict[str, ResolvedVenue]
    strategies: tuple[ResolvedStrategy, ...]
    plugins: tuple[ResolvedPlugin, ...] = ()

    @property
    def watches(self) -> bool:
        """Whether the venues themselves send their markets; else they are played."""
        return all(not venue.adapter.source for venue in self.venues.values())


def resolve(loaded: Loaded) -> Resolved:
    """Find the plugins, read their parameters, and check what the parts say of each other.

    Raises
    ------
    ConfigError
        One line: file, key path, what is wrong, what is allowed.
    """
    config = loaded.config
    venues = {name: _venue(loaded, name, venue) for name, venue in config.venues.items()}
    strategies = tuple(_strategy(loaded, index, venues) for index in range(len(config.strategies)))
    _check_markets(loaded, venues)
    _check_repeats(loaded)
    for index, peg in enumerate(config.risk.pegs):
        _venue_of(loaded, f"risk.pegs[{index}].instrument", peg.instrument, venues)
    _check_hedges(loaded, strategies)
    plugins = tuple(_plugin(loaded, index) for index in range(len(config.plugins)))
    _check_plugins_once(loaded, plugins)
    return Resolved(config, loaded, venues, strategies, plugins)


def _venue(loaded: Loaded, name: str, venue: Venue) -> ResolvedVenue:
    where = f"venues.{name}"
    adapter = _record(loaded, f"{where}.adapter", "adapter", venue.adapter)
    params = _params(loaded, f"{where}.params", adapter.params, venue.params)
    mode = loaded.config.mode
    require_environment(loaded, params, f"{where}.params")
    resolved = ResolvedVenue(name, venue, adapter, params)
    if mode == "live" and "live-orders" not in resolved.capabilities:
        raise _error(
            loaded, "mode", f"adapter {venue.adapter} of venue {name} takes no live orders{_instead(resolved)}"
        )
    if mode == "backtest" and not adapter.source:
        raise _error(
            loaded, "mode", f"adapter {venue.adapter} of venue {name} has no market to play back; use mode: paper"
        )
    if mode != "live" and venue.paper is None:
        raise _error(loaded, f"{where}.paper", f"mode {mode} needs it, with starting_balances")
    if mode == "paper" and not adapter.source:
        for key in ("maker_fee_bps", "taker_fee_bps"):
            if getattr(venue.paper, key) is None:
                raise _error(loaded, f"{where}.paper.{key}", "missing; the venue tells its fees to members only")
    return resolved


def _check_markets(loaded: Loaded, venues: dict[str, ResolvedVenue]) -> None:
    """On paper all markets come from their venues, or all are played: those would be of another time."""
    if loaded.config.mode != "paper":
        return
    played = [name for name, venue in venues.items() if venue.adapter.source]
    if played and len(played) < len(venues):
        watched = next(name for name in venues if name not in played)
        raise _error(
            loaded, f"venues.{watched}.adapter", f"its market is live, that of {played[0]} is played; use two files"
        )


def _instead(venue: ResolvedVenue) -> str:
    """What to do where a venue takes no live orders: other parameters, or another mode, or nothing."""
    if "live-orders" in venue.adapter.capabilities:
        return " with these params; its README says with which"
    return "; use mode: paper"


def _strategy(loaded: Loaded, index: int, venues: dict[str, ResolvedVenue]) -> ResolvedStrategy:
    settings = loaded.config.strategies[index]
    where = f"strategies[{index}]"
    record = _record(loaded, f"{where}.use", "strategy", settings.use)
    params = _params(loaded, f"{where}.params", record.params, settings.params)
    if params.backtest_only and loaded.config.mode != "backtest":
        raise _error(loaded, f"{where}.params", params.backtest_only)
    for reference in params.references:
        key = f"{where}.params.{_key_of(params, reference)}"
        _venue_of(loaded, key, reference, venues)
        if reference in settings.instruments:
            raise _error(loaded, key, f"{reference} is what is quoted; name another")
    for position, instrument in enumerate(settings.instruments):
        venue = _venue_of(loaded, f"{where}.instruments[{position}]", instrument, venues)
        missing = record.requires - venue.capabilities
        if missing:
            text = f"{settings.use} needs {', '.join(sorted(missing))}, which adapter {venue.adapter.name} cannot do"
            raise _error(loaded, f"{where}.use", text)
        missing = params.requires - venue.capabilities
        if missing:
            text = f"they need {', '.join(sorted(missing))}, which {venue.name} cannot do"
            raise _error(loaded, f"{where}.params", text)
    return ResolvedStrategy(settings, record, params, _risk(loaded, settings, f"{where}.risk"))


def _key_of(params: msgspec.Struct, value: str) -> str:
    """The parameter that has a value, or has it among others."""
    fields = msgspec.structs.asdict(params)
    return next(key for key, given in fields.items() if value == given or (isinstance(given, tuple) and value in given))


def _risk(loaded: Loaded, settings: Strategy, where: str) -> Risk:
    """The node's limits, and instead of them those that the strategy states."""
    if not settings.risk:
        return loaded.config.risk
    for key in ("total", "pegs", "disconnect"):
        if key in settings.risk:
            raise _error(loaded, f"{where}.{key}", "it is of all strategies together; state it under risk")
    return convert(msgspec.to_builtins(loaded.config.risk) | settings.risk, Risk, loaded.path, where)


def _plugin(loaded: Loaded, index: int) -> ResolvedPlugin:
    settings = loaded.config.plugins[index]
    record = _record(loaded, f"plugins[{index}].use", "plugin", settings.use)
    if isinstance(record, SignalPlugin):
        text = f"{settings.use} is a signal; name it among the members of a combined strategy"
        raise _error(loaded, f"plugins[{index}].use", text)
    if isinstance(record, EstimatorPlugin):
        text = f"{settings.use} learns, and joins no node; name it in the file of ultramm model train"
        raise _error(loaded, f"plugins[{index}].use", text)
    return ResolvedPlugin(record, _params(loaded, f"plugins[{index}].params", record.params, settings.params))


def _check_plugins_once(loaded: Loaded, plugins: tuple[ResolvedPlugin, ...]) -> None:
    """Of actors there may be several; a service or a view is known by its name."""
    names = [item.plugin.name for item in plugins]
    for index, item in enumerate(plugins):
        if not isinstance(item.plugin, ActorPlugin) and item.plugin.name in names[:index]:
            raise _error(loaded, f"plugins[{index}].use", f"{item.plugin.name} is listed already; name it once")


def _venue_of(loaded: Loaded, where: str, instrument: str, venues: dict[str, ResolvedVenue]) -> ResolvedVenue:
    symbol, _, venue_name = instrument.rpartition(".")
    if venue_name not in venues or not symbol:
        known = [f"{name}.{venue}" for venue, v in venues.items() for name in v.settings.instruments]
        raise _error(loaded, where, f"unknown instrument {instrument}; {_nearest(instrument, known)}")
    known = venues[venue_name].settings.instruments
    if symbol not in known:
        full = [f"{name}.{venue_name}" for name in known]
        raise _error(loaded, where, f"unknown instrument {instrument}; {_nearest(instrument, full)}")
    return venues[venue_name]


def _check_repeats(loaded: Loaded) -> None:
    for name, venue in loaded.config.venues.items():
        _check_once(loaded, f"venues.{name}.instruments", venue.instruments)
    seen: set[str] = set()
    for index, strategy in enumerate(loaded.config.strategies):
        if strategy.name in seen:
            raise _error(loaded, f"strategies[{index}].name", f"{strategy.name} is taken; each strategy needs its own")
        seen.add(strategy.name)
        _check_once(loaded, f"strategies[{index}].instruments", strategy.instruments)


def _check_hedges(loaded: Loaded, strategies: tuple[ResolvedStrategy, ...]) -> None:
    """That what offsets positions names makers, and that no position is offset twice."""
    by_name = {strategy.settings.name: strategy for strategy in strategies}
    hedged: dict[str, tuple[str, ...]] = {}
    for index, strategy in enumerate(strategies):
        if not strategy.params.makers:
            continue
        where, name, basket = f"strategies[{index}]", strategy.settings.name, strategy.params.basket
        if len(strategy.settings.instruments) > 1:
            text = "a hedge trades one instrument; make a strategy of each, and let each name the others in its basket"
            raise _error(loaded, f"{where}.instruments[1]", text)
        for position, maker in enumerate(strategy.params.makers):
            _check_hedged(loaded, f"{where}.params.makers[{position}]", strategy, maker, by_name)
            for other in hedged.get(maker, ()):
                if other not in basket or name not in by_name[other].params.basket:
                    text = f"{other} hedges {maker} already; let each name the other in its basket"
                    raise _error(loaded, f"{where}.params.basket", text)
            hedged[maker] = (*hedged.get(maker, ()), name)
        for position, other in enumerate(basket):
            here = f"{where}.params.basket[{position}]"
            if other == name or other not in by_name:
                raise _error(loaded, here, _unknown_strategy(other, [each for each in by_name if each != name]))
            if set(by_name[other].params.makers) != set(strategy.params.makers):
                raise _error(loaded, here, f"{other} hedges other makers; a basket shares the same ones")


def _check_hedged(
    loaded: Loaded, where: str, hedger: ResolvedStrategy, maker: str, by_name: dict[str, ResolvedStrategy]
) -> None:
    if maker == hedger.settings.name:
        raise _error(loaded, where, f"{maker} would hedge itself; name a maker")
    if maker not in by_name:
        raise _error(
            loaded, where, _unknown_strategy(maker, [each for each in by_name if each != hedger.settings.name])
        )
    if by_name[maker].params.makers:
        raise _error(loaded, where, f"{maker} is a hedge itself; name a maker")
    for instrument in hedger.settings.instruments:
        if instrument in by_name[maker].settings.instruments:
            raise _error(loaded, where, f"{maker} quotes {instrument}, which is to hedge it; name another instrument")


def _unknown_strategy(name: str, known: list[str]) -> str:
    return f"unknown strategy {name}; {_nearest(name, known)}"


def _check_once(loaded: Loaded, where: str, instruments: list[str]) -> None:
    for position, instrument in enumerate(instruments):
        if instrument in instruments[:position]:
            raise _error(loaded, f"{where}[{position}]", f"{instrument} is listed already; name each once")


def _record(loaded: Loaded, where: str, kind: str, name: str) -> Any:
    try:
        return plugin.record(kind, name)
    except PluginError as exc:
        raise _error(loaded, where, str(exc)) from exc


def _params(loaded: Loaded, where: str, path: str, values: dict[str, object]) -> Any:
    try:
        struct = plugin.load(path)
    except PluginError as exc:
        raise _error(loaded, where, str(exc)) from exc
    return convert(values, struct, loaded.path, where)


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"


def _error(loaded: Loaded, where: str, text: str) -> ConfigError:
    return ConfigError(f"{loaded.path}: {where}: {text}")
