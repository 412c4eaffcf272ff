"""A run as its journal tells it, against the run itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ultramm.analytics.report.metrics import half_life, metrics, sharpe_error, sortino
from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.errors import DataError
from ultramm.journal.open import open_journal
from ultramm.journal.records import BookView, MakerStarted, Record, RunStarted, Status
from ultramm.journal.store import Journal
from ultramm.journal.traced import traced
from ultramm.maker import Maker
from ultramm.nautilus.backtest import BacktestResult, run_backtest
from ultramm.nautilus.tracer import Tracer

S = 1_000_000_000


class Journalled(Tracer):
    """A traced backtest that also keeps what a node would write, its status each second with it."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, int, Record]] = []
        self.due_ns = 0

    def watch(self, maker: Maker) -> Any:
        trace = super().watch(maker)
        until = trace.until

        def and_report(ts_ns: int, book: Any) -> None:
            if maker.book is not None and ts_ns >= self.due_ns:
                self.due_ns = ts_ns // S * S + S
                self.rows.append(("run", ts_ns, _status(maker, ts_ns)))
            until(ts_ns, book)

        trace.until = and_report
        return trace

    def __call__(self, ts_ns: int, record: Record) -> None:
        self.rows.append(("run", ts_ns, record))
        super().__call__(ts_ns, record)

    def finish(self, last_ns: int) -> None:
        super().finish(last_ns)
        for maker in self._makers.values():
            self.rows.append(("run", last_ns, _status(maker, last_ns)))


def _status(maker: Maker, ts_ns: int) -> Status:
    book = maker.book
    assert book is not None
    view = BookView(instrument=maker.instrument.id, bids=_levels(book.bids), asks=_levels(book.asks))
    return Status(state="running", makers=(maker.status(ts_ns),), books=(view,), balances={}, market_events=7)


def _levels(of: Any) -> tuple[tuple[float, float], ...]:
    return tuple((level.price, level.size) for level in of)


@pytest.fixture(scope="module")
def ran() -> tuple[Journalled, BacktestResult]:
    settings = ("mode=backtest", "venues.SIM.params.duration_s=300")
    collector = Journalled()
    return collector, run_backtest(resolve(read(None, settings)), collector=collector)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = open_journal(f"sqlite:///{tmp_path}/journal.db", create=True)
    made.append([("run", 0, RunStarted(name="demo", mode="paper", version="1", pid=1, configuration={}))])
    yield made
    made.close()


def test_what_the_journal_tells_is_what_happened(ran: tuple[Journalled, BacktestResult], journal: Journal) -> None:
    collector, result = ran
    journal.append(collector.rows)
    found = traced(journal, "run")
    ((score, trace),) = found.makers
    (expected,) = result.scores
    assert expected.fills > 10
    for part in ("total", "spread_capture", "inventory", "fees"):
        assert getattr(score.pnl, part) == pytest.approx(getattr(expected.pnl, part), rel=1e-9, abs=1e-9)
    assert (score.fills, score.volume, score.inventory) == (expected.fills, expected.volume, expected.inventory)
    assert (score.markouts, score.quoting) == (expected.markouts, expected.quoting)
    assert found.fills_sha256 == result.fills_sha256
    assert found.market_events == 7
    (watched,) = collector.traces.values()
    assert [each.fill for each in trace.fills] == [each.fill for each in watched.fills]
    assert trace.lives.until_fill.quantile(0.5) == watched.lives.until_fill.quantile(0.5)
    # The mid is seen once a second, so markouts beyond that are near what they were.
    found_5, was_5 = trace.markout(5.0), watched.markout(5.0)
    assert found_5 is not None
    assert was_5 is not None
    assert found_5.value == pytest.approx(was_5.value, abs=3 * was_5.standard_error)


def test_every_figure_is_there_with_the_same_names(ran: tuple[Journalled, BacktestResult], journal: Journal) -> None:
    collector, result = ran
    journal.append(collector.rows)
    found = traced(journal, "run")
    (told,) = [metrics(score, trace, found.first_ns, found.last_ns) for score, trace in found.makers]
    (watched,) = collector.traces.values()
    direct = metrics(result.scores[0], watched, result.first_ns, result.last_ns)
    assert [metric.name for metric in told] == [metric.name for metric in direct]
    by_name = {metric.name: metric for metric in told}
    ratio = by_name["Sharpe ratio per 1 s"]
    assert ratio.value is not None
    assert ratio.error == pytest.approx(((1 + ratio.value**2 / 2) / 300) ** 0.5, rel=0.02)
    assert 0 <= by_name["Win rate"].value <= 100  # type: ignore[operator]


def test_a_run_that_begins_with_a_position_counts_its_own_profit_only(
    ran: tuple[Journalled, BacktestResult], journal: Journal
) -> None:
    """As a live node that goes on: its score has earlier runs in it."""
    collector, _ = ran
    fills = [at for at, (_, _, record) in enumerate(collector.rows) if type(record).__name__ == "FillEvent"]
    middle = next(
        at
        for at, (_, _, record) in enumerate(collector.rows)
        if at > fills[len(fills) // 2] and isinstance(record, Status) and record.makers[0].score.inventory.last
    )
    starts = [row for row in collector.rows if isinstance(row[2], MakerStarted)]
    journal.append([*starts, *collector.rows[middle:]])
    ((score, _),) = traced(journal, "run").makers
    first, last = (collector.rows[at][2].makers[0].score for at in (middle, -1))  # type: ignore[union-attr]
    assert first.inventory.last != 0
    assert score.pnl.total == pytest.approx(last.pnl.total - first.pnl.total, abs=1e-9)
    assert score.pnl.fees == pytest.approx(last.pnl.fees - first.pnl.fees, abs=1e-9)
    assert score.fills == last.fills - first.fills


def test_other_runs_are_left_out(ran: tuple[Journalled, BacktestResult], journal: Journal) -> None:
    collector, _ = ran
    journal.append(collector.rows)
    journal.append([("other", ts_ns, record) for _, ts_ns, record in collector.rows])
    assert traced(journal, "run").makers[0][0].pnl == traced(journal, "run").makers[0][0].pnl
    with pytest.raises(DataError, match="other says too little for a report"):
        traced(journal, "other")  # it has no beginning


def test_a_run_that_said_nothing_makes_no_report(journal: Journal) -> None:
    with pytest.raises(DataError, match="ended before its first status"):
        traced(journal, "run")


# -- figures -------------------------------------------------------------------------------------------------------


def test_known_figures() -> None:
    """Lo (2002), table 2: a Sharpe ratio of 0.5 of 60 months has a standard error of 0.137."""
    assert sharpe_error(0.5, 60) == pytest.approx(0.137, abs=5e-4)
    assert sortino(np.array([1.0, -1.0, 2.0, -2.0])) == pytest.approx(0.0)
    assert sortino(np.array([3.0, -4.0])) == pytest.approx(-0.5 / 8.0**0.5)
    assert sortino(np.array([1.0, 2.0])) is None


def test_the_half_life_of_an_inventory_is_that_of_its_decay() -> None:
    decaying = 0.5 ** (np.arange(200) / 8.0)
    assert half_life(decaying, 2.0) == pytest.approx(16.0)
    rng = np.random.default_rng(1)
    positions = np.zeros(50_000)
    for at in range(1, len(positions)):
        positions[at] = 0.9 * positions[at - 1] + rng.normal()
    assert half_life(positions, 1.0) == pytest.approx(np.log(0.5) / np.log(0.9), rel=0.06)
    assert half_life(np.ones(10), 1.0) is None
    assert half_life(np.zeros(10), 1.0) is None
    assert half_life(np.array([1.0, -1.0, 1.0]), 1.0) == 0.0
