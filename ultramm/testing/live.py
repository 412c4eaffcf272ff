"""Whether a live venue gives a node what it needs: built, never connected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, get_type_hints

import msgspec
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.live.config import LiveDataClientConfig, LiveExecClientConfig
from nautilus_trader.live.factories import LiveDataClientFactory, LiveExecClientFactory
from nautilus_trader.model.identifiers import TraderId

from ultramm import plugin
from ultramm.config.secrets import secrets_of
from ultramm.custody.desk import Desk
from ultramm.errors import PluginError, UserError
from ultramm.nautilus.venue import Clients, LiveVenue
from ultramm.plugin import AdapterPlugin
from ultramm.testing.honour import not_honoured
from ultramm.testing.protocols import absent
from ultramm.testing.readme import Example, Readme

_KINDS = {
    "data_factory": LiveDataClientFactory,
    "data_config": LiveDataClientConfig,
    "exec_factory": LiveExecClientFactory,
    "exec_config": LiveExecClientConfig,
}
_LIVE_CLIENT = ("on_doubt", "listening", "listen_again")


def check_live(record: AdapterPlugin, params: type[msgspec.Struct], readme: Readme) -> Iterator[str]:
    """What is wrong with the live venue of an adapter, as each example in its README configures it."""
    examples = list(readme.examples(record.name))
    if not examples:
        yield f"README.md: no example; add a YAML block with venues: and adapter: {record.name}"
    for example in examples:
        yield from _check_example(record, params, example)


def _check_example(record: AdapterPlugin, params: type[msgspec.Struct], example: Example) -> Iterator[str]:
    try:
        live = plugin.load(record.live)
        given = msgspec.convert(example.params, params)
        venue = live(example.venue, example.symbols, given)
    except (PluginError, UserError, msgspec.ValidationError) as exc:
        yield f"README.md: the example {example.venue} cannot be built: {exc}"
        return
    yield from _check_round_trip(given)
    yield from _check_capabilities(record, given)
    yield from _check_refusals(live, example, given)
    if "-" in example.venue:
        yield f"live: the venue {example.venue} has a hyphen, at which the kernel cuts a client's name; use another"
    missing = [*absent(venue, LiveVenue), *(["dead_man_s"] if not hasattr(venue, "dead_man_s") else [])]
    if missing:
        yield f"live: {record.live} has no {', '.join(missing)}; see ultramm.nautilus.venue.LiveVenue"
        return
    declared = record.capabilities & getattr(given, "capabilities", record.capabilities)
    yield from _check_desk(venue, declared)
    try:
        clients = venue.clients()
    except UserError as exc:
        yield f"live: its clients cannot be configured: {exc}"
        return
    yield from asyncio.run(_check_clients(venue, declared, example.venue, clients))


def _check_round_trip(given: msgspec.Struct) -> Iterator[str]:
    if msgspec.convert(msgspec.to_builtins(given), type(given)) != given:
        yield "params: written out and read again they differ; use plain types"


def _check_capabilities(record: AdapterPlugin, given: msgspec.Struct) -> Iterator[str]:
    more = sorted(getattr(given, "capabilities", record.capabilities) - record.capabilities)
    if more:
        yield f"params.capabilities: {', '.join(more)}: more than the record has; add them there, or name fewer"


def _check_refusals(live: Callable[..., Any], example: Example, given: msgspec.Struct) -> Iterator[str]:
    """An account without one of its keys must be refused, in a line that says which."""
    for name in sorted(secrets_of(type(given))):
        if not getattr(given, name):
            continue
        try:
            live(example.venue, example.symbols, msgspec.structs.replace(given, **{name: ""}))
        except UserError as exc:
            if "\n" in str(exc) or f"params.{name}" not in str(exc):
                yield f"params.{name}: its absence is refused with {str(exc)!r}; write one line that names it"
        except Exception as exc:
            yield f"params.{name}: its absence ends in {type(exc).__name__}; raise ultramm.errors.UserError"
        else:
            yield f"params.{name}: its absence is not refused; the kernel would look for a key elsewhere"


def _check_desk(venue: LiveVenue, declared: frozenset[str]) -> Iterator[str]:
    try:
        desk = venue.desk()
    except UserError as exc:
        if "live-orders" in declared:
            yield f"live: no desk, though live-orders are declared: {exc}"
        return
    for name in absent(desk, Desk):
        yield f"live: its desk has no {name}; see ultramm.custody.desk.Desk"
    if not getattr(desk, "forgets_after_s", 0) > 0:
        yield "live: its desk has no forgets_after_s; say when a request can no more be carried out"


async def _check_clients(venue: Any, declared: frozenset[str], name: str, clients: Clients) -> list[str]:
    problems = []
    for part, kind in _KINDS.items():
        value = getattr(clients, part)
        fits = issubclass(value, kind) if part.endswith("factory") else isinstance(value, kind)
        if not fits:
            problems.append(f"live: clients().{part} is no {kind.__name__}; the kernel takes nothing else")
    if problems:
        return problems
    if getattr(venue, "connects_when_made", False):
        kind = _made_by(clients.exec_factory)
        return [*problems, *not_honoured(declared, kind)]
    try:
        data, execution = _make(clients, name)
    except Exception as exc:
        return [f"live: its clients cannot be made without a connection: {type(exc).__name__}: {exc}"]
    problems += not_honoured(declared, type(execution))
    if "live-orders" in declared:
        problems += [
            f"live: its execution client has no {each}; see ultramm.nautilus.venue.LiveClient"
            for each in _LIVE_CLIENT
            if not hasattr(execution, each)
        ]
        if not hasattr(data, "listening"):
            problems.append("live: its data client has no listening; say whether the market's messages arrive")
    return problems


def _make(clients: Clients, name: str) -> tuple[Any, Any]:
    loop, clock = asyncio.get_running_loop(), LiveClock()
    rest = MessageBus(TraderId("CHECK-001"), clock), Cache(), clock
    data = clients.data_factory.create(loop, name, clients.data_config, *rest)  # type: ignore[attr-defined]
    execution = clients.exec_factory.create(loop, name, clients.exec_config, *rest)  # type: ignore[attr-defined]
    return data, execution


def _made_by(factory: Any) -> Any:
    """What a factory says that it makes."""
    return get_type_hints(factory.create)["return"]
