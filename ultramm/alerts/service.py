"""The process that tells: it follows a journal, keeps what is to be told, and sees that it arrives."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ultramm.alerts.deliver import Courier, Destination
from ultramm.alerts.message import Pace, compose
from ultramm.alerts.rules import Memory, Rules
from ultramm.alerts.spool import Spool
from ultramm.alerts.telegram import HELP, TelegramBot
from ultramm.config.schema import Alerts
from ultramm.errors import DataError
from ultramm.journal.commands import carried_out
from ultramm.journal.records import AlertEvent, Status
from ultramm.journal.runs import last_sequence
from ultramm.journal.store import Journal
from ultramm.maker import SideStatus

_ENTRIES_AT_ONCE = 2_000
_TICK_S = 0.25
_REPLY_S = 10.0
_LAST_WORDS_S = 60.0
_NEWS_NS = 86_400_000_000_000
_HOUR_NS = 3_600_000_000_000

_log = logging.getLogger(__name__)


class AlertService:
    """Follows one journal.

    Parameters
    ----------
    name : str
        The configuration's.
    settings : Alerts
        What is told, and how often.
    open_journal : callable
        Opens the journal to be read; raises DataError while it cannot be had.
    spool_path : Path
        Where alerts wait.
    to : sequence of Destination
        Where they go.
    after : int, optional
        Sequence number of the entry after which news begin, where nothing was followed before; else with the next.
    """

    def __init__(
        self,
        name: str,
        settings: Alerts,
        open_journal: Callable[[], Journal],
        spool_path: Path,
        to: Sequence[Destination],
        after: int | None = None,
    ) -> None:
        self._name = name
        self._settings = settings
        self._open_journal = open_journal
        self._journal: Journal | None = None
        self._spool = Spool(spool_path)
        self._spool_path = spool_path
        self._to = to
        self._pace = Pace(settings)
        known = self._spool.state()
        self._sequence = known[0] if known is not None else -1 if after is None else after
        self._rules = Rules(settings.rules, Memory() if known is None else known[1])
        self._ending = threading.Event()
        self._unreadable = False

    def run(self, is_alone: Callable[[], bool] = lambda: False) -> None:
        """Follow the journal until `end`; or, when `is_alone` says that the node is gone, until all is told of that."""
        threads = [threading.Thread(target=self._deliver, name="courier", daemon=True)]
        if self._settings.telegram is not None and self._settings.telegram.token:
            bot = TelegramBot.of(self._settings.telegram)
            threads.append(threading.Thread(target=self._listen, args=(bot,), name="telegram", daemon=True))
        for thread in threads:
            thread.start()
        alone_since: float | None = None
        while not self._ending.wait(_TICK_S):
            now_ns = time.time_ns()
            self.step(now_ns)
            if not is_alone():
                continue
            alone_since = time.monotonic() if alone_since is None else alone_since
            if self._knows_the_end():
                self._send(now_ns, at_once=True)
                if not self._spool.undelivered():
                    break
            if time.monotonic() - alone_since > self._settings.rules.silent_s + _LAST_WORDS_S:
                break
        self._ending.set()
        threads[0].join(_REPLY_S)
        self._spool.close()
        if self._journal is not None:
            self._journal.close()

    def end(self) -> None:
        """Let `run` come to its end; what is not delivered waits for the next."""
        self._ending.set()

    def step(self, now_ns: int) -> None:
        """Look at what is new, and at the time; send what is ripe."""
        try:
            self._follow(now_ns)
            self._unreadable = False
        except DataError as exc:
            self._let_go()
            if not self._unreadable:
                self._unreadable = True
                _log.warning("%s", exc)
        alerts = list(self._rules.on_time(now_ns))
        if alerts:
            self._spool.take(self._sequence, self._rules.memory, alerts, now_ns)
        self._send(now_ns)

    def _follow(self, now_ns: int) -> None:
        if self._journal is None:
            self._journal = self._open_journal()
        if self._sequence < 0:
            # What was before is no news.
            self._sequence = last_sequence(self._journal)
            self._spool.take(self._sequence, self._rules.memory, (), now_ns)
        while entries := self._journal.read(after=self._sequence, limit=_ENTRIES_AT_ONCE):
            found = [alert for entry in entries for alert in self._rules.on_entry(entry)]
            # Nobody followed for long: what was then is no news any more.
            alerts = [alert for alert in found if now_ns - alert.ts_ns < _NEWS_NS]
            self._sequence = entries[-1].sequence
            self._spool.take(self._sequence, self._rules.memory, alerts, now_ns)

    def _let_go(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _send(self, now_ns: int, *, at_once: bool = False) -> None:
        waiting = self._spool.waiting()
        ripe = self._pace.ripe(waiting, self._spool.made_since(now_ns - _HOUR_NS), now_ns)
        if at_once and not self._pace.is_quiet(now_ns):
            ripe = waiting
        if not ripe:
            return
        message = compose(self._name, ripe, self._settings.templates)
        self._spool.send(ripe, message, [destination.key for destination in self._to], now_ns)
        event = AlertEvent(ts_ns=now_ns, severity=message.severity, title=message.title, body=message.body)
        try:
            if self._journal is not None:
                self._journal.add_alert(event)
        except DataError as exc:
            _log.warning("the journal was not told of it: %s", exc)

    def _knows_the_end(self) -> bool:
        """Of a node that is gone: it has told of its end, or is known to have died."""
        memory = self._rules.memory
        return memory.ended or "silent" in memory.tripped

    # -- beside it -------------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        courier = Courier(Spool(self._spool_path), self._to)
        while not self._ending.wait(_TICK_S):
            courier.deliver(time.time_ns())

    def _listen(self, bot: TelegramBot) -> None:
        journal: Journal | None = None
        silent = False
        while not self._ending.is_set():
            try:
                journal = journal or self._open_journal()
                problem = bot.listen(Answers(journal))
            except Exception as exc:
                problem, journal = f"{type(exc).__name__}", None
            if problem:
                if not silent:
                    _log.warning("telegram: %s", problem)
                self._ending.wait(5.0)
            silent = bool(problem)


class Answers:
    """What the bot says: to ``status`` what is quoted, to ``pause`` and ``stop`` what the node answers."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __call__(self, word: str, chat: int) -> str:
        if word == "status":
            return self._status()
        if word in {"pause", "stop"}:
            return self._command(word, f"telegram chat {chat}")
        return HELP

    def _status(self) -> str:
        entries = self._journal.last("status")
        if not entries or not isinstance(entries[0].record, Status):
            return "no node has reported yet"
        status, age_s = entries[0].record, (time.time_ns() - entries[0].ts_ns) / 1e9
        lines = [f"{entries[0].run}: {status.state}, {age_s:.0f} s ago"]
        for maker in status.makers:
            score = maker.score
            lines.append(
                f"{score.strategy} {score.instrument}: bid {_words(maker.bid)}, ask {_words(maker.ask)}, position "
                f"{score.inventory.last:.10g}, P&L {score.pnl.total:+,.2f} {score.pnl.currency}, {score.fills:,} fills"
            )
        return "\n".join(lines)

    def _command(self, verb: str, origin: str) -> str:
        reply = carried_out(self._journal, verb, origin, _REPLY_S)
        return reply or f"the node did not answer in {_REPLY_S:g} s; {verb} is taken back"


def _words(side: SideStatus) -> str:
    return f"{side.orders[0].price:.10g}" if side.orders else f"none ({side.reason})"
