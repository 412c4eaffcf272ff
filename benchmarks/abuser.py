"""A strategy that wants whatever a broken one could want, and the count of what became of it.

It is installed as the plugin ``abuser`` by a folder on the path (`installed`), in this process and in a node's. Whoever
imports it has every review counted: what was asked, what was approved, and each kind of refusal with an example. The
counts are no judge of anything; that is `auditing`.
"""

from __future__ import annotations

import math
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

import ultramm.maker
from ultramm.maker import Maker, MakerParams
from ultramm.market import Book, Instrument, Quote, Side
from ultramm.plugin import StrategyPlugin
from ultramm.quoting.decision import Decision
from ultramm.risk.review import Review
from ultramm.risk.stops import Level

PLUGIN = StrategyPlugin(
    name="abuser", summary="wants what it must not", params="abuser:AbuserParams", strategy="abuser:Abuser"
)
Aim = Literal["size", "price", "order", "messages", "crossing", "bursts", "losses"]
# Where a node writes its counts.
COUNTS = "ABUSE_COUNTS"
_WRITE_EVERY_S = 0.2
_NUMBER = re.compile(r"[-+]?\d[\d.,]*(e[-+]?\d+)?|\binf\b")


class Counts(msgspec.Struct):
    """What was asked so far.

    Attributes
    ----------
    aims_at_halts : bool
        Attempts are decisions that were not to be taken, not orders.
    refused : dict of str to int
        By reason, numbers left out.
    examples : dict of str to str
        The first of each.
    """

    aims_at_halts: bool = False
    attempts: int = 0
    approved: int = 0
    refused: dict[str, int] = {}
    examples: dict[str, str] = {}

    def take(self, found: Review, asked: int) -> None:
        """One review."""
        self.attempts += 0 if self.aims_at_halts else asked
        self.approved += len(found.approved.submits) + len(found.approved.amends)
        for refusal in found.refused:
            self.refuse(refusal.reason)

    def refuse(self, reason: str) -> None:
        """Something was not to be."""
        kind = _NUMBER.sub("#", reason)
        self.refused[kind] = self.refused.get(kind, 0) + 1
        self.examples.setdefault(kind, reason)


counts = Counts()
_written_s = 0.0


def _counted(review: Callable[..., Review]) -> Callable[..., Review]:
    def reviewed(plan: Any, *args: Any) -> Review:
        found = review(plan, *args)
        counts.take(found, len(plan.submits) + len(plan.amends))
        write()
        return found

    return reviewed


def write(*, now: bool = False) -> None:
    """Put the counts where they are wanted, now and then."""
    global _written_s  # noqa: PLW0603 - one process, one count
    if COUNTS not in os.environ or not (now or time.monotonic() > _written_s + _WRITE_EVERY_S):
        return
    _written_s = time.monotonic()
    path = Path(os.environ[COUNTS])
    path.with_suffix(".new").write_bytes(msgspec.json.encode(counts))
    path.with_suffix(".new").replace(path)


def reset() -> Counts:
    """Begin to count anew."""
    global counts  # noqa: PLW0603
    counts = Counts()
    return counts


def _watched(step: Callable[[Maker, int], Review]) -> Callable[[Maker, int], Review]:
    """Of one that aims at halts, each side that a decision was not to quote is an attempt: nobody asks for more."""

    def stepped(self: Maker, now_ns: int) -> Review:
        found = step(self, now_ns)
        if counts.aims_at_halts:
            stopped = {(side, self.stops.reason) for side in Side if self.stops.level is Level.STOP}
            for _, reason in stopped | {(side, each.reason) for side, each in self._cautions if each.pulled}:
                counts.attempts += 1
                counts.refuse(reason)
            write()
        return found

    return stepped


Maker.step = _watched(Maker.step)  # type: ignore[method-assign]
ultramm.maker.review = _counted(ultramm.maker.review)  # type: ignore[attr-defined]


class AbuserParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it goes about it.

    Parameters
    ----------
    seed : int
        Of its random numbers.
    attempts : int
        Orders and changes that all abusers of the process want together; then they want nothing.
    after_s : float
        It wants nothing before so many seconds of its market.
    aim : str
        What it exaggerates.
    """

    seed: int = 1
    attempts: int = 10_000
    after_s: float = 0.0
    aim: Aim = "size"


class Abuser:
    """Wants too much, too far, too often, on the wrong side, at no price."""

    def __init__(self, params: AbuserParams, instrument: Instrument) -> None:
        self._params = params
        self._random = random.Random(params.seed)
        self._instrument = instrument
        self._mid = math.nan
        self._first_ns = 0
        counts.aims_at_halts = params.aim in ("bursts", "losses")

    def on_book(self, book: Book) -> None:
        self._mid = book.mid
        self._first_ns = self._first_ns or book.ts_ns

    def on_trade(self, trade: object) -> None: ...

    def on_fill(self, fill: object) -> None: ...

    def decide(self, now_ns: int, inventory: float) -> Decision:
        dice, mid = self._random, self._mid
        if counts.attempts >= self._params.attempts:
            write(now=True)
            return Decision.nothing("it has tried")
        if math.isnan(mid) or now_ns < self._first_ns + self._params.after_s * 1e9:
            return Decision.nothing("it waits")
        fair = dice.choice(
            [mid, mid, mid, mid * dice.uniform(0.99, 1.01), mid * dice.uniform(0.2, 5.0), math.nan, -mid]
        )
        # It lies about fair value as well where that is what it aims at, or now and then.
        if self._params.aim != "price" and dice.random() < 0.9:
            fair = mid
        quotes = [self._quote(mid) for _ in range(dice.choice([1, 2, 3, 8, 20]))]
        return Decision(tuple(quotes), fair, fair)

    def _quote(self, mid: float) -> Quote:
        dice, aim = self._random, self._params.aim
        side = dice.choice([Side.BUY, Side.SELL])
        if aim == "losses" and dice.random() < 0.5:
            return Quote(side, self._instrument.ticks(mid * (1.0 + side * 1e-3)), dice.randint(10, 40), taking=True)
        away = dice.choice([1e-3, 1e-2, 0.05, 0.5] if aim == "price" else [1e-4, 5e-4, 1e-3])
        price = mid * (1.0 - side * away * dice.uniform(-0.3, 1.0))
        lots = dice.choice({"order": [1, 2, 20, 500, 10**6], "messages": [1]}.get(aim, [1, 1, 2, 3, 5, 20, 10**4]))
        taking = dice.random() < (0.4 if aim in ("crossing", "bursts") else 0.05)
        return Quote(side, max(1, self._instrument.ticks(price)), lots, taking=taking)


def installed(folder: Path) -> Path:
    """Make a folder that, on the path beside this one, has the plugin installed."""
    info = folder / "abuser-0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: abuser\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[ultramm.strategies]\nabuser = abuser:PLUGIN\n")
    return folder
