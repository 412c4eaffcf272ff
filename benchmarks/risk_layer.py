"""What the whole risk layer costs an event and a decision: a maker with every limit and guard set, and one with none.

::

    python benchmarks/risk_layer.py

Both go through the same events of the synthetic market, one after the other; of every event the shortest of the rounds
counts. Beside it stand two makers of other instruments, for the limits on all together.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from itertools import count

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from quoting import INSTRUMENT, tape
from ultramm.maker import Maker
from ultramm.orders.plan import Plan
from ultramm.risk.abnormal import MarketLimits
from ultramm.risk.budget import MessageBudget
from ultramm.risk.burst import BurstLimits
from ultramm.risk.exposures import Exposures, TotalLimits
from ultramm.risk.limits import Limits
from ultramm.risk.protection import Protections
from ultramm.risk.session import SessionEdges
from ultramm.risk.stops import Allowed, StopLimits
from ultramm.risk.toxicity import ToxicityLimits
from ultramm.risk.value_at_risk import VarLimit
from ultramm_strategies.market_maker.params import MarketMakerParams
from ultramm_strategies.market_maker.strategy import MarketMaker

PARAMS = MarketMakerParams(order_size=0.01, max_position=0.2, half_spread_bps=2.0, levels=2, refresh_ms=0.0)
ALL = Protections(
    bursts=BurstLimits(),
    toxicity=ToxicityLimits(),
    market=MarketLimits(),
    manipulation=True,
    edges=SessionEdges(),
    var=VarLimit(budget=1e6),
)
STOPS = StopLimits(daily_loss=1e9, hard=Allowed(1e9), losses_in_row=10**6, rejects_in_row=10**6)
LIMITS = Limits(max_notional=1e9, max_order_notional=1e9)
TOTAL = TotalLimits(currency="USDT", gross=1e12, net=1e12, daily_loss=1e12)


def maker(name: str, *, guarded: bool, exposures: Exposures | None = None, of: str = INSTRUMENT.id) -> Maker:
    """One with everything, or with nothing but its largest position."""
    instrument = msgspec.structs.replace(INSTRUMENT, id=of)
    budget = MessageBudget(1e9, 1e9, 1e9) if guarded else MessageBudget(1e9, 1e9)
    budget.traded(0)  # else the messages that are free without a trade would be all
    made = Maker(
        name,
        instrument,
        MarketMaker(PARAMS, instrument),
        PARAMS,
        LIMITS if guarded else Limits(),
        budget,
        protections=ALL if guarded else Protections(),
        exposures=exposures,
        stops=STOPS if guarded else StopLimits(),
    )
    if exposures is not None:
        exposures.join(made, lambda: None)
    return made


def with_others() -> Maker:
    """Everything, beside two makers that hold something and quote."""
    exposures = Exposures(TOTAL)
    for number in range(2):
        other = maker(f"other-{number}", guarded=True, exposures=exposures, of=f"OTHER{number}USDT.BENCH")
        _, touch, _, _ = next(tape(1))
        other.on_book(touch)
        _answer(other, other.step(touch.ts_ns).approved, map(str, count()), touch.ts_ns)
    return maker("mm", guarded=True, exposures=exposures)


def _answer(of: Maker, approved: Plan, ids: map[str], now_ns: int) -> None:
    for order_id in approved.cancels:
        of.orders.cancelling(order_id)
        of.on_cancelled(order_id, now_ns)
    for quote in approved.submits:
        order_id = next(ids)
        of.orders.sent(order_id, quote, now_ns)
        of.on_accepted(order_id, now_ns)


def go_through(of: Maker, events: int) -> npt.NDArray[np.int64]:
    """Nanoseconds of each change of the touch with its trades, of a message that changes nothing, and of a decision.

    Each comes once a time; a decision is shown ten levels.
    """
    ids, clock = map(str, count()), time.perf_counter_ns
    rows: list[tuple[int, int, int]] = []
    gc.collect()
    for now_ns, touch, deep, trades in tape(events):
        began = clock()
        for trade in trades:
            of.on_trade(trade)
        of.on_book(touch, now_ns)
        seen = clock()
        of.hear(now_ns, now_ns)
        heard = clock()
        of.on_depth(deep)
        approved = of.step(now_ns).approved
        decided = clock()
        _answer(of, approved, ids, now_ns)
        rows.append((seen - began, heard - seen, decided - heard))
    return np.array(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    makers = {"none": lambda: maker("mm", guarded=False), "all": with_others}
    shortest: dict[str, npt.NDArray[np.int64]] = {}
    for _ in range(arguments.rounds):
        for name, made in makers.items():
            rows = go_through(made(), arguments.events)
            shortest[name] = rows if name not in shortest else np.minimum(shortest[name], rows)
    # The first events fill caches.
    means = {name: rows[len(rows) // 20 :].mean(axis=0) / 1e3 for name, rows in shortest.items()}
    # Of the market's messages, most change neither touch nor trade.
    share = len(shortest["all"]) / arguments.events
    for name, (touch, other, decision) in means.items():
        means[name] = np.array([touch, other, share * touch + (1.0 - share) * other, decision])
    adds = means["all"] - means["none"]
    rows = (*means.items(), ("the layer adds", adds))
    if arguments.json:
        print(msgspec.json.encode({name: mean.tolist() for name, mean in rows}).decode())
        return 0
    shown = Table("microseconds", "change of the touch", "other message", "mean of all messages", "decision")
    for name, mean in rows:
        shown.add_row(name, *(f"{each:.1f}" for each in mean))
    Console().print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
