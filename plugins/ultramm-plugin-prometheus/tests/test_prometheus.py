"""What is scraped: of a journal, and of a node that runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from journal_records import INSTRUMENT, busy_maker, records
from page import free_port, wait_for
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from waiting import until

from ultramm.errors import DataError
from ultramm.journal.records import RunEnded, RunStarted, Status, VenueStatus
from ultramm.journal.sqlite import SqliteJournal
from ultramm_prometheus.metrics import JournalCollector

S = 1_000_000_000
MAKER = {"strategy": "mm", "instrument": "X.SIM", "venue": "SIM"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    store = SqliteJournal(tmp_path / "journal.db", create=True)
    yield store
    store.close()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, by its name and labels."""
    return {
        (sample.name.removeprefix("ultramm_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(store: SqliteJournal) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    registry = CollectorRegistry()
    registry.register(JournalCollector(lambda: SqliteJournal(store.path)))
    return samples(generate_latest(registry).decode())


def key(name: str, /, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted(labels.items()))


def began() -> RunStarted:
    return RunStarted(name="demo", mode="paper", version="1", pid=1, configuration={})


def status() -> Status:
    venue = VenueStatus(venue="SIM", state="in doubt", detail="why")
    maker = msgspec.structs.replace(
        busy_maker().status(61 * S),
        halts={"journal": "the disk is full"},
        effects={"half_spread_bps": 2.5, "x_bps": None},
    )
    return Status(state="running", makers=(maker,), books=(), balances={}, market_events=7, venues=(venue,))


# -- of a journal --------------------------------------------------------------------------------------------------


def test_an_empty_journal_has_no_node(journal: SqliteJournal) -> None:
    assert scraped(journal) == {key("journal_readable"): 1.0}


def test_what_a_status_says_is_there(journal: SqliteJournal) -> None:
    journal.append([("demo-1", 0, began()), ("demo-1", time.time_ns(), status())])
    found = scraped(journal)
    score = status().makers[0].score
    assert found[key("node_info", name="demo", mode="paper", version="1", run="demo-1")] == 1.0
    assert found[key("up")] == 1.0
    assert found[key("market_events_total")] == 7.0
    assert found[key("venue_state", venue="SIM", state="in doubt")] == 1.0
    parts = {part: found[key("pnl", **MAKER, currency="USDT", part=part)] for part in ("total", "realised", "fees")}
    assert parts == {"total": score.pnl.total, "realised": score.pnl.realised, "fees": -score.pnl.fees}
    together = ("spread capture", "inventory", "fees")
    assert sum(found[key("pnl", **MAKER, currency="USDT", part=part)] for part in together) == pytest.approx(
        parts["total"]
    )
    assert found[key("position", **MAKER)] == 0.1
    assert found[key("max_position", **MAKER)] == 9.0
    assert found[key("fills_total", **MAKER)] == 1.0
    assert found[key("orders_total", **MAKER, event="accepted")] == 2.0
    assert found[key("markout_bps", **MAKER, horizon_s="1")] == score.markouts[1].mean_bps
    assert found[key("halted", **MAKER, source="journal")] == 1.0
    assert found[key("effect", **MAKER, name="half spread", unit="bps")] == 2.5
    assert key("effect", **MAKER, name="x", unit="bps") not in found
    assert found[key("resting_orders", **MAKER, side="ask")] == len(status().makers[0].ask.orders)


def test_a_node_that_is_silent_or_has_ended_is_not_up(journal: SqliteJournal) -> None:
    journal.append([("demo-1", 0, began()), ("demo-1", time.time_ns() - 6 * S, status())])
    found = scraped(journal)
    assert (found[key("up")], found[key("status_age_seconds")] >= 6.0) == (0.0, True)
    journal.append([("demo-1", time.time_ns(), status())])
    assert scraped(journal)[key("up")] == 1.0
    journal.append([("demo-1", time.time_ns(), RunEnded(reason="stopped", open_orders=0))])
    assert scraped(journal)[key("up")] == 0.0


def test_a_new_run_does_not_show_the_figures_of_the_one_before(journal: SqliteJournal) -> None:
    journal.append([("demo-1", 0, began()), ("demo-1", time.time_ns(), status()), ("demo-2", 1, began())])
    found = scraped(journal)
    assert found[key("up")] == 0.0
    assert key("position", **MAKER) not in found


def test_a_journal_that_cannot_be_read_is_said_and_opened_anew(journal: SqliteJournal) -> None:
    journal.append([("demo-1", time.time_ns(), record) for record in records()])
    opened: list[SqliteJournal] = []

    def open_it() -> SqliteJournal:
        if not opened:
            opened.append(SqliteJournal(journal.path))
            raise DataError("not yet")
        return SqliteJournal(journal.path)

    registry = CollectorRegistry()
    registry.register(JournalCollector(open_it))
    assert samples(generate_latest(registry).decode()) == {key("journal_readable"): 0.0}
    assert samples(generate_latest(registry).decode())[key("journal_readable")] == 1.0
    opened[0].close()


def test_the_names_that_the_readme_lists_are_those_that_there_are(journal: SqliteJournal) -> None:
    journal.append([("demo-1", 0, began()), ("demo-1", time.time_ns(), status())])
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    rows = [line.split("|")[1] for line in readme.split("## What there is")[1].splitlines() if line.startswith("| `")]
    listed = {name.strip("` ") for row in rows for name in row.split(",")}
    # Only where a latency was measured.
    assert {name for name, _ in scraped(journal)} == listed - {"tick_to_order_seconds"}


# -- of a node -----------------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_a_node_starts_it_and_ends_it(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "node.yaml"
    command = [sys.executable, "-m", "ultramm.cli.main"]
    subprocess.run([*command, "config", "init", str(config)], check=True, cwd=tmp_path, capture_output=True)
    plugins = f"plugins=[{{use: prometheus, params: {{port: {port}}}}}]"
    node = subprocess.Popen(
        [*command, "node", "start", str(config), "--no-dashboard", "--set", plugins],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}/metrics"
        wait_for(url)

        def scrape() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return samples(answer.read().decode())

        until(lambda: any(name == "tick_to_order_seconds" for name, _ in scrape()), "it has quoted", 60.0)
        found = scrape()
        assert found[key("up")] == 1.0
        assert found[key("venue_state", venue="SIM", state="simulated")] == 1.0
        assert {labels for name, labels in found if name == "position"} == {
            (("instrument", INSTRUMENT.id.replace("X", "BTCUSDT")), ("strategy", "mm-btc"), ("venue", "SIM"))
        }
    finally:
        os.kill(node.pid, signal.SIGTERM)
        _, errors = node.communicate(timeout=60)
    assert (node.returncode, errors) == (0, "")
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("plugins", "words"),
    [
        ("[]", "plugins: prometheus is no service that is listed there; listed: none"),
        ("[{use: prometheus}, {use: prometheus}]", "plugins[1].use: prometheus is listed already; name it once"),
        ("[{use: prometheus, params: {prot: 1}}]", "plugins[0].params.prot: unknown key"),
    ],
)
def test_a_wrong_configuration_is_told_in_one_line(plugins: str, words: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ultramm.cli.main", "plugins", "run", "prometheus", "--set", f"plugins={plugins}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
