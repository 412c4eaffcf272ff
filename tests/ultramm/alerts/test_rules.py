"""What is told, how often, and what is not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from journal_records import busy_maker

from ultramm.alerts.alert import Alert
from ultramm.alerts.rules import Memory, Rules
from ultramm.config.schema import AlertRules
from ultramm.journal.records import (
    CommandEvent,
    CustodyEvent,
    Entry,
    FillEvent,
    GapEvent,
    HaltEvent,
    MemoryEvent,
    OrderEvent,
    Record,
    RecordingEvent,
    RunEnded,
    RunStarted,
    Status,
)
from ultramm.maker import MakerStatus

S = 1_000_000_000
DAY = 86_400 * S


class Told:
    """Rules, and what they tell of records given one a second."""

    def __init__(self, memory: Memory | None = None, **settings: Any) -> None:
        self.rules = Rules(AlertRules(**settings), memory or Memory())
        self.now = 1_000 * S

    def of(self, *records: Record, run: str = "run") -> list[tuple[str, str, str]]:
        found: list[Alert] = []
        for record in records:
            self.now += S
            found += self.rules.on_entry(Entry(sequence=1, run=run, ts_ns=self.now, record=record))
        return [(alert.rule, alert.severity, alert.text) for alert in found]

    def at(self, now_ns: int) -> list[tuple[str, str, str]]:
        return [(alert.rule, alert.severity, alert.text) for alert in self.rules.on_time(now_ns)]


def maker(**score: Any) -> MakerStatus:
    """One whose score has these figures."""
    made = busy_maker().status(61 * S)
    changed = made.score
    for path, value in score.items():
        part, _, name = path.partition("__")
        if name:
            value = msgspec.structs.replace(getattr(changed, part), **{name: value})
        changed = msgspec.structs.replace(changed, **{part: value})
    return msgspec.structs.replace(made, score=changed, max_position=10.0)


def status(*makers: MakerStatus) -> Status:
    return Status(state="running", makers=makers, books=(), balances={})


def halt(source: str, *, active: bool = True, reason: str = "why") -> HaltEvent:
    return HaltEvent(strategy="mm", source=source, active=active, reason=reason)


def began(mode: str = "paper") -> RunStarted:
    return RunStarted(name="demo", mode=mode, version="1", pid=1, configuration={})


# -- what happens ------------------------------------------------------------------------------------------------


def test_halts_that_nobody_asked_for_are_told_and_so_is_their_end() -> None:
    told = Told()
    assert told.of(halt("operator"), halt("stop"), halt("operator", active=False)) == []
    assert told.of(halt("journal", reason="the disk is full")) == [("halt", "warning", "the disk is full")]
    assert told.of(halt("error", reason="decide: ZeroDivisionError")) == [
        ("halt", "critical", "decide: ZeroDivisionError")
    ]
    assert told.of(halt("journal", active=False)) == [("halt", "info", "released")]
    assert told.of(halt("journal", active=False)) == []
    assert Told(halts=False).of(halt("error")) == []


def test_a_doubt_is_told_and_that_it_is_over_only_after_one() -> None:
    told = Told()
    agreed, doubt = CustodyEvent(venue="B", event="agreed"), CustodyEvent(venue="B", event="doubt", detail="cut")
    assert told.of(agreed) == []
    assert [(rule, severity) for rule, severity, _ in told.of(doubt, agreed, agreed)] == [
        ("doubt", "warning"),
        ("doubt", "info"),
    ]


@pytest.mark.parametrize(
    ("reason", "left", "severity"),
    [
        ("stop by operator", 0, "info"),
        ("stop by operator", 2, "critical"),
        ("failed", 0, "critical"),
        ("failed", None, "critical"),
    ],
)
def test_an_end_that_leaves_something_is_critical(reason: str, left: int | None, severity: str) -> None:
    ((rule, found, text),) = Told().of(RunEnded(reason=reason, open_orders=left))
    assert (rule, found) == ("ended", severity)
    assert reason in text
    quiet = Told(runs=False).of(RunEnded(reason=reason, open_orders=left))
    assert bool(quiet) == (severity == "critical")


def test_refused_orders_are_told_when_there_are_many_within_a_minute() -> None:
    def refused(reason: str) -> OrderEvent:
        return OrderEvent(strategy="mm", instrument="X.SIM", order_id="o", event="rejected", reason=reason)

    told = Told(rejected_per_minute=3)
    assert told.of(refused("a"), refused("b")) == []
    told.now += 60 * S
    assert told.of(refused("c"), refused("d")) == []
    assert told.of(refused("post only")) == [
        ("rejected", "warning", "3 orders refused within a minute, the last: post only")
    ]
    assert told.of(refused("e")) == []
    assert Told(rejected_per_minute=None).of(*[refused("x")] * 50) == []


def test_fills_are_told_where_that_is_wanted() -> None:
    fill = FillEvent(
        strategy="mm",
        instrument="X.SIM",
        order_id="o",
        side="SELL",
        price=101.5,
        size=0.2,
        fee=0.0,
        maker=True,
        mid=None,
        position=-0.2,
    )
    assert Told().of(fill) == []
    assert Told(fills=True).of(fill) == [("fill", "info", "sold 0.2 at 101.5, position -0.2")]


def test_faults_beside_the_trading_are_told() -> None:
    records: list[Record] = [
        RecordingEvent(catalog="c", event="started"),
        RecordingEvent(catalog="c", event="stopped", reason="No space left on device"),
        GapEvent(event="lost", detail="3 records"),
        MemoryEvent(strategy="mm", instrument="X.SIM", event="recalled"),
        MemoryEvent(strategy="mm", instrument="X.SIM", event="not kept", reason="lambda"),
        CommandEvent(verb="pause", origin="cli", reply="paused"),
        CommandEvent(verb="kill", origin="telegram chat 7", reply="killed"),
    ]
    assert [rule for rule, _, _ in Told().of(*records)] == ["recording", "journal", "memory", "command"]


# -- how things stand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "path", "low", "high", "rule", "severity"),
    [
        ({"drawdown": 50.0}, "drawdown__current", 49.0, 50.0, "drawdown", "warning"),
        ({"inventory_share": 0.9}, "inventory__last", 8.9, -9.0, "inventory", "warning"),
        ({"loss": 20.0}, "pnl__total", -19.0, -20.0, "loss", "critical"),
    ],
)
def test_a_level_is_told_once_until_it_was_left(
    settings: dict[str, Any], path: str, low: float, high: float, rule: str, severity: str
) -> None:
    told = Told(**settings)
    assert told.of(status(maker(pnl__total=0.0)))[1:] == []
    assert told.of(status(maker(**{path: low}))) == []
    assert [found[:2] for found in told.of(status(maker(**{path: high})))] == [(rule, severity)]
    # Around the level, and for as long as it is not left by a fifth, there is nothing new.
    assert told.of(*[status(maker(**{path: value})) for value in (low, high, low, high)]) == []
    assert told.of(status(maker(**{path: 0.0}))) == []
    assert [found[0] for found in told.of(status(maker(**{path: high})))] == [rule]


def test_what_is_tripped_is_remembered_over_a_restart() -> None:
    first = Told(drawdown=50.0)
    assert len(first.of(status(maker(drawdown__current=60.0)))) == 1
    memory = msgspec.json.decode(msgspec.json.encode(first.rules.memory), type=Memory)
    assert Told(memory, drawdown=50.0).of(status(maker(drawdown__current=60.0))) == []


def test_a_loss_is_of_the_day_and_on_paper_of_the_run() -> None:
    told = Told(loss=20.0, runs=False)
    told.of(began("live"), status(maker(pnl__total=100.0)))
    assert [rule for rule, _, _ in told.of(began("live"), status(maker(pnl__total=79.0)))] == ["loss"]
    assert told.of(began("paper"), status(maker(pnl__total=0.0))) == []
    assert [rule for rule, _, _ in told.of(status(maker(pnl__total=-20.0)))] == ["loss"]


# -- time ----------------------------------------------------------------------------------------------------------


def test_a_node_that_falls_silent_is_told_once_and_that_it_is_back() -> None:
    told = Told(silent_s=15.0, runs=False, daily_at=None)
    assert told.at(told.now + 100 * S) == [], "there was none"
    told.of(began())
    assert told.at(told.now + 14 * S) == []
    ((rule, severity, text),) = told.at(told.now + 15 * S)
    assert (rule, severity) == ("silent", "critical")
    assert text == "not heard of for 15 s: it hangs or has died; its orders may be open"
    assert told.at(told.now + 99 * S) == []
    told.of(status())
    assert told.at(told.now + S) == [("silent", "info", "is heard of again")]


def test_a_node_that_has_ended_may_be_silent() -> None:
    told = Told(silent_s=15.0, runs=False)
    told.of(began(), RunEnded(reason="stop by operator", open_orders=0))
    assert told.at(told.now + 1_000 * S) == []
    told.of(began(), run="the next")
    assert [rule for rule, _, _ in told.at(told.now + 20 * S)] == ["silent"]


def test_the_day_is_told_once_a_day_as_what_it_brought() -> None:
    told = Told(daily_at="00:05", silent_s=1e9, runs=False)
    told.now = 10 * DAY + 3_600 * S
    before = maker(pnl__total=5.0, fills=3, volume=1_000.0)
    told.of(status(before))
    assert told.at(told.now) == []
    told.of(status(maker(pnl__total=12.5, fills=10, volume=4_000.0)))
    assert told.at(11 * DAY + 299 * S) == []
    ((rule, severity, text),) = told.at(11 * DAY + 300 * S)
    assert (rule, severity) == ("daily", "info")
    assert text.startswith("P&L +7.50 USDT")
    assert "7 fills, volume 3,000" in text
    assert told.at(11 * DAY + 900 * S) == []
    ((_, _, text),) = told.at(12 * DAY + 301 * S)
    assert text.startswith("P&L +0.00 USDT")
    assert Told(daily_at=None).at(99 * DAY) == []
