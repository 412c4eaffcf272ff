"""A campaign: fault after fault upon a running node, and after each the venue's books beside the node's."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec

from ultramm_binance_emulator.campaign.emulator import Emulator
from ultramm_binance_emulator.campaign.node import Node
from ultramm_binance_emulator.campaign.scripts import KILL, Script

_POLL_S = 0.02
_MEETS_WITHIN_S = 15.0
_AGREES_WITHIN_S = 120.0
_JOURNALED_WITHIN_S = 0.4


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one script.

    Parameters
    ----------
    met : int
        How often its faults met somebody.
    recovered_s : float or None
        From the first of them until both sides agreed and it quoted again, seconds; None if they never did.
    problem : str
        What was wrong at the end, empty if nothing.
    """

    name: str
    met: int
    recovered_s: float | None
    problem: str = ""


class Truth:
    """What the venue itself holds of its one member.

    Parameters
    ----------
    server : Emulator
        The venue.
    """

    def __init__(self, server: Emulator) -> None:
        self._server = server

    def open_ids(self) -> set[str]:
        """Our ids of open orders."""
        return self._server.do(lambda: {order.client_id for order in self._server.orders() if order.open})

    def twice(self) -> set[str]:
        """Ids that more than one order has had."""
        counts = self._server.do(lambda: Counter(order.client_id for order in self._server.orders()))
        return {order_id for order_id, count in counts.items() if count > 1}

    def fills(self) -> Counter[tuple[str, Decimal, Decimal]]:
        """Our id, price and quantity of every trade."""
        return self._server.do(lambda: Counter(self._server.fills()))


class Campaign:
    """One node at one venue.

    Parameters
    ----------
    server : Emulator
        The venue, with a market that lives.
    node : Node
        Not started yet.
    tell : callable
        Takes each result as it comes.
    """

    def __init__(self, server: Emulator, node: Node, tell: Callable[[Result], None]) -> None:
        self._server = server
        self._truth = Truth(server)
        self._node = node
        self._tell = tell

    def run(self, scripts: list[Script]) -> list[Result]:
        """Play the scripts one after the other, and end the node in order."""
        self._node.start()
        results = [self._play(Script(name="start"))]
        for script in scripts:
            results.append(self._play(script))
            self._tell(results[-1])
            if not self._node.running:
                break
        results.append(self._end())
        self._tell(results[-1])
        return results

    def _play(self, script: Script) -> Result:
        faults = self._server.server.faults
        before = len(faults.happened)
        if script.name == KILL:
            self._node.kill()
            self._node.start()
        for fault in script.faults:
            self._server.set_fault(fault)
        if script.faults:
            self._wait_until_met(before)
        began, began_ns = time.monotonic(), time.time_ns()
        if script.faults:
            time.sleep(script.lasts_s)
            self._server.do(faults.clear)
        problem, agreed = self._wait_until_agreed(began_ns)
        recovered = None if problem else agreed - began
        met = len(faults.happened) - before + (script.name == KILL)
        return Result(name=script.name, met=met, recovered_s=recovered, problem=problem)

    def _wait_until_met(self, before: int) -> None:
        happened, deadline = self._server.server.faults.happened, time.monotonic() + _MEETS_WITHIN_S
        while len(happened) == before and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    def _wait_until_agreed(self, since_ns: int) -> tuple[str, float]:
        """Empty, and when, once the books agree and it has quoted anew; what is wrong if that does not come."""
        deadline, problem = time.monotonic() + _AGREES_WITHIN_S, ""
        while time.monotonic() < deadline:
            if not self._node.running:
                return "the node ended", 0.0
            problem, now = self._disagreement(since_ns), time.monotonic()
            if not problem:
                # The journal is a little behind.
                time.sleep(_JOURNALED_WITHIN_S)
                if not self._node.halts():
                    return "", now
            time.sleep(_POLL_S)
        return problem, 0.0

    def _disagreement(self, since_ns: int) -> str:
        if halts := self._node.halts():
            return f"halted: {next(iter(halts.values()))}"
        held, done = self._truth.open_ids(), self._truth.fills()
        ours = self._node.ledger.read()
        if orphans := held - set(ours.open):
            return f"orphans: {', '.join(sorted(orphans))}"
        if ghosts := set(ours.open) - held:
            return f"not at the venue: {', '.join(sorted(ghosts))}"
        if any(not order.venue_order_id for order in ours.open.values()):
            return "an acceptance is missing"
        booked = Counter((fill.order_id, fill.price, fill.size) for fill in ours.fills)
        if booked != done:
            return f"{(done - booked).total()} fills are not booked, {(booked - done).total()} never happened"
        if twice := self._truth.twice():
            return f"sent twice: {', '.join(sorted(twice))}"
        if self._node.ledger.newest_ns <= since_ns:
            return "nothing was quoted since"
        return ""

    def _end(self) -> Result:
        """Ended in order it leaves nothing, and its journal has every fill."""
        if not self._node.running:
            return Result(name="end", met=0, recovered_s=None, problem="the node had ended")
        began = time.monotonic()
        code = self._node.stop()
        done = Counter({(name, float(price), float(size)): n for (name, price, size), n in self._truth.fills().items()})
        journal = self._node.journaled_fills()
        problems = []
        if code:
            problems.append(f"exit code {code}")
        if held := self._truth.open_ids():
            problems.append(f"{len(held)} orders left")
        if journal != done:
            lacks, invents = (done - journal).total(), (journal - done).total()
            problems.append(f"the journal lacks {lacks} fills and has {invents} that never happened")
        return Result(name="end", met=0, recovered_s=time.monotonic() - began, problem="; ".join(problems))


def table(results: list[Result]) -> list[tuple[str, int, int, float | None, float | None, int]]:
    """By class: scripts, faults met, median and longest recovery in seconds, problems."""
    by_name: defaultdict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_name[result.name].append(result)
    rows = []
    for name, group in sorted(by_name.items()):
        times = sorted(result.recovered_s for result in group if result.recovered_s is not None)
        median, longest = (times[len(times) // 2], times[-1]) if times else (None, None)
        problems = sum(bool(result.problem) for result in group)
        rows.append((name, len(group), sum(result.met for result in group), median, longest, problems))
    return rows


def work_folder(path: Path) -> Path:
    """An empty folder for a node; see `ValueError`."""
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise ValueError(f"--folder {path}: it is not empty; name another, or empty it")
    return path
