"""What of a journal is an alert."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from ultramm.alerts.alert import Alert, Severity
from ultramm.analytics.scorecard import Score
from ultramm.config.schema import AlertRules
from ultramm.journal.records import (
    CommandEvent,
    CustodyEvent,
    Entry,
    FillEvent,
    GapEvent,
    GuardEvent,
    HaltEvent,
    MemoryEvent,
    OrderEvent,
    RecordingEvent,
    RunEnded,
    RunStarted,
    Status,
)
from ultramm.maker import MakerStatus
from ultramm.risk.stops import SOURCE as STOPS

_DAY_NS = 86_400_000_000_000
_MINUTE_NS = 60_000_000_000
# What trips again must first have come back to this share of its threshold.
_CALM = 0.8
# Halts that somebody asked for, or that are the end.
_ASKED_FOR = frozenset({"operator", "stop"})
_REFUSED = frozenset({"rejected", "denied"})


class Day(msgspec.Struct):
    """What a maker had at the beginning of a day, for what it did in it."""

    pnl: float
    fees: float
    fills: int
    volume: float


class Memory(msgspec.Struct):
    """What the rules must remember over a restart: what is tripped, and the day.

    Parameters
    ----------
    tripped : dict of str to bool
        By rule and subject; what is tripped is not told again.
    days : dict of str to Day
        By subject, as they were when the last summary was made.
    told_ns : int
        When that was; 0 before the first.
    run : str
        The run that was heard of last, and when.
    heard_ns : int
    ended : bool
        Whether that run has told of its end.
    """

    tripped: dict[str, bool] = {}
    days: dict[str, Day] = {}
    told_ns: int = 0
    run: str = ""
    heard_ns: int = 0
    ended: bool = True


class Rules:
    """Looks at each entry of a journal once, and at the time.

    Parameters
    ----------
    settings : AlertRules
        Thresholds, and what is told at all.
    memory : Memory
        Of before; it is changed.
    """

    def __init__(self, settings: AlertRules, memory: Memory) -> None:
        self._settings = settings
        self.memory = memory
        self._last: Status | None = None
        self._refusals: deque[int] = deque()
        self._daily_ns = _time_of_day(settings.daily_at)

    # -- what happens ----------------------------------------------------------------------------------------

    def on_entry(self, entry: Entry) -> Iterator[Alert]:
        """What of an entry is to be told."""
        memory, record, ts_ns = self.memory, entry.record, entry.ts_ns
        if not isinstance(record, RunEnded) and entry.run != memory.run:
            memory.run, memory.ended = entry.run, False
        memory.heard_ns = max(memory.heard_ns, ts_ns)
        match record:
            case Status():
                yield from self._on_status(ts_ns, record)
            case RunStarted():
                if record.mode != "live":
                    memory.days.clear()  # a run on paper begins at nothing
                if self._settings.runs:
                    yield _alert(ts_ns, "started", "info", record.name, f"started, {record.mode} trading")
            case RunEnded():
                memory.ended = True
                yield from self._on_end(ts_ns, entry.run, record)
            case HaltEvent():
                yield from self._on_halt(ts_ns, record)
            case GuardEvent():
                if self._settings.guards and record.active:
                    subject = f"{record.strategy} {record.instrument}"
                    text = f"{record.side.lower()} side: {record.reason}"
                    yield _alert(ts_ns, "guard", "warning", subject, text)
            case CustodyEvent():
                yield from self._on_custody(ts_ns, record)
            case OrderEvent():
                yield from self._on_order(ts_ns, record)
            case FillEvent():
                if self._settings.fills:
                    verb = "bought" if record.side == "BUY" else "sold"
                    text = f"{verb} {record.size:.10g} at {record.price:.10g}, position {record.position:.10g}"
                    yield _alert(ts_ns, "fill", "info", _subject(record.strategy, record.instrument), text)
            case RecordingEvent():
                if record.event in {"dropped", "stopped"} and record.reason:
                    yield _alert(ts_ns, "recording", "warning", record.catalog, f"{record.event}: {record.reason}")
            case GapEvent():
                yield _alert(ts_ns, "journal", "warning", record.event, record.detail)
            case MemoryEvent():
                if record.event in {"not kept", "not written"}:
                    subject = _subject(record.strategy, record.instrument) or "all strategies"
                    yield _alert(ts_ns, "memory", "warning", subject, f"{record.event}: {record.reason}")
            case CommandEvent():
                if record.verb in {"kill", "flatten"}:
                    text = f"{record.verb} by {record.origin}: {record.reply}"
                    yield _alert(ts_ns, "command", "warning", record.verb, text)

    def _on_end(self, ts_ns: int, run: str, record: RunEnded) -> Iterator[Alert]:
        left = record.open_orders
        if record.reason == "failed" or left:
            orders = "what is open at the venue is not known" if left is None else f"{left} orders are left open"
            yield _alert(ts_ns, "ended", "critical", run, f"ended: {record.reason}; {orders}")
        elif self._settings.runs:
            yield _alert(ts_ns, "ended", "info", run, f"ended: {record.reason}")

    def _on_halt(self, ts_ns: int, record: HaltEvent) -> Iterator[Alert]:
        if not self._settings.halts or record.source in _ASKED_FOR:
            return
        subject = f"{record.strategy} by {record.source}"
        if record.active:
            self.memory.tripped[f"halt {subject}"] = True
            severity: Severity = "critical" if record.source in {"error", STOPS} else "warning"
            yield _alert(ts_ns, "halt", severity, subject, record.reason)
        elif self.memory.tripped.pop(f"halt {subject}", False):
            yield _alert(ts_ns, "halt", "info", subject, "released")

    def _on_custody(self, ts_ns: int, record: CustodyEvent) -> Iterator[Alert]:
        if not self._settings.doubts:
            return
        tripped = self.memory.tripped
        if record.event == "doubt":
            tripped[f"doubt {record.venue}"] = True
            text = f"quotes are out until the venue has said how our orders stand: {record.detail}"
            yield _alert(ts_ns, "doubt", "warning", record.venue, text)
        elif record.event == "agreed" and tripped.pop(f"doubt {record.venue}", False):
            yield _alert(ts_ns, "doubt", "info", record.venue, "the venue and our ledger agree again")

    def _on_order(self, ts_ns: int, record: OrderEvent) -> Iterator[Alert]:
        most = self._settings.rejected_per_minute
        if most is None or record.event not in _REFUSED:
            return
        recent = self._refusals
        recent.append(ts_ns)
        while recent and recent[0] <= ts_ns - _MINUTE_NS:
            recent.popleft()
        if len(recent) >= most:
            text = f"{len(recent)} orders refused within a minute, the last: {record.reason}"
            recent.clear()
            yield _alert(ts_ns, "rejected", "warning", _subject(record.strategy, record.instrument), text)

    # -- how things stand ------------------------------------------------------------------------------------

    def _on_status(self, ts_ns: int, status: Status) -> Iterator[Alert]:
        self._last = status
        settings = self._settings
        for maker in status.makers:
            score = maker.score
            subject, currency = _subject(score.strategy, score.instrument), score.pnl.currency
            self.memory.days.setdefault(subject, _day(score))
            drawdown = score.drawdown.current
            yield from self._level(
                ts_ns, "drawdown", subject, drawdown, settings.drawdown, f"{drawdown:,.2f} {currency} below its highest"
            )
            loss = self.memory.days[subject].pnl - score.pnl.total
            yield from self._level(
                ts_ns, "loss", subject, loss, settings.loss, f"{loss:,.2f} {currency} lost since the last summary"
            )
            if maker.max_position:
                share = abs(score.inventory.last) / maker.max_position
                text = f"position {score.inventory.last:.10g} of {maker.max_position:.10g}"
                yield from self._level(ts_ns, "inventory", subject, share, settings.inventory_share, text)

    def _level(
        self, ts_ns: int, rule: str, subject: str, value: float, threshold: float | None, text: str
    ) -> Iterator[Alert]:
        """Told once when it is reached, and again only after it had come back."""
        if threshold is None:
            return
        key, tripped = f"{rule} {subject}", self.memory.tripped
        if value >= threshold and key not in tripped:
            tripped[key] = True
            yield _alert(ts_ns, rule, "critical" if rule == "loss" else "warning", subject, text)
        elif value < _CALM * threshold:
            tripped.pop(key, None)

    # -- time ------------------------------------------------------------------------------------------------

    def on_time(self, now_ns: int) -> Iterator[Alert]:
        """What is to be told because so much time has passed."""
        yield from self._silence(now_ns)
        yield from self._summary(now_ns)

    def _silence(self, now_ns: int) -> Iterator[Alert]:
        memory, key = self.memory, "silent"
        if memory.ended or not memory.run:
            memory.tripped.pop(key, None)
            return
        silent_s = (now_ns - memory.heard_ns) * 1e-9
        if silent_s < self._settings.silent_s:
            if memory.tripped.pop(key, False):
                yield _alert(now_ns, "silent", "info", memory.run, "is heard of again")
        elif key not in memory.tripped:
            memory.tripped[key] = True
            text = f"not heard of for {silent_s:,.0f} s: it hangs or has died; its orders may be open"
            yield _alert(now_ns, "silent", "critical", memory.run, text)

    def _summary(self, now_ns: int) -> Iterator[Alert]:
        if self._daily_ns is None or self._last is None:
            return
        memory = self.memory
        due_ns = (now_ns - self._daily_ns) // _DAY_NS * _DAY_NS + self._daily_ns
        if not memory.told_ns:
            memory.told_ns = now_ns  # the day that it began in is told of at its end
        if memory.told_ns >= due_ns:
            return
        memory.told_ns = now_ns
        for maker in self._last.makers:
            score = maker.score
            subject = _subject(score.strategy, score.instrument)
            yield _alert(now_ns, "daily", "info", subject, _in_words(maker, memory.days.get(subject, _day(score))))
            memory.days[subject] = _day(score)


def _alert(ts_ns: int, rule: str, severity: Severity, subject: str, text: str) -> Alert:
    return Alert(ts_ns=ts_ns, rule=rule, severity=severity, subject=subject, text=text)


def _subject(strategy: str, instrument: str) -> str:
    return f"{strategy} {instrument}".strip()


def _day(score: Score) -> Day:
    return Day(score.pnl.total, score.pnl.fees, score.fills, score.volume)


def _in_words(maker: MakerStatus, before: Day) -> str:
    score, pnl = maker.score, maker.score.pnl
    uptime = score.quoting.uptime
    parts = [
        f"P&L {pnl.total - before.pnl:+,.2f} {pnl.currency} (fees {pnl.fees - before.fees:,.2f})",
        f"{score.fills - before.fills:,} fills, volume {score.volume - before.volume:,.0f}",
        f"position {score.inventory.last:.10g}",
        f"drawdown at most {score.drawdown.largest:,.2f}",
    ]
    if uptime is not None:
        parts.append(f"both sides quoted {100 * uptime:.1f} % of the time")
    return ", ".join(parts)


def _time_of_day(text: str | None) -> int | None:
    if text is None:
        return None
    at = datetime.strptime(text, "%H:%M").replace(tzinfo=UTC)
    return (at.hour * 60 + at.minute) * _MINUTE_NS
