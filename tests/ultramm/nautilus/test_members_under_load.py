"""Members of a combined strategy come, go and pause from other threads while the market rushes in."""

from __future__ import annotations

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.nautilus.backtest import Collector
from ultramm.nautilus.node import NodeRunner

pytestmark = pytest.mark.integration

THREADS, COMMANDS = 4, 250
CORE = "{use: market-maker, params: {order_size: 0.01, half_spread_bps: 0.5}}"
MEMBERS = "[{name: trend, use: trend, params: {fast_s: 1, slow_s: 5}}, {name: flow, use: flow}]"
PARAMS = f"{{core: {CORE}, max_position: 0.2, retarget_s: 0.05, period_s: 0.1, refresh_ms: 5, members: {MEMBERS}}}"
SIGNALS = {"trend": '{"fast_s": 1, "slow_s": 5}', "reversion": '{"tau_s": 2}', "flow": '{"tau_s": 1}'}


class Watched:
    """Looks at each decision of a combined strategy from within: is all of it there, and of one piece."""

    def __init__(self, strategy: Any) -> None:
        self._strategy, self._decide = strategy, strategy.decide
        self.threads: set[int] = set()
        self.decisions = 0
        self.problems: list[str] = []
        self._inside = False
        strategy.decide = self.decide

    def decide(self, now_ns: int, inventory: float) -> Any:
        if self._inside:
            self.problems.append("a decision within a decision")
        self._inside = True
        self.threads.add(threading.get_ident())
        members = self._whole("before")
        decision = self._decide(now_ns, inventory)
        if self._whole("after") != members:
            self.problems.append("members changed within a decision")
        ledgers = self._strategy.ledgers
        if abs(ledgers.total - inventory) > 1e-9:
            self.problems.append(f"ledgers hold {ledgers.total}, the maker {inventory}")
        self.decisions += 1
        self._inside = False
        return decision

    def _whole(self, when: str) -> tuple[str, ...]:
        """Members, which ledgers and weights know as well."""
        strategy = self._strategy
        members: tuple[str, ...] = strategy.members
        weights = strategy._views.weights
        if set(strategy.ledgers.names) != {"core", *members} or set(weights) != set(members):
            self.problems.append(f"{when}: {members}, {strategy.ledgers.names}, {set(weights)}")
        if members and abs(sum(weights.values()) - 1.0) > 1e-9:
            self.problems.append(f"{when}: weights come to {sum(weights.values())}")
        return members


def test_each_decision_sees_members_weights_and_ledgers_of_one_piece(tmp_path: Path) -> None:
    strategy = f"strategies=[{{use: combined, name: desk, instruments: [BTCUSDT.SIM], params: {PARAMS}}}]"
    resolved = resolve(read(None, [f"logging.directory={tmp_path}/logs", "venues.SIM.params.pace=20", strategy]))
    collector = Collector()
    runner = NodeRunner(resolved, collector)
    replies: list[str] = []

    async def both() -> Watched:
        loop, node = asyncio.get_running_loop(), asyncio.create_task(runner.run())
        try:
            while not (all(shell.started for shell in runner.shells) and collector.fills):
                await asyncio.sleep(0.02)
            watched = Watched(runner.shells[0].maker._strategy)

            async def command(words: str) -> str:
                return runner.command(words)

            def steer(seed: int) -> None:
                chance = random.Random(seed)
                for _ in range(COMMANDS):
                    name = f"m{chance.randrange(6)}"
                    verb = chance.choice(["add", "add", "remove", "pause", "resume"])
                    use = chance.choice(list(SIGNALS))
                    made = f' {{"use": "{use}", "params": {SIGNALS[use]}}}' if verb == "add" else ""
                    words = f"member {verb} {name}{made}"
                    replies.append(asyncio.run_coroutine_threadsafe(command(words), loop).result(30.0))

            with ThreadPoolExecutor(THREADS) as threads:
                await asyncio.gather(*(loop.run_in_executor(threads, steer, seed) for seed in range(THREADS)))
            before = watched.decisions
            while watched.decisions < before + 100:
                await asyncio.sleep(0.02)
        finally:
            runner.stop("the test is over")
        await node
        return watched

    watched = asyncio.run(both())
    assert watched.problems == []
    assert watched.threads == {threading.get_ident()}
    assert watched.decisions >= 100
    assert len(replies) == THREADS * COMMANDS
    done = {reply.split(" ")[0] for reply in replies}
    assert {"added", "removed", "paused", "resumed", "no", "not"} <= done
    (shell,) = runner.shells
    assert not shell.maker.degraded
    assert len(shell.maker.orders) == 0
    position = collector.fills[-1][1].position
    assert watched._strategy.ledgers.total == pytest.approx(position)
