"""The page in a real browser, on a journal and on a real node."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from journal_records import INSTRUMENT, busy_maker
from page import Server, browser, errors_of, free_port, serving, wait_for
from view_plugin import write_view
from waiting import until

from ultramm.dashboard.passwords import hashed
from ultramm.journal.open import open_journal
from ultramm.journal.records import AlertEvent, BookView, CommandEvent, MakerStarted, RunStarted, Status
from ultramm.journal.sqlite import SqliteJournal
from ultramm.maker import EdgeStatus

pytestmark = pytest.mark.integration

S = 1_000_000_000
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def launched(chromium: str) -> Iterator[Any]:
    with browser(chromium) as one:
        yield one


@pytest.fixture
def opened(launched: Any) -> Iterator[Any]:
    """One browser for all tests; a test's pages end with it."""
    yield launched
    for context in launched.contexts:
        context.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    store = SqliteJournal(tmp_path / "journal.db", create=True)
    store.append(
        [("demo-1", time.time_ns(), RunStarted(name="demo", mode="paper", version="1", pid=1, configuration={}))]
    )
    store.append([("demo-1", time.time_ns(), MakerStarted(strategy="mm", instrument=INSTRUMENT, max_position=9.0))])
    for second in range(60, 0, -1):
        report(store, time.time_ns() - second * S)
    yield store
    store.close()


def began(name: str, mode: str) -> RunStarted:
    return RunStarted(name=name, mode=mode, version="1", pid=1, configuration={})


def report(
    store: SqliteJournal, ts_ns: int | None = None, bid_edges: Any = (), ask_edges: Any = (), **changes: Any
) -> None:
    """A status, of now if not of another time."""
    maker = msgspec.structs.replace(busy_maker().status(61 * S), bid_edges=bid_edges, ask_edges=ask_edges)
    view = BookView(instrument="X.SIM", bids=((98.0, 1.0), (97.5, 2.0)), asks=((101.0, 2.0),))
    status = Status(state="running", makers=(maker,), books=(view,), balances={}, **changes)
    store.append([("demo-1", time.time_ns() if ts_ns is None else ts_ns, status)])


def press(tab: Any, name: str) -> None:
    tab.get_by_role("button", name=name, exact=True).click()


# -- what is seen --------------------------------------------------------------------------------------------------


def test_what_changes_is_seen_without_reloading_and_also_after_the_server_was_away(
    journal: SqliteJournal, opened: Any
) -> None:
    with serving(journal.path) as server:
        tab = opened.new_page()
        errors = errors_of(tab)
        tab.goto(server.url)
        tab.get_by_text("PAPER", exact=True).wait_for(timeout=PATIENCE_MS)
        tab.locator("canvas").first.wait_for(timeout=PATIENCE_MS)
        report(journal, market_events=1_234)
        tab.get_by_text("1,234 market events").wait_for(timeout=PATIENCE_MS)
        report(journal, recording="recording stopped: the disk is full")
        tab.get_by_text("the disk is full").wait_for(timeout=PATIENCE_MS)
        server.stop()
        tab.get_by_text("The page has lost its server").wait_for(timeout=PATIENCE_MS)
        report(journal, market_events=5_678)
        server.start()
        tab.get_by_text("5,678 market events").wait_for(timeout=PATIENCE_MS)
        assert errors == []


def test_before_there_is_anything_to_draw_the_figures_are_there(tmp_path: Path, opened: Any) -> None:
    store = SqliteJournal(tmp_path / "journal.db", create=True)
    with serving(store.path) as server:
        tab = opened.new_page()
        errors = errors_of(tab)
        tab.goto(server.url)
        tab.get_by_text("No node has reported yet.").wait_for(timeout=PATIENCE_MS)
        store.append([("demo-1", time.time_ns(), began("demo", "live"))])
        maker = MakerStarted(strategy="mm", instrument=INSTRUMENT, max_position=9.0)
        store.append([("demo-1", time.time_ns(), maker)])
        report(store)
        tab.get_by_text("LIVE", exact=True).wait_for(timeout=PATIENCE_MS)
        assert tab.get_by_text("Price, quotes and fills").count() == 0
        for second in range(5):
            report(store, time.time_ns() + second * S)
        tab.get_by_text("Price, quotes and fills").wait_for(timeout=PATIENCE_MS)
        assert errors == []
    store.close()


def test_what_is_stale_is_seen_to_be(journal: SqliteJournal, opened: Any) -> None:
    with serving(journal.path) as server:
        tab = opened.new_page()
        tab.goto(server.url)
        tab.get_by_text("silent for").wait_for(timeout=PATIENCE_MS)  # its last status is a second old at first
        tab.locator(".umm.stale").first.wait_for(timeout=PATIENCE_MS)
        report(journal)
        tab.get_by_text("running", exact=True).wait_for(timeout=PATIENCE_MS)


def test_scripts_in_names_and_alerts_are_text(journal: SqliteJournal, opened: Any) -> None:
    script = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
    with serving(journal.path) as server:
        tab = opened.new_page()
        journal.add_alert(AlertEvent(ts_ns=0, severity="info", title=script, body=script))
        journal.append([("demo-1", time.time_ns(), CommandEvent(verb="pause", origin=script, reply=script))])
        report(journal, recording=script)
        tab.goto(server.url)
        tab.get_by_text("PAPER", exact=True).wait_for(timeout=PATIENCE_MS)
        for name in ("Alerts", "Events"):
            tab.get_by_text(name, exact=True).click()
            tab.get_by_text("onerror").last.wait_for(timeout=PATIENCE_MS)
        assert tab.evaluate("window.hacked") is None


def test_a_plugins_tab_is_there_and_alive(tmp_path: Path, opened: Any) -> None:
    site = write_view(tmp_path / "site")
    store = SqliteJournal(tmp_path / "journal.db", create=True)
    configuration = {"plugins": [{"use": "counted", "params": {"word": "events"}}]}
    store.append(
        [("demo-1", time.time_ns(), msgspec.structs.replace(began("demo", "paper"), configuration=configuration))]
    )
    store.append([("demo-1", time.time_ns(), MakerStarted(strategy="mm", instrument=INSTRUMENT, max_position=9.0))])
    report(store, market_events=7)
    with serving(store.path, PYTHONPATH=str(site)) as server:
        tab = opened.new_page()
        errors = errors_of(tab)
        tab.goto(server.url)
        tab.get_by_text("Counted", exact=True).click(timeout=PATIENCE_MS)
        tab.get_by_text("7 events were counted").wait_for(timeout=PATIENCE_MS)
        report(store, market_events=8)
        tab.get_by_text("8 events were counted").wait_for(timeout=PATIENCE_MS)
        tab.get_by_text("Orders", exact=True).click()
        tab.get_by_text("from fair, bps").wait_for(timeout=PATIENCE_MS)
        assert errors == []
    store.close()


def test_the_edge_by_depth_is_drawn_once_there_is_any(journal: SqliteJournal, opened: Any) -> None:
    with serving(journal.path) as server:
        tab = opened.new_page()
        errors = errors_of(tab)
        tab.goto(server.url)
        tab.get_by_text("Edge", exact=True).click(timeout=PATIENCE_MS)
        tab.get_by_text("does not judge depths").wait_for(timeout=PATIENCE_MS)
        point = EdgeStatus(depth_bps=1.5, fills_per_s=0.1, edge_bps=0.5, error_bps=0.2)
        report(journal, bid_edges=(point,), ask_edges=(point,))
        tab.get_by_text("Edge by depth").wait_for(timeout=PATIENCE_MS)
        tab.get_by_text("Fills by depth").wait_for(timeout=PATIENCE_MS)
        tab.locator("canvas").first.wait_for(timeout=PATIENCE_MS)
        assert errors == []


# -- who is let in, and who may act --------------------------------------------------------------------------------


def test_without_the_password_nothing_is_seen_and_a_viewer_cannot_act(journal: SqliteJournal, opened: Any) -> None:
    passwords = {
        "ULTRAMM_DASHBOARD_PASSWORD": hashed("act"),
        "ULTRAMM_DASHBOARD_VIEWER_PASSWORD": hashed("see"),
    }
    with serving(journal.path, **passwords) as server:

        def enter(tab: Any, password: str) -> None:
            tab.get_by_label("password").fill(password)
            press(tab, "Enter")

        tab = opened.new_context().new_page()
        tab.goto(server.url)
        assert "/login" in tab.url
        enter(tab, "wrong")
        tab.get_by_text("wrong password").wait_for(timeout=PATIENCE_MS)
        enter(tab, "see")
        tab.get_by_text("too many wrong passwords").wait_for(timeout=PATIENCE_MS)
        time.sleep(1.1)  # what it was told to wait
        tab.goto(server.url)
        enter(tab, "see")
        tab.get_by_text("PAPER", exact=True).wait_for(timeout=PATIENCE_MS)
        assert tab.get_by_role("button", name="Pause", exact=True).count() == 0
        (cookie,) = [each for each in tab.context.cookies() if each["name"] == "user"]
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        other = opened.new_context().new_page()
        other.goto(server.url)
        enter(other, "act")
        other.get_by_role("button", name="Pause", exact=True).wait_for(timeout=PATIENCE_MS)


def asked(url: str, **changes: Any) -> int:
    """What a server says to a request."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **changes), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code


def test_another_site_can_neither_post_nor_open_a_socket(journal: SqliteJournal, opened: Any) -> None:
    with serving(journal.path, ULTRAMM_DASHBOARD_PASSWORD=hashed("act")) as server:
        form = urllib.parse.urlencode({"password": "act"}).encode()
        assert asked(f"{server.url}login", data=form, headers={"Origin": "http://evil.example"}) == 403
        assert asked(server.url, data=b"verb=stop") == 405
    with serving(journal.path) as server:
        tab = opened.new_page()
        tab.goto(server.url)
        tab.get_by_text("PAPER", exact=True).wait_for(timeout=PATIENCE_MS)
        evil = Evil()
        try:
            stranger = opened.new_page()
            stranger.goto(evil.url)
            said = stranger.evaluate(
                """url => new Promise(done => { const socket = new WebSocket(url, ["bokeh", "x"]);
                socket.onopen = () => done("open"); socket.onerror = () => done("refused"); })""",
                f"ws://127.0.0.1:{server.port}/ws",
            )
            assert said == "refused"
            read = stranger.evaluate(
                "url => fetch(url).then(answer => answer.text()).catch(() => 'not readable')", server.url
            )
            assert read == "not readable"
        finally:
            evil.stop()
    assert journal.pending_commands() == []


class Evil:
    """Another site, on another port."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "http.server", str(self.port), "--bind", "127.0.0.1", "--directory", "/var/empty"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.url)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)


# -- a real node ---------------------------------------------------------------------------------------------------


class Node:
    """A paper node with its page."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        command = [sys.executable, "-m", "ultramm.cli.main", "node", "start", "--set", f"dashboard.port={self.port}"]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def status(self) -> Status | None:
        try:
            store = open_journal(str(self.folder / "data" / "journal.db"))
        except Exception:
            return None
        entries = store.last("status")
        store.close()
        return entries[0].record if entries and isinstance(entries[0].record, Status) else None

    def lasted_s(self) -> float:
        """Seconds from the first status to the last."""
        try:
            store = open_journal(str(self.folder / "data" / "journal.db"))
        except Exception:
            return 0.0
        first, last = store.read(kind="status", limit=1), store.last("status")
        store.close()
        return (last[0].ts_ns - first[0].ts_ns) / S if first and last else 0.0

    def quotes(self) -> bool:
        status = self.status()
        return status is not None and any(maker.bid.orders or maker.ask.orders for maker in status.makers)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.kill()
    made.process.wait()


def test_the_page_of_a_node_shows_its_journal_and_steers_it(node: Node, opened: Any) -> None:
    wait_for(node.url)
    until(node.quotes, "it quotes", 60.0)
    tab = opened.new_page()
    errors = errors_of(tab)
    tab.goto(node.url)
    tab.get_by_text("spread capture", exact=True).first.wait_for(timeout=PATIENCE_MS)
    press(tab, "Pause")
    tab.get_by_text("pause: paused: quotes are pulled").wait_for(timeout=PATIENCE_MS)
    until(lambda: not node.quotes(), "its quotes are gone")
    # Nothing changes any more but the market: the figures on the page are the journal's.
    status = node.status()
    assert status is not None
    fills = status.makers[0].score.fills
    tab.get_by_text(re.compile(rf"^{fills:,} passive$")).wait_for(timeout=PATIENCE_MS)
    press(tab, "Stop")
    tab.get_by_text("to stop, type demo beside the buttons first").wait_for(timeout=PATIENCE_MS)
    assert node.process.poll() is None
    press(tab, "Resume")
    until(node.quotes, "it quotes again")
    tab.get_by_placeholder("name, to confirm").press_sequentially("demo")
    press(tab, "Kill")
    node.process.wait(timeout=30)
    assert errors == []
    store = open_journal(str(node.folder / "data" / "journal.db"))
    verbs = [(each.record.verb, each.record.origin) for each in store.read(kind="command")]  # type: ignore[union-attr]
    (ended,) = store.last("run-ended")
    store.close()
    assert verbs == [("pause", "page operator"), ("resume", "page operator"), ("kill", "page operator")]
    assert ended.record.open_orders == 0  # type: ignore[union-attr]


def test_two_nodes_are_chosen_between_and_past_runs_are_there(
    journal: SqliteJournal, tmp_path: Path, opened: Any
) -> None:
    other = SqliteJournal(tmp_path / "other.db", create=True)
    other.append(
        [("second-7", time.time_ns(), RunStarted(name="second", mode="live", version="1", pid=1, configuration={}))]
    )
    report(journal)
    other.append([("second-7", time.time_ns(), journal.last("status")[0].record)])
    server = Server(str(journal.path), str(other.path))
    try:
        tab = opened.new_page()
        tab.goto(server.url)
        tab.get_by_text("PAPER", exact=True).wait_for(timeout=PATIENCE_MS)
        tab.locator("select").first.select_option(str(other.path))
        tab.get_by_text("LIVE", exact=True).wait_for(timeout=PATIENCE_MS)
        tab.get_by_text("second-7").first.wait_for(timeout=PATIENCE_MS)
    finally:
        server.stop()
        other.close()


def test_the_pictures_of_the_docs_are_of_a_real_node(node: Node, tmp_path: Path, opened: Any) -> None:
    """Taken into docs/img with ``ULTRAMM_PICTURES=docs/img``."""
    folder = Path(os.environ.get("ULTRAMM_PICTURES", tmp_path)).resolve()
    wait_for(node.url)
    wanted = "ULTRAMM_PICTURES" in os.environ
    until(lambda: node.lasted_s() > (150.0 if wanted else 2.0), "there is something to see", 300.0)
    pictures = (
        ("dashboard-phone.png", 400, 860, "dark"),
        ("dashboard.png", 1380, 1180, "light"),
        ("dashboard-dark.png", 1380, 1180, "dark"),
    )
    # One is enough to see that they can be taken, and that the narrowest screen is wide enough.
    for name, width, height, scheme in pictures if wanted else pictures[:1]:
        tab = opened.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        tab.goto(node.url)
        tab.get_by_text("Price, quotes and fills").wait_for(timeout=PATIENCE_MS)
        tab.get_by_text("Inventory", exact=True).wait_for(timeout=PATIENCE_MS)
        tab.wait_for_timeout(1_500)
        tab.screenshot(path=str(folder / name))
        assert len(set((folder / name).read_bytes())) > 100, "the picture is blank"
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, "it is wider than the screen"
        tab.close()
