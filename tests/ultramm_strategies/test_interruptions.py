"""What a strategy has learnt outlasts an interruption, and the gap is no part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest
from every_strategy import built, strategies
from market_path import Event, drive, flow, instrument

from ultramm.market import Book, Level, Trade
from ultramm.quoting.decision import Decision

BTC = instrument()
BEFORE_S = 400.0
LEARNS = [name for name in strategies() if name != "market-maker"]


def moved(events: Iterable[Event], gap_s: float, price: float) -> Iterator[Event]:
    """The same market, so much later and higher."""
    gap_ns = round(gap_s * 1e9)

    def levels(of: tuple[Level, ...]) -> tuple[Level, ...]:
        return tuple(Level(level.price + price, level.size) for level in of)

    for event in events:
        if isinstance(event, Trade):
            yield msgspec.structs.replace(event, ts_ns=event.ts_ns + gap_ns, price=event.price + price)
        else:
            yield Book(event.ts_ns + gap_ns, levels(event.bids), levels(event.asks))


def after_gap(name: str, gap_s: float, price: float, *, told: bool, after_s: float = 100.0, **params: Any) -> Any:
    """A strategy that has seen a market for minutes, then nothing for `gap_s`, and what it decided after that."""
    strategy, events = built(name, BTC, **params), list(flow(BEFORE_S + after_s, 0.5))
    at = next(index for index, event in enumerate(events) if event.ts_ns >= BEFORE_S * 1e9)
    drive(strategy, events[:at])
    if told:
        strategy.on_interruption(events[at - 1].ts_ns, "a gap")
    return strategy, [decision for _, decision in drive(strategy, moved(events[at:], gap_s, price))]


def effects(decisions: list[Decision], effect: str) -> list[float]:
    """Of the decisions at the end of each of the first seconds, and of the last."""
    return [decisions[at].effects[effect] for at in (0, 9, 19, 49, 99, 299, -1)]


@pytest.mark.parametrize("name", LEARNS)
@pytest.mark.parametrize(("gap_s", "price"), [(300.0, 0.0), (300.0, 250.0), (45.0, -100.0)])
def test_volatility_and_fill_rates_are_as_if_there_had_been_no_gap(name: str, gap_s: float, price: float) -> None:
    _, straight = after_gap(name, 0.0, 0.0, told=False)
    _, told = after_gap(name, gap_s, price, told=True)
    # Sampling begins anew at another moment, and one sample in thirty counts much.
    assert effects(told, "sigma_bps") == pytest.approx(effects(straight, "sigma_bps"), rel=0.12)
    assert effects(told, "half_spread_bps") == pytest.approx(effects(straight, "half_spread_bps"), rel=0.12)
    _, untold = after_gap(name, gap_s, price, told=False)
    assert effects(untold, "sigma_bps") != pytest.approx(effects(straight, "sigma_bps"), rel=0.3)


@pytest.mark.parametrize("effect", ["bid_toxicity_bps", "ask_toxicity_bps", "liquidity_bps", "fee_bps"])
def test_of_volume_depth_and_impact_nothing_is_lost(effect: str) -> None:
    name = "adaptive-market-maker"
    _, straight = after_gap(name, 0.0, 0.0, told=False)
    _, told = after_gap(name, 120.0, 50.0, told=True)
    assert effects(told, effect) == pytest.approx(effects(straight, effect), rel=0.1, abs=0.02)
