"""Statistical arbitrage on recordings: bitcoin in three currencies while one of these broke, and expiries of gold.

::

    .venv/bin/python benchmarks/pairs.py                       three pairs, three costs: a minute
    .venv/bin/python benchmarks/pairs.py --only USDC/USD --cost 1 --trades
    .venv/bin/python benchmarks/pairs.py --gold                calendar spreads of a day
    .venv/bin/python benchmarks/pairs.py --json out.json       the rows for a program

Bars of a minute, and a walk forward by itself: at each the strategy knows those before it. It is what a node runs; only
fills are made here. Between two bars nobody knows which quote would have been filled: so where the close is beyond a
band, both legs trade at closes and pay `--cost`, at that bar's (`--lag 0`, as if at once) or at the next one's. Stable
coins count by what a bitcoin costs in them. Gold has quotes: each fill pays half the spread of its minute, and a fee.
"""

from __future__ import annotations

import argparse
import math
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ultramm.market import Book, Fill, Instrument, Level, Quote
from ultramm.quoting.decision import Decision
from ultramm_strategies.statistical_arbitrage.params import StatisticalArbitrageParams
from ultramm_strategies.statistical_arbitrage.strategy import StatisticalArbitrage

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "pairs"
FILE = "binanceus_BTC{}_1m_20230301_20230321.csv.xz"
# What is quoted, the less liquid, and what it is hedged by.
PAIRS = (("USDC", "USD"), ("USDT", "USD"), ("USDC", "USDT"))
# Gold's expiries by the one that trades most, of a day; formed as in config/backtests/gold-calendar.yaml.
GOLD = DATA.parent / "futures" / "lean_gc_minute_20131007_quote.zip"
SPREADS = tuple((f"20{each}", "201312") for each in (1402, 1404, 1406, 1408, 1412))
_GOLD_PARAMS = {"bars": 240, "reform_s": 1_800}
# Silvergate's end, and then that of Silicon Valley Bank, where a part of what stands behind USDC was.
PERIODS = {
    "before": (pd.Timestamp("2023-03-01", tz="UTC"), pd.Timestamp("2023-03-10", tz="UTC")),
    "broken": (pd.Timestamp("2023-03-10", tz="UTC"), pd.Timestamp("2023-03-14", tz="UTC")),
    "after": (pd.Timestamp("2023-03-14", tz="UTC"), pd.Timestamp("2023-03-22", tz="UTC")),
}
_MINUTE_NS = 60_000_000_000
_SIZE = 1.0
_LEAST = 1e-3  # of a bitcoin: less is not traded
INSTRUMENT = Instrument(
    id="BTC.BARS",
    tick_size=0.01,
    lot_size=0.0001,
    price_precision=2,
    size_precision=4,
    quote_currency="USD",
    settlement_currency="USD",
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One pair in one period.

    Parameters
    ----------
    gain_bps, costs_bps : float
        After costs, and these, of one bitcoin's worth.
    error_bps : float
        Standard error of the gain, over hours.
    worst_hour_bps, drawdown_bps : float
    turns : int
        Fills that open, turn or close a position.
    stops, breaks : int
        Positions closed at any price, and relations given up.
    related : float
        Share of the time with a relation.
    """

    pair: str
    cost_bps: float
    lag: int
    period: str
    gain_bps: float
    error_bps: float
    costs_bps: float
    worst_hour_bps: float
    drawdown_bps: float
    turns: int
    stops: int
    breaks: int
    related: float


class Trade(msgspec.Struct, frozen=True):
    """A fill of the first leg."""

    at: str
    side: str
    size: float
    price: float
    taking: bool
    position: float
    reason: str


def bars(currency: str) -> pd.DataFrame:
    return pd.read_csv(DATA / FILE.format(currency), index_col=0, parse_dates=True)


class Legs(msgspec.Struct, frozen=True, kw_only=True):
    """Two recordings, minute by minute; each column has a row for either leg.

    Parameters
    ----------
    prices : DataFrame
        Closes, each in its own currency.
    dollars : DataFrame
        What such a currency is worth.
    costs : DataFrame
        Of a fill, as a share of the price.
    periods : dict of str to (Timestamp, Timestamp)
    """

    name: str
    prices: pd.DataFrame
    dollars: pd.DataFrame
    costs: pd.DataFrame
    periods: dict[str, tuple[pd.Timestamp, pd.Timestamp]]


def coins(first: str, second: str, cost_bps: float) -> Legs:
    """A bitcoin in two currencies, of which each is worth what a bitcoin costs in dollars and in it."""
    prices = pd.DataFrame({leg: bars(currency)["close"] for leg, currency in enumerate((first, second))})
    dollars = prices.rdiv(bars("USD")["close"], axis=0)
    costs = pd.DataFrame(1e-4 * cost_bps, index=prices.index, columns=prices.columns)
    return Legs(name=f"{first}/{second}", prices=prices, dollars=dollars, costs=costs, periods=PERIODS)


def gold(first: str, second: str, fee_bps: float) -> Legs:
    """Two expiries: the minutes of a day in which both had quotes."""
    legs = [quotes(each).add_suffix(f"_{leg}") for leg, each in enumerate((first, second))]
    both = pd.concat(legs, axis=1, sort=True).dropna()
    prices = pd.DataFrame({leg: 0.5 * (both[f"bid_{leg}"] + both[f"ask_{leg}"]) for leg in range(2)})
    halves = pd.DataFrame({leg: 0.5 * (both[f"ask_{leg}"] - both[f"bid_{leg}"]) for leg in range(2)})
    costs = (halves / prices).clip(lower=0.0) + 1e-4 * fee_bps
    day = {"day": (both.index[0], both.index[-1] + pd.Timedelta(minutes=1))}
    return Legs(name=f"{first}/{second}", prices=prices, dollars=0.0 * prices + 1.0, costs=costs, periods=day)


def quotes(expiry: str) -> pd.DataFrame:
    """Bid and ask at the end of each minute."""
    name = f"20131007_gc_minute_quote_{expiry}.csv"
    with zipfile.ZipFile(GOLD) as archive, archive.open(name) as file:
        table = pd.read_csv(file, header=None)
    table.index = pd.Timestamp("2013-10-07", tz="UTC") + pd.to_timedelta(table[0], unit="ms")
    return pd.DataFrame({"bid": table[4], "ask": table[9]})


class Account:
    """Two legs, in their own currencies."""

    def __init__(self) -> None:
        self.sizes, self.cash = [0.0, 0.0], [0.0, 0.0]
        self.paid = 0.0

    def trade(self, leg: int, size: float, price: float, dollar: float, cost: float) -> None:
        """A signed size at a price."""
        fee = cost * abs(size) * price
        self.cash[leg] -= size * price + fee
        self.paid += fee * dollar
        self.sizes[leg] += size

    def equity(self, prices: Sequence[float], dollars: Sequence[float]) -> float:
        """Worth in dollars."""
        legs = zip(self.cash, self.sizes, prices, dollars, strict=True)
        return math.fsum((cash + size * price) * dollar for cash, size, price, dollar in legs)


def play(legs: Legs, cost_bps: float, lag: int, params: dict[str, Any]) -> tuple[list[Row], list[Trade]]:
    """A pair from the first day to the last; the strategy knows what both legs cost in the mean."""
    mean_bps = 1e4 * legs.costs.mean()
    strategy = StatisticalArbitrage(
        msgspec.convert(
            {"max_position": _SIZE, "other": "BTC.OTHER", "other_fee_bps": float(mean_bps[1]), **params},
            StatisticalArbitrageParams,
        ),
        msgspec.structs.replace(INSTRUMENT, maker_fee=1e-4 * float(mean_bps[0])),
    )
    account, trades, y = Account(), [], legs.prices
    equity, paid = np.zeros(len(y)), np.zeros(len(y))
    turns, stops, breaks, related = (np.zeros(len(y)) for _ in range(4))
    decision: Decision | None = None
    beyond: list[Quote] = []
    minutes = zip(*(table.itertuples(index=False, name=None) for table in (y, legs.dollars, legs.costs)), strict=True)
    for now, (prices, dollars, costs) in enumerate(minutes):
        (close, other), ts_ns = prices, (now + 1) * _MINUTE_NS
        before = strategy._model.broke
        for stage in ("trade", "see") if lag else ("see", "trade"):
            if stage == "see":
                strategy.on_reference(_touch(ts_ns, other))
                strategy.on_book(_touch(ts_ns, close))
                strategy.recalibrate(ts_ns)
                decision = strategy.decide(ts_ns, round(account.sizes[0], 9))
                beyond = [quote for quote in decision.quotes if quote.taking or _at_touch(quote, close)]
                continue
            for quote in beyond:
                size = quote.side * INSTRUMENT.size(quote.lots)
                account.trade(0, size, close, dollars[0], costs[0])
                strategy.on_fill(Fill(ts_ns, str(now), quote.side, close, abs(size), 0.0, not quote.taking))
                turns[now] += 1
                stops[now] += quote.taking
                reason = decision.reasons.get(quote.side.opposite, "") if decision and quote.taking else ""
                held = round(account.sizes[0], 6)
                at = str(y.index[now])
                trades.append(Trade(at, quote.side.name, abs(size), close, quote.taking, held, reason))
            # By worth as much of the second as offsets the first.
            held, worth = account.sizes[0], close * dollars[0] / (other * dollars[1])
            wanted = -strategy.hedge_ratio("BTC.OTHER") * held * worth if held else 0.0
            if abs(wanted - account.sizes[1]) > _LEAST:
                account.trade(1, wanted - account.sizes[1], other, dollars[1], costs[1])
        breaks[now] = strategy._model.broke - before
        related[now] = strategy._model.relation is not None
        equity[now], paid[now] = account.equity(prices, dollars), account.paid
    of = pd.DataFrame(
        {"equity": equity, "paid": paid, "turns": turns, "stops": stops, "breaks": breaks, "related": related},
        index=y.index,
    )
    of["worth"] = y[0] * legs.dollars[0]
    return [_row(legs, cost_bps, lag, period, of) for period in legs.periods], trades


def _at_touch(quote: Quote, mid: float) -> bool:
    """Whether the market is at a quote's band, or beyond it: there it stands just behind the opposite best."""
    return quote.side * (INSTRUMENT.price(quote.ticks) - mid) >= -1e-9


def _touch(ts_ns: int, mid: float) -> Book:
    return Book(ts_ns, (Level(mid - INSTRUMENT.tick_size, 1.0),), (Level(mid + INSTRUMENT.tick_size, 1.0),))


def _row(legs: Legs, cost_bps: float, lag: int, period: str, of: pd.DataFrame) -> Row:
    begins, ends = legs.periods[period]
    part = of[(of.index >= begins) & (of.index < ends)]
    moves = part["equity"].diff().fillna(0.0) / part["worth"] * 1e4
    hours = moves.resample("1h").sum()
    total = moves.cumsum()
    return Row(
        pair=legs.name,
        cost_bps=cost_bps,
        lag=lag,
        period=period,
        gain_bps=float(moves.sum()),
        error_bps=float(hours.std() * math.sqrt(len(hours))),
        costs_bps=float((part["paid"].diff().fillna(0.0) / part["worth"]).sum() * 1e4),
        worst_hour_bps=float(hours.min()),
        drawdown_bps=float((total.cummax() - total).max()),
        turns=int(part["turns"].sum()),
        stops=int(part["stops"].sum()),
        breaks=int(part["breaks"].sum()),
        related=float(part["related"].mean()),
    )


def show(found: list[Row], *, markdown: bool) -> None:
    columns = (
        "pair", "cost, bps", "bars late", "", "gain, bps", "costs, bps", "worst hour", "drawdown", "turns",
        "closed at any price", "breaks", "related, %",
    )  # fmt: skip
    rows = list(_cells(found))
    if markdown:
        print("|" + "|".join(f" {column} " for column in columns) + "|")
        print("|" + "|".join("---" if number in (0, 3) else "--:" for number in range(len(columns))) + "|")
        for row in rows:
            print("| " + " | ".join(row) + " |")
        return
    table = Table(title="of what the first leg is worth", title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number in (0, 3) else "right")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 150).print(table)


def _cells(found: list[Row]) -> Iterator[tuple[str, ...]]:
    for row in found:
        yield (
            row.pair,
            f"{row.cost_bps:g}",
            f"{row.lag}",
            row.period,
            f"{row.gain_bps:+.1f} ± {row.error_bps:.1f}",
            f"{row.costs_bps:.1f}",
            f"{row.worst_hour_bps:+.1f}",
            f"{row.drawdown_bps:.1f}",
            f"{row.turns:,}",
            f"{row.stops:,}",
            f"{row.breaks:,}",
            f"{100 * row.related:.0f}",
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [f"{first}/{second}" for first, second in (*PAIRS, *SPREADS)]
    parser.add_argument("--only", choices=names, action="append", help="may be repeated")
    parser.add_argument("--gold", action="store_true", help="calendar spreads of gold instead")
    parser.add_argument(
        "--cost", type=float, action="append", help="of a fill, bps, for gold beside half the spread; may be repeated"
    )
    parser.add_argument("--lag", type=int, choices=(0, 1), action="append", help="may be repeated")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="of the strategy's parameters")
    parser.add_argument("--trades", action="store_true", help="also show each fill")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"no recordings in {DATA}", file=sys.stderr)
        return 2
    params = {key: msgspec.json.decode(value) for key, _, value in (each.partition("=") for each in arguments.set)}
    params = {**_GOLD_PARAMS, **params} if arguments.gold else params
    wanted = [
        (first, second, cost, lag)
        for first, second in (SPREADS if arguments.gold else PAIRS)
        if not arguments.only or f"{first}/{second}" in arguments.only
        for cost in arguments.cost or ((0.1,) if arguments.gold else (0.5, 1.0, 2.0))
        for lag in arguments.lag or (0, 1)
    ]
    found: list[Row] = []
    legs_of = gold if arguments.gold else coins
    for first, second, cost, lag in track(wanted, description="playing", console=Console(stderr=True)):
        rows, trades = play(legs_of(first, second, cost), cost, lag, params)
        found += rows
        if arguments.trades:
            for trade in trades:
                print(*msgspec.structs.astuple(trade))
    show(found, markdown=arguments.markdown)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
