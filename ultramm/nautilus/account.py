"""The simulated venue of backtest and paper: one set of rules, so that both give the same fills.

Limit orders have a place in the queue, liquidity that was taken is gone, trades fill, and commands take their
latency. Both kernels' entry points are fed from here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.models import FillModel, LatencyModel, MakerTakerFeeModel
from nautilus_trader.model.enums import AccountType, BookType, OmsType
from nautilus_trader.model.instruments import CurrencyPair, Equity
from nautilus_trader.model.objects import Money

from ultramm.config.resolve import Resolved, ResolvedVenue
from ultramm.config.schema import Paper
from ultramm.errors import ConfigError
from ultramm.nautilus.queue import QueueFillModel, QueueModule

# Our own message budget decides: the kernel's would drop orders silently (OrderDenied) instead of planning for it. It
# remembers the times of as many orders as it would allow in a second, and of no more.
KERNEL_RATE = "10000/00:00:01"

MATCHING: dict[str, Any] = {
    "book_type": BookType.L2_MBP,
    "trade_execution": True,
    "bar_execution": False,
    "queue_position": True,
    "liquidity_consumption": True,
    "use_reduce_only": True,
}


def paper_settings(venue: ResolvedVenue) -> Paper:
    """The `paper` section, which resolving made sure is there."""
    assert venue.settings.paper is not None
    return venue.settings.paper


def account_type(paper: Paper, instruments: list[Any]) -> Any:
    """Cash for spot pairs and shares, margin for whatever can be shorted."""
    if paper.account == "auto":
        cash = all(isinstance(instrument, (CurrencyPair, Equity)) for instrument in instruments)
        return AccountType.CASH if cash else AccountType.MARGIN
    return AccountType.CASH if paper.account == "cash" else AccountType.MARGIN


def exchange_arguments(resolved: Resolved, name: str, instruments: list[Any]) -> dict[str, Any]:
    """Keyword arguments that `SimulatedExchange` and `BacktestEngine.add_venue` share."""
    venue = resolved.venues[name]
    paper = paper_settings(venue)
    kind = account_type(paper, instruments)
    latency_ns = round(paper.latency_ms * 1e6)
    return {
        "oms_type": OmsType.NETTING,
        "account_type": kind,
        "base_currency": None,
        "starting_balances": _balances(resolved, name, paper, instruments),
        "default_leverage": Decimal(str(paper.leverage)) if kind == AccountType.MARGIN else Decimal(1),
        "leverages": {},
        **_queue(paper, resolved.config.seed),
        "fee_model": MakerTakerFeeModel(),
        "latency_model": LatencyModel(base_latency_nanos=latency_ns) if latency_ns else None,
    }


def _queue(paper: Paper, seed: int) -> dict[str, Any]:
    """The kernel's matching, with its own queues or with those that also move by cancels."""
    if paper.queue == "pessimistic":
        return {**MATCHING, "modules": [], "fill_model": FillModel(random_seed=seed)}
    module = QueueModule()
    return {**MATCHING, "queue_position": False, "modules": [module], "fill_model": QueueFillModel(module, seed)}


def with_fees(instrument: Any, paper: Paper) -> Any:
    """The instrument with the fees that the configuration sets."""
    values = type(instrument).to_dict(instrument)
    for key, bps in (("maker_fee", paper.maker_fee_bps), ("taker_fee", paper.taker_fee_bps)):
        if bps is not None:
            values[key] = str(Decimal(str(bps)) / 10_000)
    return type(instrument).from_dict(values)


def _balances(resolved: Resolved, name: str, paper: Paper, instruments: list[Any]) -> list[Any]:
    balances: list[Any] = []
    for index, text in enumerate(paper.starting_balances):
        complaint = f"{resolved.loaded.path}: venues.{name}.paper.starting_balances[{index}]: {text!r}"
        try:
            balance = Money.from_str(text)
        except Exception as exc:
            raise ConfigError(f"{complaint} is no amount; write such as 10000 USDT") from exc
        negative = balance.as_decimal() < 0
        if negative or any(balance.currency == other.currency for other in balances):
            problem = "is negative" if negative else f"gives {balance.currency.code} again"
            raise ConfigError(f"{complaint} {problem}; list each currency once")
        balances.append(balance)
    # The kernel cannot book a currency that an account has never had.
    held = {balance.currency for balance in balances}
    for instrument in instruments:
        for currency in (instrument.get_base_currency(), instrument.get_cost_currency()):
            if currency is not None and currency not in held and isinstance(instrument, CurrencyPair):
                held.add(currency)
                balances.append(Money(0, currency))
    return balances
