"""From a resolved configuration to sources and strategy shells: shared by backtest, paper and live."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

import msgspec

from ultramm import plugin
from ultramm.config.resolve import Resolved, ResolvedStrategy
from ultramm.config.schema import Config, Risk
from ultramm.custody.ledger import OrderLedger
from ultramm.errors import ConfigError, DataError, PluginError, UserError
from ultramm.journal.records import Record
from ultramm.maker import Maker
from ultramm.market import Instrument
from ultramm.nautilus.account import with_fees
from ultramm.nautilus.convert import to_instrument
from ultramm.nautilus.memory import Memory
from ultramm.nautilus.pegs import PegWatch
from ultramm.nautilus.shell import MakerBuilder, MakerShell
from ultramm.nautilus.source import Source
from ultramm.plugin import ActorPlugin
from ultramm.risk.budget import MessageBudget
from ultramm.risk.exposures import Exposures, TotalLimits
from ultramm.risk.limits import Funds, Limits
from ultramm.risk.protection import Protections
from ultramm.risk.stops import Allowed, StopLimits
from ultramm.risk.surveillance.patterns import DEPTH_LEVELS
from ultramm.risk.value_at_risk import VarLimit

# Markets that begin further apart are of different times, or one of them is generated and the other recorded.
_TOGETHER_NS = 86_400_000_000_000

Recorder = Callable[[int, Record], None]


class Feed(msgspec.Struct, frozen=True):
    """A venue's source with its instruments, fees as configured."""

    venue: str
    source: Source
    instruments: list[Any]


def feeds(resolved: Resolved) -> list[Feed]:
    """Open every venue's source.

    Raises
    ------
    UserError
        When the data a source names cannot be had; the message names file and key.
    """
    return [_feed(resolved, name) for name in resolved.venues]


def _feed(resolved: Resolved, name: str) -> Feed:
    venue = resolved.venues[name]
    path = resolved.loaded.path
    try:
        source_class = plugin.load(venue.adapter.source)
    except PluginError as exc:
        raise ConfigError(f"{path}: venues.{name}.adapter: {exc}") from exc
    try:
        source: Source = source_class(name, venue.settings.instruments, venue.params, resolved.config.seed)
        paper = venue.settings.paper
        instruments = [with_fees(i, paper) if paper is not None else i for i in source.instruments()]
    except UserError as exc:
        raise type(exc)(f"{path}: venues.{name}: {exc}") from exc
    return Feed(name, source, instruments)


def defined_instruments(opened: list[Feed]) -> list[Any]:
    """The instruments as their sources define them: with the venue's fees, not those of the configuration."""
    return [instrument for feed in opened for instrument in feed.source.instruments()]


def merged(opened: list[Feed], *, endless: bool = False) -> Iterator[Any]:
    """The events of all venues in the order of ``ts_init``.

    Raises
    ------
    DataError
        When the venues' data begin too far apart to be one market.
    """
    if len(opened) == 1:
        return opened[0].source.events(endless=endless)
    streams, firsts = [], []
    for feed in opened:
        events = iter(feed.source.events(endless=endless))
        first = next(events, None)
        if first is not None:
            firsts.append(first.ts_init)
            streams.append(chain((first,), events))
    if firsts and max(firsts) - min(firsts) > _TOGETHER_NS:
        venues = ", ".join(feed.venue for feed in opened)
        days = (max(firsts) - min(firsts)) / 86_400e9
        raise DataError(f"the data of {venues} begin {days:.0f} days apart: they cannot be played together")
    return heapq.merge(*streams, key=lambda event: event.ts_init)


def shells(
    resolved: Resolved,
    record: Recorder,
    shell: type[MakerShell] = MakerShell,
    ledger: OrderLedger | None = None,
    memory: Memory | None = None,
    stopped: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> list[MakerShell]:
    """A shell for each strategy and instrument, of the class `shell`; `stopped` says which of them are, and why."""
    made: list[MakerShell] = []
    exposures = Exposures(_total_limits(resolved), _rates(resolved))
    for strategy in resolved.strategies:
        try:
            quoting = plugin.load(strategy.plugin.strategy)
        except PluginError as exc:
            raise ConfigError(f"{resolved.loaded.path}: strategies: {strategy.settings.name}: {exc}") from exc
        for instrument_id in strategy.settings.instruments:
            made.append(
                shell(
                    name=strategy.settings.name,
                    tag=f"{len(made) + 1:03d}",
                    instrument_id=instrument_id,
                    build=_maker_builder(
                        strategy,
                        quoting,
                        resolved.config,
                        amends=_amends(resolved, instrument_id),
                        memory=memory,
                        exposures=exposures,
                    ),
                    funds_share=1.0 / _sharers(resolved, instrument_id),
                    depth_levels=max(strategy.params.depth_levels, DEPTH_LEVELS if strategy.risk.manipulation else 1),
                    record=record,
                    references=strategy.params.references,
                    reference_levels=strategy.params.reference_levels,
                    ledger=ledger,
                    exposures=exposures,
                    stopped=stopped.get((strategy.settings.name, instrument_id), ""),
                )
            )
    return made


def actors(resolved: Resolved, makers: list[MakerShell]) -> list[Any]:
    """The actors of the configured plugins, each built as ``actor(params)``, and what watches for the makers."""
    pegs = resolved.config.risk.pegs
    made: list[Any] = [PegWatch(pegs, makers[0].exposures)] if pegs else []
    for index, item in enumerate(resolved.plugins):
        if not isinstance(item.plugin, ActorPlugin):
            continue
        try:
            made.append(plugin.load(item.plugin.actor)(item.params))
        except PluginError as exc:
            raise ConfigError(f"{resolved.loaded.path}: plugins[{index}].use: {exc}") from exc
    return made


def _amends(resolved: Resolved, instrument_id: str) -> bool:
    """Whether the venue can change an order; on paper, where that would lose its place, it is not done."""
    venue = resolved.venues[instrument_id.rpartition(".")[2]]
    return resolved.config.mode == "live" and "amend" in venue.capabilities


def _sharers(resolved: Resolved, instrument_id: str) -> int:
    """How many makers trade with the same account."""
    venue = instrument_id.rpartition(".")[2]
    all_instruments = [i for strategy in resolved.strategies for i in strategy.settings.instruments]
    return sum(instrument.rpartition(".")[2] == venue for instrument in all_instruments)


def _maker_builder(
    strategy: ResolvedStrategy,
    quoting: Any,
    config: Config,
    *,
    amends: bool,
    memory: Memory | None,
    exposures: Exposures,
) -> MakerBuilder:
    risk, mode, name, params = strategy.risk, config.mode, strategy.settings.name, strategy.params

    def build(instrument: Instrument, funds: Funds, problem: str) -> Maker:
        told_fills: int | None = None
        if memory is None:
            made = quoting(params, instrument)
        else:
            made, told_fills = memory.strategy(name, quoting, params, instrument, problem)
        return Maker(
            name=name,
            instrument=instrument,
            strategy=made,
            params=params,
            limits=_limits(risk),
            budget=MessageBudget(
                risk.messages_per_second,
                risk.message_burst,
                risk.max_messages_per_trade or math.inf,
                risk.free_messages,
            ),
            funds=funds,
            book_shows_ours=mode == "live",
            show_queues=mode != "backtest",
            amends=amends,
            told_fills=told_fills,
            stops=stop_limits(risk, instrument, name),
            # What hedges must follow: bursts of fills and patterns say nothing of what it is for.
            protections=Protections() if params.makers else _protections(risk, instrument, name),
            exposures=exposures,
        )

    return build


def check_stops(resolved: Resolved, opened: list[Feed]) -> None:
    """That limits on losses are in the currency of what they limit, before anything trades.

    Raises
    ------
    ConfigError
        One is not.
    """
    known = {instrument.id.value: to_instrument(instrument) for feed in opened for instrument in feed.instruments}
    for strategy in resolved.strategies:
        for instrument_id in strategy.settings.instruments:
            try:
                stop_limits(strategy.risk, known[instrument_id], strategy.settings.name)
                var_limit(strategy.risk, known[instrument_id], strategy.settings.name)
            except ConfigError as exc:
                raise ConfigError(f"{resolved.loaded.path}: {exc}") from exc


def stop_limits(risk: Risk, instrument: Instrument, name: str) -> StopLimits:
    """What stops a strategy on an instrument.

    Raises
    ------
    ConfigError
        A limit is in another currency than what it earns.
    """

    def amount(key: str, text: str) -> float:
        return _amount(key, text, instrument, name, "sigma_day")

    def allowed(text: str | None) -> Allowed | None:
        return None if text is None else Allowed(amount("max_drawdown", text), text.endswith("sigma_day"))

    drawdown = risk.max_drawdown
    return StopLimits(
        daily_loss=math.inf if risk.max_daily_loss is None else amount("max_daily_loss", risk.max_daily_loss),
        soft=None if drawdown is None else allowed(drawdown.soft),
        hard=None if drawdown is None else allowed(drawdown.hard),
        losses_in_row=risk.max_losses_in_row or 0,
        rejects_in_row=risk.max_rejects_in_row,
        widen=risk.widen,
    )


def var_limit(risk: Risk, instrument: Instrument, name: str) -> VarLimit | None:
    """What a strategy's position may lose; raises as `stop_limits` does."""
    var = risk.max_var
    if var is None:
        return None
    budget = _amount("max_var.budget", var.budget, instrument, name)
    return VarLimit(budget=budget, confidence=var.confidence, over_s=var.over_s)


def _amount(key: str, text: str, instrument: Instrument, name: str, *units: str) -> float:
    """An amount in what an instrument earns, or in one of `units`."""
    value, unit = text.split()
    if unit not in (instrument.settlement_currency, *units):
        others = f", or a drawdown in {units[0]}" if units else ""
        raise ConfigError(
            f"risk.{key}: {text}: {name} on {instrument.id} earns {instrument.settlement_currency}; "
            f"state it in that{others}"
        )
    return float(value)


def _total_limits(resolved: Resolved) -> TotalLimits:
    total, reporting = resolved.config.risk.total, resolved.config.reporting
    if total is None:
        return TotalLimits()
    currencies = {text.split()[1] for text in (total.max_gross, total.max_net, total.max_daily_loss) if text}
    if len(currencies) > 1 or (reporting is not None and currencies - {reporting.currency}):
        wanted = "one currency" if reporting is None else f"{reporting.currency}, the reporting currency"
        raise ConfigError(f"{resolved.loaded.path}: risk.total: {', '.join(sorted(currencies))}: state all in {wanted}")

    def amount(text: str | None) -> float:
        return math.inf if text is None else float(text.split()[0])

    return TotalLimits(
        currency="".join(currencies),
        gross=amount(total.max_gross),
        net=amount(total.max_net),
        daily_loss=amount(total.max_daily_loss),
        widen=resolved.config.risk.widen,
    )


def _rates(resolved: Resolved) -> dict[str, float]:
    reporting = resolved.config.reporting
    return {} if reporting is None else reporting.rates


def _protections(risk: Risk, instrument: Instrument, name: str) -> Protections:
    return Protections(
        bursts=risk.fill_burst,
        toxicity=risk.toxicity,
        market=risk.market,
        manipulation=risk.manipulation,
        edges=risk.session_edges,
        position=risk.position_stop,
        var=var_limit(risk, instrument, name),
    )


def _limits(risk: Risk) -> Limits:
    return Limits(
        max_notional=risk.max_notional if risk.max_notional is not None else math.inf,
        max_order_notional=risk.max_order_notional if risk.max_order_notional is not None else math.inf,
        max_open_orders=risk.max_open_orders,
        price_collar_bps=risk.price_collar_bps,
        max_slippage_bps=risk.max_slippage_bps,
    )
