"""What the guards of the market see: of episodes in a synthetic one, and where there is nothing.

::

    python benchmarks/detectors.py                        # on seeds that no threshold was set by
    python benchmarks/detectors.py --catalog FOLDER       # alarms on recordings, as `ultramm data import` wrote them

Each seed is played once without episodes, for false alarms, and once for each kind with one episode after the other.
An episode is caught if the guard that it is meant for holds a side back within it or in the ten seconds after. Layered
ones come in campaigns of twenty on one side; `first` says at which of a campaign the guard first held. What it costs is
what resting at the touch would have captured of the spread from trades that came while a guard had that side pulled, as
a share of all that it would have.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ultramm.market import Book, Instrument, Level, Quote, Side, Trade
from ultramm.risk.abnormal import MarketLimits
from ultramm.risk.protection import Protection, Protections
from ultramm.risk.surveillance.patterns import DEPTH_LEVELS
from ultramm.simulation import PRESETS, SyntheticMarket
from ultramm.simulation.episodes import Episode, with_episodes
from ultramm.simulation.events import MarketEvent

ALL = Protections(manipulation=True, market=MarketLimits())
LOTS = 1_000_000  # of the quote that is never filled: all that a trade brings
BASE_TICKS = 100_000
DECISION_NS = 250_000_000
AFTER_S = 10.0
WARM_S = 1_800.0
CAMPAIGN = 20
# Kind of episode: the guard it is meant for, seconds from one to the next, and how long one takes.
MEANT_FOR = {
    "layered": ("vanishing orders", 20.0, 5.0),
    "stuffed": ("message burst", 120.0, 5.0),
    "ignited": ("sudden run", 120.0, 5.0),
    "mirrored": ("mirrored trades", 300.0, 40.0),
    "pumped": ("surge", 3_600.0, 430.0),
}


class Found(msgspec.Struct):
    """What was seen of one kind of episodes, or of none, over all seeds."""

    hours: float = 0.0
    episodes: int = 0
    caught: int = 0
    delays_s: list[float] = []
    firsts: list[int] = []
    alarms: dict[str, int] = {}
    foregone: float = 0.0
    captured: float = 0.0

    @property
    def cost(self) -> float:
        """Share of the spread's capture that was foregone."""
        return self.foregone / self.captured if self.captured else 0.0


class Watched:
    """Feeds a protection as a maker would, and keeps what its guards did.

    Attributes
    ----------
    changes : list of (float, str, bool)
        Seconds, which guard, and whether it began.
    captured : float
        Of the spread, by whoever rested.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.protection = Protection(ALL, instrument)
        self._instrument = instrument
        self._decide_ns = 0
        self._mid = 0.0
        self.changes: list[tuple[float, str, bool]] = []
        self.captured = 0.0

    def on_trade(self, trade: Trade) -> None:
        if self._mid:
            worth = self._instrument.value
            self.captured += trade.size * trade.side * (worth(trade.price) - worth(self._mid))
        self.protection.on_trade(trade)

    def on_touch(self, touch: Book) -> None:
        if touch.spread > 0.0:
            self._mid = touch.mid
            self.protection.on_touch(touch)

    def decides(self, now_ns: int) -> bool:
        """Whether it is time to; `decide` then has to be called."""
        return now_ns >= self._decide_ns

    def decide(self, deep: Book) -> None:
        now_ns = deep.ts_ns
        self._decide_ns = now_ns + DECISION_NS
        if not deep.two_sided:
            return
        self.protection.on_depth(deep)
        ticks = self._instrument.ticks
        best = ((Side.BUY, deep.bids[0].price), (Side.SELL, deep.asks[0].price))
        quotes = tuple(Quote(side, ticks(price), LOTS) for side, price in best)
        pulled = {side for side, caution in self.protection.cautions(now_ns) if caution.pulled}
        self.protection.held_back(quotes, tuple(quote for quote in quotes if quote.side not in pulled))
        for change in self.protection.take_changes():
            self.changes.append((now_ns * 1e-9, change.guard, change.active))

    def count(self, found: Found, since_s: float) -> None:
        """Add what it saw; both sides at once are one alarm."""
        found.foregone += self.protection.foregone
        found.captured += self.captured
        for _, guard in {(time_s, guard) for time_s, guard, begins in self.changes if begins and time_s >= since_s}:
            found.alarms[guard] = found.alarms.get(guard, 0) + 1


# -- the synthetic market -------------------------------------------------------------------------------------


class Tape:
    """The synthetic market's events as books and trades, ticks and lots as prices and sizes."""

    def __init__(self) -> None:
        self.watched = Watched(
            Instrument(
                id="SIM",
                tick_size=1.0,
                lot_size=1.0,
                price_precision=0,
                size_precision=0,
                quote_currency="Q",
                settlement_currency="Q",
            )
        )
        self._levels: dict[Side, dict[int, int]] = {side: {} for side in Side}

    def on_event(self, event: MarketEvent) -> None:
        now_ns, watched = round(event.time_s * 1e9), self.watched
        for trade in event.trades:
            watched.on_trade(Trade(now_ns, float(BASE_TICKS + trade.ticks), float(trade.lots), trade.side))
        for change in event.changes:
            levels = self._levels[change.side]
            if change.lots:
                levels[change.ticks] = change.lots
            else:
                levels.pop(change.ticks, None)
        watched.protection.on_message(now_ns)
        bids, asks = self._levels[Side.BUY], self._levels[Side.SELL]
        watched.on_touch(Book(now_ns, _levels(bids, [max(bids)]), _levels(asks, [min(asks)])))
        if watched.decides(now_ns):
            deep = Book(
                now_ns,
                _levels(bids, sorted(bids, reverse=True)[:DEPTH_LEVELS]),
                _levels(asks, sorted(asks)[:DEPTH_LEVELS]),
            )
            watched.decide(deep)


def _levels(lots: dict[int, int], ticks: Iterable[int]) -> tuple[Level, ...]:
    return tuple([Level(float(BASE_TICKS + each), float(lots[each])) for each in ticks])


def episodes_of(kind: str, seconds: float) -> list[Episode]:
    """One after the other once all has warmed up."""
    _, every_s, _ = MEANT_FOR[kind]
    count = max(1, int((seconds - WARM_S) / every_s))
    sides = Side.BUY, Side.SELL
    return [Episode(WARM_S + every_s * number + 5.0, kind, sides[number // CAMPAIGN % 2]) for number in range(count)]


def play(preset: str, seed: int, kind: str, seconds: float, found: Found) -> None:
    """One seed with the episodes of a kind, or with none."""
    tape, episodes = Tape(), episodes_of(kind, seconds) if kind else []
    for event in with_episodes(SyntheticMarket(PRESETS[preset], seed), episodes, seed):
        if event.time_s > seconds:
            break
        tape.on_event(event)
    found.hours += (seconds - WARM_S) / 3600.0
    tape.watched.count(found, WARM_S)
    if kind:
        judge(episodes, kind, held_spans(tape.watched.changes, MEANT_FOR[kind][0], seconds), found)


def judge(episodes: list[Episode], kind: str, spans: list[tuple[float, float]], found: Found) -> None:
    """Which episodes were caught, given when the guard held something back."""
    lasts_s = MEANT_FOR[kind][2]
    firsts: dict[int, int] = {}
    for number, episode in enumerate(episodes):
        found.episodes += 1
        until_s = episode.start_s + lasts_s + AFTER_S
        held = [max(begins, episode.start_s) for begins, ends in spans if begins < until_s and ends > episode.start_s]
        if held:
            found.caught += 1
            found.delays_s.append(min(held) - episode.start_s)
            firsts.setdefault(number // CAMPAIGN, number % CAMPAIGN + 1)
    found.firsts += firsts.values()


def held_spans(changes: Iterable[tuple[float, str, bool]], guard: str, end_s: float) -> list[tuple[float, float]]:
    """From when to when a guard held anything back."""
    spans, active, since_s = [], 0, 0.0
    for time_s, name, begins in changes:
        if name != guard:
            continue
        if begins and not active:
            since_s = time_s
        active += 1 if begins else -1
        if not active:
            spans.append((since_s, time_s))
    return [*spans, (since_s, end_s)] if active else spans


def table(results: dict[str, Found]) -> Table:
    clean = results[""]
    shown = Table("episodes", "guard", "number", "caught", "delay s (max)", "first (max)", "false alarms/h")
    for kind, found in results.items():
        if not kind:
            continue
        guard, delays, firsts = MEANT_FOR[kind][0], found.delays_s, found.firsts
        shown.add_row(
            kind,
            guard,
            f"{found.episodes}",
            f"{found.caught / found.episodes:.2f}",
            f"{statistics.mean(delays):.1f} ({max(delays):.1f})" if delays else "-",
            f"{statistics.mean(firsts):.1f} ({max(firsts)})" if firsts and kind == "layered" else "",
            f"{clean.alarms.get(guard, 0) / clean.hours:.2f}",
        )
    shown.add_row("", "abnormal market", "", "", "", "", f"{clean.alarms.get('abnormal market', 0) / clean.hours:.2f}")
    shown.add_row("", "all", "", "", "", "", f"{sum(clean.alarms.values()) / clean.hours:.2f}")
    shown.caption = f"{clean.hours:.1f} hours without episodes; cost there {clean.cost:.2%} of the spread's capture"
    return shown


# -- recordings -----------------------------------------------------------------------------------------------


def replay(catalog: Path, console: Console) -> dict[str, Found]:
    """Every instrument of a catalog, from its beginning: alarms while guards still warm up are counted too."""
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.data import OrderBookDeltas, TradeTick
    from nautilus_trader.model.enums import BookType

    from ultramm.nautilus.catalog.read import holdings, load, load_instruments
    from ultramm.nautilus.convert import to_book, to_instrument, to_trade, touch_reader

    results: dict[str, Found] = {}
    names = sorted({holding.instrument_id for holding in holdings(catalog)})
    for instrument in load_instruments(catalog, names):
        watched, book = Watched(to_instrument(instrument)), OrderBook(instrument.id, BookType.L2_MBP)
        read, first_ns, last_ns = touch_reader(book), 0, 0
        for event in load(catalog, [instrument.id.value]):
            last_ns = event.ts_init
            first_ns = first_ns or last_ns
            if isinstance(event, TradeTick):
                watched.on_trade(to_trade(event))
            elif isinstance(event, OrderBookDeltas):
                book.apply_deltas(event)
                watched.protection.on_message(last_ns, event.ts_event)
                touch = read(last_ns)
                if touch is not None and touch.two_sided:
                    watched.on_touch(touch)
                if watched.decides(last_ns):
                    watched.decide(to_book(book, last_ns, DEPTH_LEVELS))
        found = Found(hours=(last_ns - first_ns) / 3.6e12, delays_s=[], firsts=[], alarms={})
        watched.count(found, 0.0)
        results[instrument.id.value] = found
        console.print(f"{instrument.id.value}: {found.hours:.2f} h")
    return results


def recorded_table(results: dict[str, Found]) -> Table:
    shown = Table("recording", "hours", "alarms by guard", "an hour", "cost")
    for name, found in results.items():
        by_guard = ", ".join(f"{guard} {count}" for guard, count in sorted(found.alarms.items())) or "none"
        hourly = sum(found.alarms.values()) / found.hours
        shown.add_row(name, f"{found.hours:.2f}", by_guard, f"{hourly:.2f}", f"{found.cost:.2%}")
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", default="tight", choices=sorted(PRESETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=101)
    parser.add_argument("--hours", type=float, default=2.0, help="of each seed; the first half hour is to warm up")
    parser.add_argument("--kinds", nargs="*", default=[*MEANT_FOR], choices=[*MEANT_FOR])
    parser.add_argument("--catalog", type=Path, metavar="FOLDER", help="recordings instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was found there")
    arguments = parser.parse_args()
    quiet = Console(stderr=True)
    if arguments.catalog is not None:
        results = replay(arguments.catalog, quiet)
        shown = recorded_table(results)
    else:
        results = {kind: Found(delays_s=[], firsts=[], alarms={}) for kind in ["", *arguments.kinds]}
        with Progress(console=quiet) as progress:
            task = progress.add_task("seeds", total=arguments.seeds * len(results))
            for kind, found in results.items():
                for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                    play(arguments.preset, seed, kind, arguments.hours * 3600.0, found)
                    progress.advance(task)
        shown = table(results)
    Console(width=140).print(shown)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.encode(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
