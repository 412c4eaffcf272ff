"""The page: what it says of a journal, and that a real browser shows it live."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ultramm.analytics.scorecard import Scorecard
from ultramm.dashboard.page import page
from ultramm.journal.open import open_journal
from ultramm.journal.records import BookView, FillEvent, RunStarted, Status
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
    )
    book = BookView(instrument="BTCUSDT.SIM", bids=((49_995.0, 0.07),), asks=((50_005.0, 0.09),), mean_spread_bps=2.0)
    return Status(state="running", makers=(maker,), books=(book,), balances={"SIM USDT": "100000.0 USDT"})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    store = SqliteJournal(tmp_path / "journal.db", create=True)
    yield store
    store.close()


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
    assert "<span class='badge ok'>running</span>" in shown
    assert "<td class='bid ours'>49995</td>" in shown
    assert "<td>0.09</td>" in shown
    assert "mean spread 2.00 bps" in shown


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
    assert "<td>half spread</td><td>+1.25</td><td>bps</td>" in html
    assert "<td>kappa</td><td>+0.50</td><td>1 / bps</td>" in html
    assert "<td>bid least</td><td>–</td>" in html  # noqa: RUF001
    assert "<td>0.50</td><td>-0.25 ± 0.12</td><td>6.00</td>" in html
    assert "<td>1.00</td><td>+0.75</td><td>3.00</td>" in html
    assert "<td>9.00</td>" not in html  # nothing came that far


def test_without_an_edge_curve_there_is_no_table_of_it(journal: SqliteJournal) -> None:
    write(journal, started(), status())
    assert "edge curve" not in page(journal)
    assert "effects" not in page(journal)


def test_a_node_that_is_silent_is_visibly_stale(journal: SqliteJournal) -> None:
    write(journal, started(), status(), ts_ns=time.time_ns() - 60 * 10**9)
    shown = page(journal)
    assert "silent for 60 s" in shown
    assert "badge ok" not in shown


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
    assert "last fills" not in page(journal)
    write(journal, fill)
    assert "last fills" in page(journal)


def test_a_journal_that_cannot_be_read_is_told_and_shown_again_once_it_can(redis_process: Any) -> None:
    server = redis_process()
    store = open_journal(f"{server.address}#demo", create=True)
    write(store, started(), status())
    server.stop()
    shown = page(store)
    assert "the journal cannot be read" in shown
    assert f"no Redis answers at 127.0.0.1:{server.port}" in shown
    server.start()
    assert "<span class='badge ok'>running</span>" in page(store)
    store.close()


# -- in a browser ----------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_a_browser_sees_the_page_change_without_reloading(journal: SqliteJournal, chromium: str) -> None:
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write(journal, started(), status())
    server = subprocess.Popen(
        [sys.executable, "-m", "ultramm.cli.main", "dashboard", str(journal.path), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            tab = browser.new_page()
            errors: list[str] = []
            tab.on("pageerror", lambda error: errors.append(str(error)))
            deadline = time.monotonic() + 60
            while True:
                try:
                    tab.goto(f"http://127.0.0.1:{port}/", timeout=10_000)
                    break
                except Exception:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)
            tab.get_by_text("PAPER", exact=True).wait_for(timeout=30_000)
            tab.get_by_text("49995").first.wait_for(timeout=30_000)
            write(journal, status(reason="paused by operator"))
            tab.get_by_text("not quoted: paused by operator").wait_for(timeout=30_000)
            assert errors == []
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=20)
