"""A page that is open for long on a busy node: does it stay fast and small, and does the node not feel it.

::

    .venv/bin/python benchmarks/open_page.py                  30 minutes, and some without a page before and after
    .venv/bin/python benchmarks/open_page.py --minutes 5
    .venv/bin/python benchmarks/open_page.py --json out.json       the samples for a program

A paper node runs as ``ultramm node start``, its page as ``ultramm dashboard``, in Debian's Chromium without a window.
Every ten seconds: what the browser's processes and the server have for themselves (USS), what the page's scripts hold
after their garbage was collected, how often the page's head was changed, and the node's tick-to-order latency of the
last minute or two from its journal. At the end Pause is pressed, and Kill.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
from playwright.sync_api import Error, Page, sync_playwright
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from soak import slope_per_hour
from ultramm.errors import UserError
from ultramm.journal.records import OrderEvent, RunEnded, Status
from ultramm.journal.sqlite import SqliteJournal

EVERY_S = 10.0
_BEGUN_S = 90.0  # modules, caches, the strategy's first estimates
_WARM_S = 120.0  # the page's charts fill up
_OPENED = 7
_ULTRAMM = [sys.executable, "-m", "ultramm.cli.main"]
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
MB = 1024 * 1024
# Finds the head through the shadow roots in which Panel keeps what it shows, and counts its changes.
_COUNT = """
() => {
  const find = node => {
    for (const each of node.querySelectorAll("*")) {
      if (each.matches(".umm h1")) return each.closest(".umm").parentNode;
      const inside = each.shadowRoot && find(each.shadowRoot);
      if (inside) return inside;
    }
    return null;
  };
  const head = find(document);
  window.changes = 0;
  const what = {childList: true, subtree: true, characterData: true};
  new MutationObserver(() => { window.changes += 1; }).observe(head, what);
}
"""


class Sample(msgspec.Struct, frozen=True):
    """One look; of the page 0 while there is none."""

    at_s: float
    page: bool
    p50_us: float
    p99_us: float
    events: int
    browser_mb: float = 0.0
    heap_mb: float = 0.0
    server_mb: float = 0.0
    server_cpu: float = 0.0
    changes_per_s: float = 0.0


class Found(msgspec.Struct, frozen=True):
    """Everything.

    Parameters
    ----------
    first_paint_s, figures_s, chart_s : list of float
        From the request to the first thing that is seen, the first figures, the first chart; of each time that it was
        opened, by a browser that has nothing of it.
    paused_s : float
        From the press of Pause to the last cancel that the venue confirmed.
    open_orders : int
        That Kill left.
    """

    first_paint_s: list[float]
    figures_s: list[float]
    chart_s: list[float]
    samples: list[Sample]
    paused_s: float
    open_orders: int


class Node:
    """A paper node in a folder of its own, and what its journal says."""

    def __init__(self, folder: Path, pace: float) -> None:
        self.path = folder / "data" / "journal.db"
        settings = ["--set", "venues.SIM.params.preset=wide", "--set", f"venues.SIM.params.pace={pace:g}"]
        self._output = (folder / "node.txt").open("w")
        self.process = subprocess.Popen(
            [*_ULTRAMM, "node", "start", "--no-dashboard", *settings],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
        )

    def status(self) -> Status | None:
        """The last one."""
        try:
            with self.journal() as journal:
                last = journal.last("status")
        except UserError:
            return None
        return last[0].record if last and isinstance(last[0].record, Status) else None

    def journal(self) -> closing[SqliteJournal]:
        """To be read, and let go of."""
        return closing(SqliteJournal(self.path))

    def look(self, at_s: float, **page: Any) -> list[Sample]:
        """A sample, or none before there is a latency."""
        status = self.status()
        known = [maker.latency for maker in status.makers if maker.latency is not None] if status else []
        if status is None or not known:
            return []
        (latency,) = known
        return [Sample(at_s, bool(page), latency.p50_us, latency.p99_us, status.market_events, **page)]


class Watched:
    """The page in a browser, and the server of it."""

    def __init__(self, page: Page, server: psutil.Process) -> None:
        self._page, self._server = page, server
        self._cdp = page.context.new_cdp_session(page)
        self._cpu_s, self._changes, self._at = 0.0, 0, time.monotonic()
        page.evaluate(_COUNT)
        self.look()

    def look(self) -> dict[str, float]:
        """What it needs, and how often it has changed since the last look."""
        self._cdp.send("HeapProfiler.collectGarbage")
        heap: float = self._cdp.send("Runtime.getHeapUsage")["usedSize"]
        processes = psutil.Process().children(recursive=True)
        browser = sum(_own(process) for process in processes if "chrom" in _name(process))
        cpu_s, now = sum(self._server.cpu_times()[:2]), time.monotonic()
        changes = int(self._page.evaluate("window.changes"))
        passed = now - self._at
        found = {
            "browser_mb": browser / MB,
            "heap_mb": heap / MB,
            "server_mb": _own(self._server) / MB,
            "server_cpu": (cpu_s - self._cpu_s) / passed,
            "changes_per_s": (changes - self._changes) / passed,
        }
        self._cpu_s, self._changes, self._at = cpu_s, changes, now
        return found


def _own(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def opened(page: Page, url: str) -> tuple[float, float, float]:
    """Open it; gives how long it took to paint anything, its figures, and a chart, seconds."""
    began = time.monotonic()
    page.goto(url, wait_until="commit")
    page.get_by_text("spread capture", exact=True).first.wait_for()
    figures_s = time.monotonic() - began
    page.locator("canvas").first.wait_for()
    chart_s = time.monotonic() - began
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return float(paint) / 1e3, figures_s, chart_s


def paused(node: Node, page: Page) -> float:
    """Press Pause; gives the time until the last cancel was confirmed, seconds."""
    began_ns = time.time_ns()
    page.get_by_role("button", name="Pause", exact=True).click()
    try:
        page.get_by_text("pause: paused: quotes are pulled").wait_for()
    except Error as exc:
        picture = Path("open_page-not-paused.png").resolve()
        page.screenshot(path=picture)
        raise SystemExit(f"Pause was not answered; the page as it was: {picture}; the node: {node.status()}") from exc
    _until(lambda: (status := node.status()) and not any(m.bid.orders or m.ask.orders for m in status.makers), "pause")
    with node.journal() as journal:
        cancels = [
            entry.ts_ns
            for entry in journal.last("order", 500)
            if isinstance(entry.record, OrderEvent) and entry.record.event == "cancelled" and entry.ts_ns > began_ns
        ]
    return (max(cancels, default=began_ns) - began_ns) / 1e9


def killed(node: Node, page: Page) -> int:
    """Press Kill; gives what it left open."""
    page.get_by_placeholder("name, to confirm").press_sequentially("demo")
    page.get_by_role("button", name="Kill", exact=True).click()
    node.process.wait(timeout=60)
    with node.journal() as journal:
        (ended,) = journal.last("run-ended")
    assert isinstance(ended.record, RunEnded)
    return -1 if ended.record.open_orders is None else ended.record.open_orders


def _until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.05)


def run(minutes: float, without_s: float, pace: float, port: int, folder: Path, kept: Path | None) -> Found:
    node = Node(folder, pace)
    began = time.monotonic()
    samples: list[Sample] = []
    with Progress(console=Console(stderr=True)) as bar:
        total = _BEGUN_S + 2 * without_s + 60 * minutes
        task = bar.add_task("without a page", total=total)

        def watch(seconds: float, look: Any) -> None:
            until_s = time.monotonic() - began + seconds
            while (at_s := time.monotonic() - began) < until_s:
                time.sleep(min(EVERY_S, max(until_s - at_s, 0.01)))
                bar.update(task, completed=time.monotonic() - began)
                samples.extend(node.look(time.monotonic() - began, **look()))
                if kept is not None:
                    kept.write_bytes(msgspec.json.encode(samples))

        try:
            time.sleep(min(_BEGUN_S, 60 * minutes))
            watch(without_s, dict)
            with _served(node.path, port, folder) as server, sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
                page = browser.new_page(viewport={"width": 1380, "height": 1180})
                bar.update(task, description="with a page")
                url = f"http://127.0.0.1:{port}/"
                opened(page, url)
                watch(60 * minutes, Watched(page, server).look)
                page.close()
                bar.update(task, description="without a page")
                watch(without_s, dict)
                bar.update(task, description="opening it")
                times = []
                for _ in range(_OPENED):
                    context = browser.new_context()
                    times.append(opened(context.new_page(), url))
                    context.close()
                    time.sleep(2.0)
                page = browser.new_page()
                opened(page, url)
                paused_s = paused(node, page)
                left = killed(node, page)
                browser.close()
        finally:
            if node.process.poll() is None:
                node.process.terminate()
                node.process.wait()
    return Found(*(list(each) for each in zip(*times, strict=True)), samples, paused_s, left)


@contextmanager
def _served(journal: Path, port: int, folder: Path) -> Iterator[psutil.Process]:
    with (folder / "dashboard.txt").open("w") as output:
        command = [*_ULTRAMM, "dashboard", str(journal), "--port", str(port)]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _until(lambda: "dashboard of" in (folder / "dashboard.txt").read_text(), "the server")
            time.sleep(1.0)
            yield psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def show(found: Found) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    samples = found.samples
    open_ = [sample for sample in samples if sample.page]
    warm = [sample for sample in open_ if sample.at_s > open_[0].at_s + _WARM_S] or open_
    table = Table(title=f"the page, open for {(open_[-1].at_s - open_[0].at_s) / 60:.0f} minutes", title_justify="left")
    table.add_column("")
    for column in ("first third", "second third", "last third", "growth an hour"):
        table.add_column(column, justify="right")
    thirds = [warm[len(warm) * k // 3 : len(warm) * (k + 1) // 3] for k in range(3)]
    for name, of in (("browser, MB", "browser_mb"), ("its scripts, MB", "heap_mb"), ("server, MB", "server_mb")):
        growth, error = slope_per_hour(warm, of)  # type: ignore[arg-type]
        means = (f"{statistics.fmean(getattr(s, of) for s in third):.1f}" for third in thirds)
        table.add_row(name, *means, f"{growth:+.1f} ± {error:.1f}")
    for name, of in (("changes a second", "changes_per_s"), ("server, of a core", "server_cpu")):
        table.add_row(name, *(f"{statistics.fmean(getattr(s, of) for s in third):.2f}" for third in thirds), "")
    console.print(table)
    table = Table(title="tick to order, microseconds, of the last minute or two", title_justify="left")
    for column in ("", "looks", "p50", "least to most", "p99", "least to most"):
        table.add_column(column, justify="right" if column else "left")
    for name, chosen in (("with a page", warm), ("without", [sample for sample in samples if not sample.page])):
        p50, p99 = [s.p50_us for s in chosen], [s.p99_us for s in chosen]
        table.add_row(name, f"{len(chosen)}", *_spread(p50), *_spread(p99))
    console.print(table)
    for name, times in (
        ("first paint", found.first_paint_s),
        ("figures", found.figures_s),
        ("chart", found.chart_s),
    ):
        print(f"{name} after {statistics.median(times):.2f} s, {min(times):.2f} to {max(times):.2f}")
    print(f"paused {found.paused_s:.3f} s after the press; orders left by kill: {found.open_orders}")


def _spread(values: list[float]) -> tuple[str, str]:
    return f"{statistics.median(values):,.0f}", f"{min(values):,.0f} to {max(values):,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="A page that is open for long on a busy node.")
    parser.add_argument("--minutes", type=float, default=30.0, help="with the page")
    parser.add_argument("--without", type=float, default=180.0, metavar="S", help="seconds without, before and after")
    parser.add_argument("--pace", type=float, default=30.0, help="seconds of market a second")
    parser.add_argument("--port", type=int, default=8058)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(arguments.minutes, arguments.without, arguments.pace, arguments.port, Path(folder), arguments.json)
    show(found)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
