"""The plugin door: what a plugin is, which are installed, and how one is loaded.

A plugin is a frozen record of import paths, reached through an entry point. Listing loads the records and nothing
else, so that ``ultramm plugins list`` never pays for a trading kernel. The built-in strategies and adapters come
through the same three groups as anybody's:

- ``ultramm.strategies``: `StrategyPlugin`, what to quote
- ``ultramm.adapters``: `AdapterPlugin`, where to quote
- ``ultramm.plugins``: anything else that joins a node: an `ActorPlugin` inside it, a `ServicePlugin` beside it, a
  `ViewPlugin` on its page; or a `SignalPlugin` in a combined strategy, an `EstimatorPlugin` that learns
"""

from __future__ import annotations

import difflib
import importlib
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

import msgspec

from ultramm.errors import PluginError

Capability = Literal[
    "amend", "batch-cancel", "post-only", "iceberg", "cancel-by-side", "position-reports", "live-orders"
]


class StrategyPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy that turns the market into quotes.

    Parameters
    ----------
    params : str
        ``module:Class`` of the msgspec struct that holds the strategy's parameters.
    strategy : str
        ``module:Class`` of the strategy itself, an `ultramm.abilities.QuotingStrategy`.
    requires : frozenset of Capability
        What a venue must be able to do.
    """

    name: str
    summary: str
    params: str
    strategy: str
    requires: frozenset[Capability] = frozenset()


class AdapterPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A venue, recorded or live.

    Parameters
    ----------
    params : str
        ``module:Class`` of the msgspec struct that holds the adapter's parameters.
    source : str
        ``module:Class`` of its `ultramm.nautilus.source.Source`: a recorded or generated market, for backtest and
        paper; empty for a venue without.
    capabilities : frozenset of Capability
        What the venue can do; parameters may name fewer, by a property of that name.
    live : str
        ``module:Class`` of its `ultramm.nautilus.venue.LiveVenue`, which trades for real; empty where it cannot.
    """

    name: str
    summary: str
    params: str
    source: str = ""
    live: str = ""
    capabilities: frozenset[Capability] = frozenset()


class ActorPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """What joins a node from within, and hears what its kernel says: a guard, a recorder.

    Parameters
    ----------
    actor : str
        ``module:Class`` of a Nautilus actor, built as ``actor(params)``; it joins nodes and backtests alike.
    """

    name: str
    summary: str
    params: str
    actor: str


class ServicePlugin(msgspec.Struct, frozen=True, kw_only=True):
    """What runs beside a node, in a process of its own so that it never slows a quote: an exporter.

    Parameters
    ----------
    serve : str
        ``module:function``, called as ``serve(params, open_journal)``; ``open_journal()`` gives the node's journal, to
        be read. It is ended with the node, as a process is.
    """

    name: str
    summary: str
    params: str
    serve: str


class ViewPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A tab of the page.

    Parameters
    ----------
    view : str
        ``module:Class`` of an `ultramm.dashboard.views.View`, built as ``view(params)`` for each page.
    """

    name: str
    summary: str
    params: str
    view: str


class SignalPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A view of where a price goes, which a combined strategy may follow.

    Parameters
    ----------
    source : str
        ``module:Class`` of an `ultramm.signals.sources.Source`, built as ``source(params)``.
    """

    name: str
    summary: str
    params: str
    source: str


class EstimatorPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """What can learn, as a candidate beside the others of ``ultramm model train``.

    Parameters
    ----------
    estimator : str
        ``module:Class`` of an `ultramm.learning.estimators.Estimator`, built as ``estimator()``.
    loss : {"squares", "arrivals"}
        Of what it learns: moves, volatilities and losses of fills, or counts.
    """

    name: str
    summary: str
    estimator: str
    loss: Literal["squares", "arrivals"] = "squares"


OtherPlugin = ActorPlugin | ServicePlugin | ViewPlugin | SignalPlugin | EstimatorPlugin
Record = StrategyPlugin | AdapterPlugin | OtherPlugin

# What each group's entry points may lead to.
GROUPS: dict[str, tuple[type[Record], ...]] = {
    "ultramm.strategies": (StrategyPlugin,),
    "ultramm.adapters": (AdapterPlugin,),
    "ultramm.plugins": (ActorPlugin, ServicePlugin, ViewPlugin, SignalPlugin, EstimatorPlugin),
}
KINDS: dict[str, str] = {
    "strategy": "ultramm.strategies",
    "adapter": "ultramm.adapters",
    "plugin": "ultramm.plugins",
}


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """One entry point as found: its record, or why it has none."""

    kind: str
    name: str
    distribution: str
    version: str
    record: Record | None = None
    error: str | None = None


def installed(kind: str | None = None) -> list[Installed]:
    """Every plugin found, sorted by kind and name; broken and duplicate ones carry their `error`.

    Parameters
    ----------
    kind : {"strategy", "adapter", "plugin"}, optional
        Only plugins of this kind.
    """
    found = []
    for kind_name, group in KINDS.items():
        if kind in (None, kind_name):
            found += _refuse_duplicates([_read(kind_name, entry) for entry in entry_points(group=group)])
    return sorted(found, key=lambda plugin: (plugin.kind, plugin.name, plugin.distribution))


def record(kind: str, name: str) -> Record:
    """The record of one plugin.

    Raises
    ------
    PluginError
        When there is none of that name (the nearest is suggested), two, or a broken one.
    """
    matches = [plugin for plugin in installed(kind) if plugin.name == name]
    if not matches:
        raise PluginError(_missing(kind, name))
    found = matches[0]
    if found.error is not None or found.record is None:
        raise PluginError(f"{kind} {name} of {found.distribution} {found.version}: {found.error}")
    return found.record


def load(path: str) -> Any:
    """The object at ``module:attribute``.

    Raises
    ------
    PluginError
        When the module or the attribute cannot be had; the cause is named.
    """
    module_name, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (Exception, SystemExit) as exc:
        raise PluginError(f"cannot load {path}: {_one_line(exc)}") from exc


def _read(kind: str, entry: EntryPoint) -> Installed:
    name, version = _origin(entry)
    expected = GROUPS[KINDS[kind]]
    try:
        loaded = entry.load()
    except (Exception, SystemExit) as exc:
        return Installed(kind=kind, name=entry.name, distribution=name, version=version, error=_one_line(exc))
    if not isinstance(loaded, expected):
        wanted = " or ".join(each.__name__ for each in expected)
        error = f"{entry.value} is a {type(loaded).__name__}, not a {wanted}"
        return Installed(kind=kind, name=entry.name, distribution=name, version=version, error=error)
    if loaded.name != entry.name:
        error = f"entry point {entry.name} holds a record that is named {loaded.name}"
        return Installed(kind=kind, name=entry.name, distribution=name, version=version, error=error)
    return Installed(kind=kind, name=entry.name, distribution=name, version=version, record=loaded)


def _origin(entry: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution; question marks where its metadata is damaged."""
    metadata = entry.dist.metadata if entry.dist else None
    if metadata is None:
        return "?", "?"
    # Asked for as messages do it: the shortcuts of a distribution break on a missing field.
    return (metadata.get("Name") or "?", metadata.get("Version") or "?")


def _refuse_duplicates(plugins: Iterable[Installed]) -> list[Installed]:
    by_name: defaultdict[str, list[Installed]] = defaultdict(list)
    for plugin in plugins:
        by_name[plugin.name].append(plugin)
    kept: list[Installed] = []
    for same in by_name.values():
        # An editable install beside a wheel of the same distribution is one plugin, found twice.
        owners = sorted({plugin.distribution for plugin in same})
        if len(owners) == 1:
            kept.append(same[0])
            continue
        error = f"provided by {' and '.join(owners)}: uninstall all but one"
        kept += [msgspec.structs.replace(plugin, record=None, error=error) for plugin in same]
    return kept


def _missing(kind: str, name: str) -> str:
    names = sorted({plugin.name for plugin in installed(kind)})
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"installed: {', '.join(names) or 'none'}"
    return f"no {kind} named {name!r}; {hint}"


def _one_line(exc: BaseException) -> str:
    return " ".join(f"{type(exc).__name__}: {exc}".split())
