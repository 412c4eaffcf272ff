"""What the next second can be foretold of on recordings: each market by itself and by one that may lead it.

::

    .venv/bin/python benchmarks/forecasts.py --markdown          four recordings, three horizons: a minute
    .venv/bin/python benchmarks/forecasts.py --best-quotes --latency 0 --every 0.05

Walked forward over four of five blocks, forecasts from 50 ms on, orders there 50 ms and 200 ms later; each as
``ultramm model train`` does it. ``--best-quotes`` looks at the venue's stream of best quotes instead of its books,
which on spot come ten times a second only; there is no depth in it.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import tempfile
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import msgspec
from nautilus_trader.model.data import QuoteTick, TradeTick
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.inference.stored import MOVE
from ultramm.learning.dataset import Dataset
from ultramm.learning.observer import Observer, ObserverParams
from ultramm.learning.samples import of_moves
from ultramm.learning.train import Plan, Result, compare
from ultramm.learning.validate import Interval, gate
from ultramm.market import Book, Level
from ultramm.nautilus.convert import to_instrument, to_trade
from ultramm.nautilus.observe import observe
from ultramm.nautilus.recordings.binance import BinanceRecording
from ultramm.nautilus.recordings.importing import Account

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "crypto"
# By market: its venue here, the instrument, and the recording.
MARKETS = {
    "spot BTC": ("SPOT", "BTCUSDT", "spot_btcusdt_20240808.gz"),
    "spot ETH": ("SPOTETH", "ETHUSDT", "spot_ethusdt_20240808.gz"),
    "USD-M BTC": ("USDM", "BTCUSDT-PERP", "usdm_btcusdt_20240808.gz"),
    "COIN-M BTC": ("COINM", "BTCUSD-PERP", "cm_btcusd_perp_20240808.gz"),
}
PAIRS = (("COIN-M BTC", "spot BTC"), ("spot BTC", "USD-M BTC"), ("USD-M BTC", "spot BTC"), ("spot ETH", "spot BTC"))
HORIZONS_S = (0.25, 1.0, 5.0)
_LATE_S = 0.2


def dataset(market: str, leader: str | None, every_s: float, folder: Path) -> Dataset:
    """A market of a recording, and the one that may lead it."""
    venues: dict[str, Any] = {}
    names = []
    for each in (market, leader):
        if each is not None:
            venue, instrument, file = MARKETS[each]
            names.append(f"{instrument}.{venue}")
            venues[venue] = {
                "adapter": "replay",
                "instruments": [instrument],
                "params": {"kind": "binance", "files": [str(DATA / file)], "cache": str(folder)},
                "paper": {"starting_balances": ["1000000 USDT", "10 BTC", "10 ETH"]},
            }
    quoting = {"use": "market-maker", "name": "mm", "instruments": [names[0]]}
    quoting["params"] = {"order_size": 1, "max_position": 1, "half_spread_bps": 1}
    path = folder / "market.json"
    path.write_text(json.dumps({"mode": "backtest", "name": "market", "venues": venues, "strategies": [quoting]}))
    return observe(resolve(read(path)), names[0], names[1] if len(names) > 1 else None, every_s)


def quoted(market: str, leader: str | None, every_s: float) -> Dataset:
    """The same by best quotes and trades, as a maker that only looks sees them."""
    recordings = [BinanceRecording([DATA / MARKETS[each][2]]) for each in (market, leader) if each is not None]
    instrument = to_instrument(recordings[0].instrument)
    looking = Observer(ObserverParams(refresh_ms=1e3 * every_s, leader=leader), instrument)
    streams = [zip(of.data(Account(), _unseen), repeat(place)) for place, of in enumerate(recordings)]
    next_ns = 0
    for event, place in heapq.merge(*streams, key=lambda each: each[0].ts_init):
        if isinstance(event, QuoteTick):
            bid = Level(float(event.bid_price), float(event.bid_size))
            ask = Level(float(event.ask_price), float(event.ask_size))
            book = Book(event.ts_init, (bid,), (ask,))
            (looking.on_reference if place else looking.on_book)(book)
        elif isinstance(event, TradeTick) and not place:
            looking.on_trade(to_trade(event))
        if event.ts_init >= next_ns:
            looking.decide(event.ts_init, 0.0)
            next_ns = event.ts_init + round(1e9 * every_s)
    return looking.dataset(instrument.id, leader, {}, 0)


def _unseen(_done: int, _total: int) -> None:
    """Nobody looks how far it is."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate on a market at a horizon.

    Parameters
    ----------
    late : Interval or None
        What a gate gains where an order takes 200 ms, basis points a fill.
    """

    market: str
    leader: str | None
    result: Result
    late: Interval | None


def rows(market: str, leader: str | None, seen: Dataset, horizons_s: tuple[float, ...], plan: Plan) -> Iterator[Row]:
    for horizon_s in horizons_s:
        sample = of_moves(seen, horizon_s, plan.latency_s)
        for result, forecast in compare(MOVE, sample, horizon_s, leader is not None, plan, seen):
            late = gate(seen, forecast, _LATE_S)
            yield Row(market=market, leader=leader, result=result, late=None if late is None else late.gain_bps)


def interval(found: Interval, digits: int, scale: float = 1.0) -> str:
    return f"{scale * found.value:+.{digits}f} ({scale * found.low:+.{digits}f} to {scale * found.high:+.{digits}f})"


def cells(row: Row) -> tuple[str, ...]:
    result, found = row.result, row.result.gate
    market = row.market if row.leader is None else f"{row.market} by {row.leader}"
    explained = interval(result.explained, 1, 100.0)
    if found is None or row.late is None:
        return (market, f"{result.horizon_s:g}", result.candidate, explained, "", "", "", "")
    moved = f"{found.base_bps:+.2f} to {found.gated_bps:+.2f}"
    kept = f"{100 * found.kept:.0f}"
    gains = (interval(found.gain_bps, 2), interval(row.late, 2))
    return (market, f"{result.horizon_s:g}", result.candidate, explained, kept, moved, *gains)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--horizon", type=float, action="append", help="seconds; may be repeated")
    parser.add_argument("--latency", type=float, default=Plan().latency_s, help="from a forecast to an order, seconds")
    parser.add_argument("--every", type=float, default=0.1, help="least time between two rows, seconds")
    parser.add_argument("--best-quotes", action="store_true", help="look at those instead of at books")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"no recordings in {DATA}", file=sys.stderr)
        return 2
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for market, leader in track(PAIRS, description="playing", console=Console(stderr=True)):
            if arguments.best_quotes:
                seen = quoted(market, leader, arguments.every)
            else:
                seen = dataset(market, leader, arguments.every, Path(folder))
            plan = Plan(latency_s=arguments.latency)
            found += rows(market, leader, seen, tuple(arguments.horizon or HORIZONS_S), plan)
    show(found, markdown=arguments.markdown)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.encode(found))
    return 0


def show(found: list[Row], *, markdown: bool) -> None:
    columns = (
        "market",
        "horizon, s",
        "forecast",
        "explained, %",
        "fills kept, %",
        "markout, bps",
        "gained",
        "200 ms late",
    )
    if markdown:
        print("| " + " | ".join(columns) + " |")
        print("|" + "|".join("--:" if place in (1, 3, 4, 5, 6, 7) else "---" for place in range(len(columns))) + "|")
        for row in found:
            print("| " + " | ".join(cells(row)) + " |")
    else:
        table = Table(*columns)
        for row in found:
            table.add_row(*cells(row))
        Console(width=None if sys.stdout.isatty() else 170).print(table)


if __name__ == "__main__":
    sys.exit(main())
