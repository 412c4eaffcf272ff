"""What hedging takes off the variance of P&L, and what it costs: on pairs of known ratio, and on recordings.

Pairs: a hedge whose returns are normal and an asset of a known ratio and correlation to it; a maker's position that is
pushed about by fills at random times, once the hedge says that it can; our hedger at a venue of a touch alone
(`ultramm.testing.hedging`). The best is what a hedge of the true ratio takes off that trades at every moment and costs
nothing: ``rho^2`` of the variance.

Recordings: Binance spot BTC/USDT against the USDT-margined perpetual, the same minutes. Positions are those of fills at
random times at the recorded spot touch, and those of our market maker in the backtest of
``config/backtests/binance-spot-hedged.yaml``, with queue and latency. The best is what the one ratio that fits these
minutes best, known beforehand and traded at every moment for nothing, takes off.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas
from nautilus_trader.model.enums import BookType
from rich.console import Console
from rich.table import Table

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.market import Instrument
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.build import feeds, merged
from ultramm.nautilus.convert import to_float, to_instrument
from ultramm.testing.hedging import HedgeBench, Holding
from ultramm_strategies.hedger.params import HedgerParams
from ultramm_strategies.hedger.strategy import Hedger

PROJECT = Path(__file__).resolve().parents[1]
SHARED = PROJECT.parent / "shared" / "data"
CONFIG = PROJECT / "config" / "backtests" / "binance-spot-hedged.yaml"
Array = npt.NDArray[np.float64]

S = 1_000_000_000
_STEP_NS = 100_000_000
_SIGMA = 1e-4  # of the simulated hedge, 1 / sqrt(second)
_FILLS_PER_S = 0.2
_LEAN = 0.04  # by how much a lot held makes a fill that takes it off likelier
_HORIZONS_S = (1, 5, 15)
_PAIRS = ((1.0, 0.99), (1.3, 0.95), (0.6, 0.9))
_GAMMAS = (0.02, 0.2, 2.0, 20.0)
# Of a venue's base tier, and of a market maker's: what rests pays the first, what takes the second, basis points.
_TIERS = ((2.0, 5.0), (0.0, 1.0))


class Row(msgspec.Struct, frozen=True):
    """Variances are of P&L over one horizon, settlement currency squared: of what prices did, costs left out.

    `share` is what was taken off as a share of what the best takes off, and `error` the standard error of its mean over
    the seeds; `share_with_costs` is that of a P&L with spread and fees of the hedge in it. `cost_bps` is what trades of
    the hedge cost against the mid, of their own worth, and `per_maker_bps` of what the maker traded.
    """

    name: str
    fees: str
    gamma: float
    horizon_s: float
    unhedged: float
    hedged: float
    best: float
    share: float
    error: float
    share_with_costs: float
    cost_bps: float
    per_maker_bps: float
    passive: float


class Run(msgspec.Struct, frozen=True):
    """One path: P&L of the maker, of the hedge without and with its costs, and of the best hedge, at each moment; costs
    and turnovers, currency; the share of the hedge's that rested.
    """

    maker: Array
    hedge: Array
    after_costs: Array
    best: Array
    cost: float
    turnover: float
    maker_turnover: float
    passive: float


def _instrument(name: str, base: str, tick: float, **changes: Any) -> Instrument:
    digits = {"price_precision": max(0, round(-math.log10(tick))), "size_precision": 3}
    currencies = {"base_currency": base, "quote_currency": "USDT", "settlement_currency": "USDT"}
    return Instrument(id=name, tick_size=tick, lot_size=0.001, **digits, **currencies, **changes)  # type: ignore[arg-type]


_HEDGE = _instrument("BTCUSDT.HEDGE", "BTC", 0.1)
_ASSET = _instrument("ETHUSDT.MAKER", "ETH", 0.01)


def _params(**given: Any) -> HedgerParams:
    return msgspec.convert({"makers": ["mm"], "max_position": 100.0, **given}, HedgerParams)


def _with_fees(instrument: Instrument, tier: tuple[float, float]) -> Instrument:
    return msgspec.structs.replace(instrument, maker_fee=1e-4 * tier[0], taker_fee=1e-4 * tier[1])


def _moves(bench: HedgeBench, mid: float) -> float:
    """What prices did to the hedge so far, its costs left out."""
    return bench.maker.score.attribution.pnl(mid).inventory


def _costs(bench: HedgeBench) -> tuple[float, float, float]:
    """What the hedge's trades cost against the mid of their time, their worth, and the share that rested."""
    pnl = bench.maker.score.attribution.pnl(bench.maker.mid)
    volume = sum(fill.price * fill.size for fill in bench.fills)
    passive = sum(fill.price * fill.size for fill in bench.fills if fill.maker)
    return pnl.fees - pnl.spread_capture, volume, passive / volume if volume else math.nan


# -- pairs of known ratio --------------------------------------------------------------------------------------


def pair(seed: int, ratio: float, rho: float, gamma: float, seconds: int, tier: tuple[float, float]) -> Run:
    """One simulated pair, a second at a time."""
    rng = np.random.default_rng(seed)
    exact = _SIGMA * rng.standard_normal(seconds)
    noise = ratio * _SIGMA * math.sqrt(1.0 / rho**2 - 1.0)
    returns = ratio * exact + noise * rng.standard_normal(seconds)
    hedge_mids, mids = 50_000.0 * np.exp(np.cumsum(exact)), 2_000.0 * np.exp(np.cumsum(returns))
    holding = Holding("mm", _ASSET, 2_000.0)
    bench = HedgeBench(Hedger, _params(gamma=gamma), _with_fees(_HEDGE, tier), holding)
    held, hedged, after_costs = np.zeros(seconds), np.zeros(seconds), np.zeros(seconds)
    lots, traded = 0, 0.0
    for second in range(seconds):
        held[second] = lots
        ts_ns, hedge_mid = (second + 1) * S, float(hedge_mids[second])
        ticks = _HEDGE.ticks(hedge_mid)
        holding.mid = float(mids[second])
        bench.book(ts_ns, _HEDGE.price(ticks - 1), _HEDGE.price(ticks + 1))
        hedged[second], after_costs[second] = _moves(bench, hedge_mid), bench.equity(hedge_mid)
        bench.pass_time(ts_ns + S // 2)
        if rng.random() < _FILLS_PER_S and not bench.unhedged:
            lots += 1 if rng.random() < 0.5 - _LEAN * lots else -1
            traded += holding.mid
            bench.hold(ts_ns + S // 2, lots * 1000)
    before = np.concatenate([[2_000.0], mids[:-1]])
    alone = np.cumsum(held * np.diff(mids, prepend=2_000.0))
    best = alone - np.cumsum(held * before * ratio * np.expm1(exact))
    cost, turnover, passive = _costs(bench)
    return Run(alone, hedged, after_costs, best, cost, turnover, traded, passive)


def pairs(seeds: int, seconds: int, horizon_s: int = 60) -> list[Row]:
    """All pairs at one risk aversion, and one of them at several, at both tiers of fees."""
    rows = []
    wanted = [(ratio, rho, 2.0) for ratio, rho in _PAIRS] + [(*_PAIRS[1], gamma) for gamma in _GAMMAS if gamma != 2.0]
    for tier in _TIERS:
        for ratio, rho, gamma in wanted:
            runs = [pair(seed, ratio, rho, gamma, seconds, tier) for seed in range(seeds)]
            rows.append(_row(f"ratio {ratio:g}, rho {rho:g}", tier, gamma, horizon_s, runs, horizon_s, rho**2))
    return rows


# -- recordings ------------------------------------------------------------------------------------------------


class Tape(msgspec.Struct, frozen=True):
    """Touches of two markets in the order of time: when, whether it is the hedge's, bid and ask."""

    spot: Instrument
    hedge: Instrument
    events: list[tuple[int, bool, float, float]]


def recorded(*overrides: str) -> Resolved:
    """The configuration of the recordings."""
    cache = PROJECT / "data" / "cache"
    environment = {**os.environ, "SHARED_DATA": str(SHARED)}
    caches = [f"venues.{venue}.params.cache={cache}" for venue in ("BINANCE", "BINANCEUSDM")]
    return resolve(read(CONFIG, [*caches, *overrides], environment))


def tape(resolved: Resolved) -> Tape:
    """The touches of both markets, from when both are known."""
    opened = feeds(resolved)
    known = [instrument for feed in opened for instrument in feed.instruments]
    books = {instrument.id: OrderBook(instrument.id, BookType.L2_MBP) for instrument in known}
    hedge_id = known[1].id
    last: dict[Any, tuple[float, float]] = {}
    events = []
    for event in merged(opened):
        if not isinstance(event, OrderBookDeltas):
            continue
        book = books[event.instrument_id]
        book.apply_deltas(event)
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is None or ask is None or bid >= ask:
            continue
        touch = to_float(bid), to_float(ask)
        if last.get(event.instrument_id) != touch:
            last[event.instrument_id] = touch
            if len(last) == len(known):
                events.append((event.ts_init, event.instrument_id == hedge_id, *touch))
    return Tape(to_instrument(known[0]), to_instrument(known[1]), events)


class Marks:
    """Mids of both markets on a grid of a tenth of a second."""

    def __init__(self, of: Tape) -> None:
        self.first_ns = of.events[0][0]
        count = (of.events[-1][0] - self.first_ns) // _STEP_NS
        times = np.array([event[0] for event in of.events])
        self.times: npt.NDArray[np.int64] = self.first_ns + _STEP_NS * np.arange(1, count + 1)
        self.mids = []
        for hedge in (False, True):
            mine = np.array([event[1] == hedge for event in of.events])
            mids = np.array([0.5 * (event[2] + event[3]) for event in of.events])[mine]
            at = np.searchsorted(times[mine], self.times, side="right") - 1
            self.mids.append(mids[np.maximum(at, 0)])


def random_path(of: Tape, seed: int, fills_per_s: float, size: float) -> Iterator[tuple[int, float, float]]:
    """Time, signed size and price of fills at the spot touch at random times; the side leans to what is held."""
    rng = np.random.default_rng(seed)
    held, due_ns = 0.0, of.events[0][0] + round(rng.exponential(1.0 / fills_per_s) * 1e9)
    for ts_ns, is_hedge, bid, ask in of.events:
        if not is_hedge and ts_ns >= due_ns:
            due_ns = ts_ns + round(rng.exponential(1.0 / fills_per_s) * 1e9)
            buys = rng.random() < 0.5 - _LEAN * held / size
            held += size if buys else -size
            yield ts_ns, size if buys else -size, bid if buys else ask


def by_random_fills(of: Tape, marks: Marks, seed: int, gamma: float, tier: tuple[float, float]) -> Run:
    """The hedger on the recorded touches of the perpetual, beside fills at random times."""
    holding = Holding("mm", of.spot)
    bench = HedgeBench(Hedger, _params(gamma=gamma), _with_fees(of.hedge, tier), holding)
    fills = list(random_path(of, seed, 1.0, 0.02))
    due = iter([*fills, (2**62, 0.0, 0.0)])
    next_fill, lots, index = next(due), 0, 0
    hedged, after_costs = np.zeros(len(marks.times)), np.zeros(len(marks.times))
    for ts_ns, is_hedge, bid, ask in [*of.events, (2**62, False, math.nan, math.nan)]:
        while index < len(marks.times) and marks.times[index] < ts_ns:
            mid = float(marks.mids[1][index])
            hedged[index], after_costs[index] = _moves(bench, mid), bench.equity(mid)
            index += 1
        if math.isnan(bid):
            break
        if is_hedge:
            bench.book(ts_ns, bid, ask)
        else:
            holding.mid = 0.5 * (bid + ask)
        if ts_ns >= next_fill[0]:
            lots += of.spot.lots(next_fill[1])
            bench.hold(ts_ns, lots, holding)
            next_fill = next(due)
    cost, turnover, passive = _costs(bench)
    return _against(marks, fills, hedged, after_costs, cost, turnover, passive)


def by_our_maker(marks: Marks, gamma: float, tier: tuple[float, float]) -> Run:
    """Maker and hedger by the kernel."""
    collector = Collector()
    fees = [f"venues.BINANCEUSDM.paper.{key}_fee_bps={bps}" for key, bps in zip(("maker", "taker"), tier, strict=True)]
    result = run_backtest(recorded(f"strategies.1.params.gamma={gamma}", *fees), collector=collector)
    signed: dict[str, list[tuple[int, float, float]]] = {"mm": [], "hedge": []}
    cost_at = [(0, 0.0)]
    passive = 0.0
    for ts_ns, fill in collector.fills:
        size = fill.size if fill.side == "BUY" else -fill.size
        signed[fill.strategy].append((ts_ns, size, fill.price))
        if fill.strategy == "hedge":
            cost_at.append((ts_ns, cost_at[-1][1] + fill.fee + size * (fill.price - (fill.mid or math.nan))))
            passive += fill.price * fill.size * fill.maker
    times, costs = zip(*cost_at, strict=True)
    paid = np.array(costs)[np.searchsorted(times, marks.times, side="right") - 1]
    paid_fees = np.concatenate([[0.0, 0.0], np.cumsum([f.fee for _, f in collector.fills if f.strategy == "hedge"])])
    _, gained = _mark(marks, signed["hedge"], marks.mids[1])
    after_costs = gained - paid_fees[np.searchsorted(times, marks.times, side="right")]
    pnl, volume = result.scores[1].pnl, result.scores[1].volume
    cost = pnl.fees - pnl.spread_capture
    share = passive / volume if volume else math.nan
    return _against(marks, signed["mm"], after_costs + paid, after_costs, cost, volume, share)


def _mark(marks: Marks, fills: list[tuple[int, float, float]], mids: Array) -> tuple[Array, Array]:
    """Position and P&L at each moment of the grid."""
    times = [ts_ns for ts_ns, _, _ in fills]
    at = np.searchsorted(times, marks.times, side="right")
    position = np.concatenate([[0.0], np.cumsum([size for _, size, _ in fills])])[at]
    cash = np.concatenate([[0.0], np.cumsum([-size * price for _, size, price in fills])])[at]
    return position, cash + position * mids


def _against(
    marks: Marks,
    fills: list[tuple[int, float, float]],
    hedged: Array,
    after_costs: Array,
    cost: float,
    turnover: float,
    passive: float,
) -> Run:
    """What prices did to the maker, and to the perpetual had it been held against it one to one all the time."""
    position, _ = _mark(marks, fills, marks.mids[0])
    alone, follows = (
        np.concatenate([[0.0], np.cumsum(position[:-1] * marks.mids[0][:-1] * np.diff(mids) / mids[:-1])])
        for mids in marks.mids
    )
    traded = sum(abs(size) * price for _, size, price in fills)
    return Run(alone, hedged, after_costs, follows, cost, turnover, traded, passive)


def recordings(seeds: int) -> list[Row]:
    """Random fills and our maker, at several horizons and risk aversions, at both tiers of fees."""
    of = tape(recorded())
    marks = Marks(of)
    rows = []
    for tier in _TIERS:
        for gamma in (1.0, 10.0, 100.0):
            runs = [by_random_fills(of, marks, seed, gamma, tier) for seed in range(seeds)]
            ours = [by_our_maker(marks, gamma, tier)]
            for name, paths in (("random fills", runs), ("our maker", ours)):
                rows += [_row(name, tier, gamma, h, paths, round(h * S / _STEP_NS), None) for h in _HORIZONS_S]
    return rows


# -- figures ---------------------------------------------------------------------------------------------------


def _row(
    name: str,
    tier: tuple[float, float],
    gamma: float,
    horizon_s: float,
    runs: list[Run],
    steps: int,
    rho2: float | None,
) -> Row:
    """Variances are means over the runs; without a known ``rho^2`` the best ratio of each run is fitted to it."""
    unhedged, hedged, after_costs, best = (np.zeros(len(runs)) for _ in range(4))
    for index, run in enumerate(runs):
        alone, other = np.diff(run.maker[::steps]), np.diff(run.best[::steps])
        unhedged[index] = alone.var()
        hedged[index] = np.diff((run.maker + run.hedge)[::steps]).var()
        after_costs[index] = np.diff((run.maker + run.after_costs)[::steps]).var()
        if rho2 is None:
            best[index] = unhedged[index] - np.cov(alone, other, bias=True)[0, 1] ** 2 / other.var()
        else:
            best[index] = (1.0 - rho2) * unhedged[index]
    shares = (unhedged - hedged) / (unhedged - best)
    most = unhedged.sum() - best.sum()
    turnover, cost = sum(run.turnover for run in runs), sum(run.cost for run in runs)
    return Row(
        name=name,
        fees=f"{tier[0]:g} / {tier[1]:g}",
        gamma=gamma,
        horizon_s=horizon_s,
        unhedged=float(unhedged.mean()),
        hedged=float(hedged.mean()),
        best=float(best.mean()),
        share=float((unhedged.sum() - hedged.sum()) / most),
        error=float(shares.std(ddof=1) / math.sqrt(len(runs))) if len(runs) > 1 else math.nan,
        share_with_costs=float((unhedged.sum() - after_costs.sum()) / most),
        cost_bps=1e4 * cost / turnover if turnover else math.nan,
        per_maker_bps=1e4 * cost / sum(run.maker_turnover for run in runs),
        passive=float(np.nanmean([run.passive for run in runs])) if turnover else math.nan,
    )


def _show(title: str, rows: list[Row]) -> None:
    table = Table(title=title)
    columns = ("", "fees bps", "gamma", "over s", "unhedged", "hedged", "best", "taken off, % of best")
    for column in (*columns, "costs in it", "cost bps", "of maker's", "passive %"):
        table.add_column(column, justify="right" if column else "left", no_wrap=not column)
    for row in rows:
        error = "" if math.isnan(row.error) else f" ± {100 * row.error:.1f}"
        table.add_row(
            row.name,
            row.fees,
            f"{row.gamma:g}",
            f"{row.horizon_s:g}",
            f"{row.unhedged:.4g}",
            f"{row.hedged:.4g}",
            f"{row.best:.4g}",
            f"{100 * row.share:.1f}{error}",
            f"{100 * row.share_with_costs:.1f}",
            f"{row.cost_bps:.2f}",
            f"{row.per_maker_bps:.2f}",
            f"{100 * row.passive:.0f}",
        )
    Console(width=150).print(table)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--hours", type=float, default=2.0, help="of each simulated pair")
    parser.add_argument("--only", choices=["pairs", "recordings"])
    parser.add_argument("--json", type=Path, help="also write the figures into this file")
    arguments = parser.parse_args()
    found: dict[str, list[Row]] = {}
    if arguments.only != "recordings":
        found["pairs"] = pairs(arguments.seeds, round(arguments.hours * 3600))
        _show(f"Pairs of known ratio, {arguments.seeds} seeds: variance of P&L", found["pairs"])
    if arguments.only != "pairs":
        if SHARED.is_dir():
            found["recordings"] = recordings(arguments.seeds)
            _show("Binance spot BTC/USDT hedged by the USD-M perpetual: variance of P&L", found["recordings"])
        else:
            print(f"{SHARED}: the recordings are not here")
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
