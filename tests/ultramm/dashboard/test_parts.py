"""What the page says of a journal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ultramm.analytics.latency import LatencyStatus
from ultramm.analytics.scorecard import Scorecard
from ultramm.dashboard.follow import Follower
from ultramm.dashboard.parts import cards, everything
from ultramm.errors import DataError
from ultramm.inference.state import ModelState
from ultramm.journal.open import open_journal
from ultramm.journal.records import (
    AlertEvent,
    BookView,
    FillEvent,
    HaltEvent,
    MakerStarted,
    RunEnded,
    RunStarted,
    Status,
    VenueStatus,
)
from ultramm.journal.sqlite import SqliteJournal
from ultramm.journal.store import Journal
from ultramm.maker import EdgeStatus, MakerStatus, SideStatus
from ultramm.market import Instrument

INSTRUMENT = Instrument(
    id="BTCUSDT.SIM",
    tick_size=5.0,
    lot_size=0.01,
    price_precision=1,
    size_precision=2,
    quote_currency="USDT",
    settlement_currency="USDT",
)


def status(reason: str | None = None) -> Status:
    ask = SideStatus(orders=(), reason=reason) if reason else SideStatus(orders=((50_005.0, 0.01),), reason=None)
    maker = MakerStatus(
        state="running",
        bid=SideStatus(orders=((49_995.0, 0.01),), reason=None),
        ask=ask,
        fair=50_000.0,
        reservation_price=50_000.0,
        score=Scorecard("mm-btc", INSTRUMENT).score(0),
        max_position=0.5,
        models=(
            ModelState(id="toy-1", trades=True, weights={"move": 0.42, "arrivals": 1.0}, outcomes=1_234, doubt=""),
            ModelState(id="toy-2", trades=False, weights={"move": 0.0}, outcomes=9, doubt="<too old>"),
        ),
        latency=LatencyStatus(count=9, p50_us=250.0, p99_us=900.0, most_us=1_000.0),
    )
    book = BookView(instrument="BTCUSDT.SIM", bids=((49_995.0, 0.07),), asks=((50_005.0, 0.09),), mean_spread_bps=2.0)
    venue = VenueStatus(venue="SIM", state="connected")
    balances = {"SIM USDT": "100000.0 USDT"}
    return Status(state="running", makers=(maker,), books=(book,), balances=balances, venues=(venue,))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    store = SqliteJournal(tmp_path / "journal.db", create=True)
    yield store
    store.close()


def page(journal: Journal) -> str:
    """All of the page but its charts."""
    follower = Follower(journal)
    follower.poll()
    return everything(follower)


def write(journal: Journal, *records: Any, run: str = "demo-1", ts_ns: int | None = None) -> None:
    journal.append([(run, time.time_ns() if ts_ns is None else ts_ns, record) for record in records])


def started(mode: str = "paper") -> RunStarted:
    return RunStarted(name="demo", mode=mode, version="0", pid=1, configuration={})


def test_an_empty_journal_says_that_nothing_has_reported(journal: SqliteJournal) -> None:
    assert "No node has reported yet" in page(journal)


def test_a_recording_is_shown_and_one_that_stopped_stands_out(journal: SqliteJournal) -> None:
    write(journal, started(), status())
    assert "recording" not in page(journal)
    write(journal, msgspec.structs.replace(status(), recording="recording into <cat>: 7 rows"))
    assert "<p class='dim'>recording into &lt;cat&gt;: 7 rows</p>" in page(journal)
    write(journal, msgspec.structs.replace(status(), recording="recording stopped: the disk is full"))
    assert "<p class='why'>recording stopped: the disk is full</p>" in page(journal)


def test_shows_mode_state_quotes_and_book(journal: SqliteJournal) -> None:
    write(journal, started(), status())
    shown = page(journal)
    assert ">PAPER<" in shown
    assert "<span class='badge good'>running</span>" in shown
    assert "<td class='n buy'>49995</td>" in shown
    assert "<td class='n sell'>50005</td>" in shown
    assert "SIM connected" in shown
    assert "of 0.5 allowed" in shown
    assert "tick to order p50 250 µs, p99 900 µs" in shown


def test_says_why_a_side_is_not_quoted(journal: SqliteJournal) -> None:
    write(journal, started(), status(reason="position 0.1 is at its limit of 0.1"))
    assert "not quoted: position 0.1 is at its limit of 0.1" in page(journal)


def test_shows_what_moves_the_quotes_and_the_edge_curve(journal: SqliteJournal) -> None:
    shown = status()
    edges = (
        EdgeStatus(depth_bps=0.5, fills_per_s=0.1, edge_bps=-0.25, error_bps=0.125),
        EdgeStatus(depth_bps=1.0, fills_per_s=0.05, edge_bps=0.75, error_bps=None),
        EdgeStatus(depth_bps=9.0, fills_per_s=0.0, edge_bps=None, error_bps=None),
    )
    effects = {"half_spread_bps": 1.25, "kappa_per_bps": 0.5, "bid_least_bps": None}
    maker = msgspec.structs.replace(shown.makers[0], effects=effects, bid_edges=edges, ask_edges=edges)
    write(journal, started(), msgspec.structs.replace(shown, makers=(maker,)))

    html = page(journal)
    assert "<td>half spread</td><td class='n'>+1.250</td><td class='dim'>bps</td>" in html
    assert "<td>kappa</td><td class='n'>+0.500</td><td class='dim'>1 / bps</td>" in html
    assert "<td>bid least</td><td class='n'>–</td>" in html  # noqa: RUF001
    assert "<td class='n'>0.50</td><td class='n'>-0.25 ± 0.12</td><td class='n'>6.00</td>" in html
    assert "<td class='n'>1.00</td><td class='n'>+0.75</td><td class='n'>3.00</td>" in html
    assert "<td class='n'>9.00</td>" not in html  # nothing came that far


def test_shows_how_far_each_model_is_believed_and_why_not(journal: SqliteJournal) -> None:
    write(journal, started(), status())
    html = page(journal)
    assert "<td class=''>toy-1 </td><td class=''>move 42 %, arrivals 100 %</td><td class='n'>1,234</td>" in html
    assert "toy-2 (in the shadow)" in html
    assert "&lt;too old&gt;" in html


def test_without_an_edge_curve_there_is_no_table_of_it(journal: SqliteJournal) -> None:
    write(journal, started(), status())
    assert "bids earn" not in page(journal)
    assert "does not judge depths by virtual quotes" in page(journal)


def test_a_node_that_is_silent_is_visibly_stale(journal: SqliteJournal) -> None:
    write(journal, started(), status(), ts_ns=time.time_ns() - 60 * 10**9)
    shown = page(journal)
    assert "silent for 60 s" in shown
    assert "badge good'>running" not in shown


def test_names_from_a_configuration_cannot_become_markup(journal: SqliteJournal) -> None:
    write(journal, started(), status(reason="<script>alert(1)</script>"), run="<b>run</b>")
    shown = page(journal)
    assert "<script>" not in shown
    assert "<b>run</b>" not in shown
    assert "&lt;script&gt;" in shown


def test_fills_of_an_earlier_run_are_not_shown(journal: SqliteJournal) -> None:
    fill = FillEvent(
        strategy="mm-btc",
        instrument="BTCUSDT.SIM",
        order_id="o",
        side="BUY",
        price=49_995.0,
        size=0.01,
        fee=0.0,
        maker=True,
        mid=50_000.0,
        position=0.01,
    )
    write(journal, fill, run="demo-0")
    write(journal, started(), status())
    assert "No fills yet." in page(journal)
    write(journal, fill)
    assert "<span class='buy'>BUY</span>" in page(journal)
    assert "<td class='n'>+1.00</td>" in page(journal), "it was bought a basis point below the mid"


def test_what_stopped_it_what_was_told_and_how_it_ended_is_there(journal: SqliteJournal) -> None:
    halted = msgspec.structs.replace(status().makers[0], halts={"journal": "the disk is <full>"})
    write(journal, started(), msgspec.structs.replace(status(), makers=(halted,)))
    write(journal, HaltEvent(strategy="mm-btc", source="journal", active=True, reason="the disk is <full>"))
    journal.add_alert(AlertEvent(ts_ns=0, severity="critical", title="<i>demo</i>", body="one\n<script>two"))
    shown = page(journal)
    assert "halted by journal: the disk is &lt;full&gt;" in shown
    assert "mm-btc by journal" in shown
    assert "one<br>&lt;script&gt;two" in shown
    assert "<i>demo" not in shown
    write(journal, RunEnded(reason="stop by operator", open_orders=0), ts_ns=0)
    assert "ended: stop by operator" in page(journal)
    assert "silent" not in page(journal)


# -- following -----------------------------------------------------------------------------------------------------


def test_it_follows_the_next_run_unless_one_was_chosen(journal: SqliteJournal) -> None:
    write(journal, started(), status(), run="first")
    latest, chosen = Follower(journal), Follower(journal, "first")
    for follower in (latest, chosen):
        assert follower.poll() is True
        assert follower.poll() is False
        assert follower.run == "first"
    write(journal, started("live"), status(reason="why"), run="second")
    for follower in (latest, chosen):
        follower.poll()
    assert (latest.run, chosen.run) == ("second", "first")
    assert latest.started is not None
    assert latest.started.mode == "live"
    assert [run.run for run in latest.runs] == ["second", "first"]


def test_a_page_that_is_opened_late_has_the_charts_of_before(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(journal, started(), MakerStarted(strategy="mm-btc", instrument=INSTRUMENT, max_position=0.5), ts_ns=0)
    for second in range(60):
        score = msgspec.structs.replace(status().makers[0].score, last_mid=50_000.0 + second)
        maker = msgspec.structs.replace(status().makers[0], score=score)
        write(journal, msgspec.structs.replace(status(), makers=(maker,)), ts_ns=second * 10**9)
    follower = Follower(journal)
    follower.poll()
    (replay,) = follower.replay.makers.values()
    assert replay.trace.series.column("mid")[-1] == 50_058.0
    # Of a run that has lasted long only the end is gone through.
    monkeypatch.setattr("ultramm.dashboard.follow._HISTORY", 10)
    late = Follower(journal)
    late.poll()
    (short,) = late.replay.makers.values()
    assert 0 < len(short.trace.series.times_ns()) < len(replay.trace.series.times_ns())
    assert late.status == follower.status


def test_of_a_long_run_what_stands_now_is_known_before_what_was(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ultramm.dashboard.follow._ROWS_AT_ONCE", 10)
    write(journal, started(), MakerStarted(strategy="mm-btc", instrument=INSTRUMENT, max_position=0.5), ts_ns=0)
    for second in range(60):
        write(journal, msgspec.structs.replace(status(), market_events=second), ts_ns=second * 10**9)
    follower, polls = Follower(journal), 0
    seen = []
    while follower.poll(0.0):
        polls += 1
        assert follower.status is not None
        seen.append(follower.status.market_events)
    assert polls > 3
    assert set(seen) == {59}
    (replay,) = follower.replay.makers.values()
    whole = Follower(journal)
    whole.poll()
    (at_once,) = whole.replay.makers.values()
    assert list(replay.trace.series.times_ns()) == list(at_once.trace.series.times_ns())


def test_a_run_that_is_not_there_shows_nothing(journal: SqliteJournal) -> None:
    write(journal, started(), status())
    follower = Follower(journal, "nosuch")
    assert follower.poll() is False
    assert follower.status is None


def test_a_journal_that_cannot_be_read_is_followed_again_once_it_can(redis_process: Any) -> None:
    server = redis_process()
    store = open_journal(f"{server.address}#demo", create=True)
    write(store, started(), status())
    server.stop()
    follower = Follower(store)
    with pytest.raises(DataError, match=f"no Redis answers at 127.0.0.1:{server.port}"):
        follower.poll()
    server.start()
    assert follower.poll() is True
    assert follower.run == "demo-1"
    store.close()


def test_what_is_left_of_a_difference_by_rounding_is_no_money() -> None:
    (maker,) = status().makers
    for realised, shown, mood in ((-2.28e-14, "0", ""), (-2.5, "−2.500", " loss"), (3e-8, "+3.00e−08", " gain")):  # noqa: RUF001
        pnl = msgspec.structs.replace(maker.score.pnl, realised=realised)
        changed = msgspec.structs.replace(maker, score=msgspec.structs.replace(maker.score, pnl=pnl))
        assert f"<div class='card{mood}'><span>realised</span><b>{shown}</b>" in cards(changed)
