"""Checks a catalog: is time in order, are counts as imported, and what must one know before trusting it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId

from ultramm.nautilus.catalog.manifest import Manifest
from ultramm.nautilus.catalog.read import bar_times, holdings, load

_EVERY = 10_000  # events between two reports of progress


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one instrument.

    Parameters
    ----------
    batches, trades, bars : int
        Book changes, trades and bars read.
    first_ns, last_ns : int
        Range of ``ts_init``.
    back_in_time : int
        Events before the one that they follow.
    crossed, one_sided : int
        Batches after which the best bid was not below the best ask, or a side was empty.
    gaps : int
        Silences longer than asked for; `longest_gap_s` is the longest silence of all, seconds.
    miscounted : dict
        Kind -> rows imported and rows found, where they differ.
    """

    instrument_id: str
    batches: int
    trades: int
    bars: int
    first_ns: int
    last_ns: int
    back_in_time: int
    crossed: int
    one_sided: int
    gaps: int
    longest_gap_s: float
    miscounted: dict[str, tuple[int, int]]

    @property
    def sound(self) -> bool:
        """Whether time is in order and nothing is missing; the rest may be as it was on the market."""
        return not self.back_in_time and not self.miscounted


def verify(catalog: Path, *, gap_s: float = 60.0, progress: Callable[[int, int], None] | None = None) -> list[Verdict]:
    """Read all book changes and trades of a catalog, and check them.

    Parameters
    ----------
    gap_s : float
        Silence that counts as a gap, seconds.
    progress : callable, optional
        Called with the rows done so far and in all.

    Raises
    ------
    DataError
        The directory is no catalog, or a file in it cannot be read.
    """
    held: dict[str, dict[str, int]] = {}
    for holding in holdings(catalog):
        held.setdefault(holding.instrument_id, {})[holding.kind] = holding.rows
    total, done = sum(rows for kinds in held.values() for rows in kinds.values()), 0
    verdicts = []
    for instrument_id, kinds in held.items():

        def report(rows: int, before: int = done) -> None:
            if progress is not None:
                progress(before + rows, total)

        verdicts.append(_verify(catalog, instrument_id, kinds, gap_s, report))
        done += sum(kinds.values())
    return verdicts


class _Clock:
    """Follows times: is there one that goes back, how long are the silences."""

    def __init__(self, gap_s: float) -> None:
        self._gap_ns = gap_s * 1e9
        self.first_ns: int | None = None
        self.last_ns = self.back = self.gaps = self.longest_ns = 0

    def tick(self, ts_ns: int) -> None:
        if self.first_ns is None:
            self.first_ns = self.last_ns = ts_ns
        silence_ns = ts_ns - self.last_ns
        self.back += silence_ns < 0
        self.gaps += silence_ns > self._gap_ns
        self.longest_ns = max(self.longest_ns, silence_ns)
        self.last_ns = max(self.last_ns, ts_ns)


def _verify(
    catalog: Path, instrument_id: str, kinds: dict[str, int], gap_s: float, report: Callable[[int], None]
) -> Verdict:
    book = OrderBook(InstrumentId.from_str(instrument_id), BookType.L2_MBP)
    batches = trades = bars = rows = crossed = one_sided = 0
    clock, bar_clock = _Clock(gap_s), _Clock(gap_s)
    for event in load(catalog, [instrument_id]):
        clock.tick(event.ts_init)
        if isinstance(event, TradeTick):
            trades += 1
            rows += 1
        else:
            batches += 1
            rows += len(event.deltas)
            book.apply_deltas(event)
            bid, ask = book.best_bid_price(), book.best_ask_price()
            if bid is None or ask is None:
                one_sided += 1
            else:
                crossed += bid.raw >= ask.raw
        if (batches + trades) % _EVERY == 0:
            report(rows)
    for ts_ns in bar_times(catalog, instrument_id):
        bars += 1
        bar_clock.tick(ts_ns)
    main = clock if clock.first_ns is not None else bar_clock
    return Verdict(
        instrument_id=instrument_id,
        batches=batches,
        trades=trades,
        bars=bars,
        first_ns=main.first_ns or 0,
        last_ns=main.last_ns,
        back_in_time=clock.back + bar_clock.back,
        crossed=crossed,
        one_sided=one_sided,
        gaps=main.gaps,
        longest_gap_s=main.longest_ns * 1e-9,
        miscounted=_miscounted(catalog, instrument_id, kinds),
    )


def _miscounted(catalog: Path, instrument_id: str, found: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Rows that were imported, by the catalog's own account, and rows that its files have."""
    summaries = [record.summary for record in Manifest.read(catalog).imports if record.instrument_id == instrument_id]
    if not summaries:
        return {}
    imported = {kind: sum(s.kept.get(kind, 0) for s in summaries) for kind in ("deltas", "trades", "quotes", "bars")}
    return {kind: (rows, found.get(kind, 0)) for kind, rows in imported.items() if rows != found.get(kind, 0)}
