"""A strategy that tries to break each limit, 10,000 times, in backtest and over the live path: none may break.

::

    .venv/bin/python benchmarks/abuse.py                              each limit, both ways: some minutes
    .venv/bin/python benchmarks/abuse.py --attempts 1000 --way backtest --only collar
    .venv/bin/python benchmarks/abuse.py --seed 7 --json out.json     other random numbers; the rows for a program

An attempt is an order, or a change of one, that the strategy wants and that is reviewed. Whether a limit was broken is
judged at the other end (`auditing`): in a backtest by the kernel's events and cache, over the live path by the emulator
at the far end of the sockets, where a node of its own process trades. *Seen without* is how often the same judge sees
the limit broken in a backtest whose limit is lifted, of a tenth as many attempts: a judge that sees nothing proves
nothing.

The exit code is 1 if a limit broke, if a refusal does not say the figure, or if the strategy did not come to the limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import abuser
import auditing
from abuser import COUNTS, Aim, Counts
from auditing import (
    Burst,
    Judge,
    KernelWitness,
    Loss,
    Messages,
    MessagesPerTrade,
    ValueAtRisk,
    VenueWitness,
    Witness,
)
from live_venue import KEY, SECRET, depth_at_once, without_limits
from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.market import Side
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.shell import MakerShell
from ultramm.risk.exposures import Exposures
from ultramm.risk.limits import Funds
from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.threaded import ThreadedServer

HERE = Path(__file__).resolve().parent
WAYS = ("backtest", "live")
START = 50_000
PATIENCE_S = 480.0
# Not about a limit: without a price nothing can be held to one.
NO_LIMIT = "fair value is unknown"
RICH = {"BTC": "1000", "USDT": "100000000"}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One limit.

    Parameters
    ----------
    name : str
        Of it.
    judge : callable
        Makes who judges it, of a figure.
    figure, live_figure : float
        What the judge holds it to; over the live path where that is another.
    says : str
        Pattern of the refusals that name it.
    risk, params : dict
        Of the configuration.
    own : dict
        Of the first maker's own ``risk``.
    moving : bool
        Over the live path the market moves as a whole: else its mid stays.
    lifted : dict
        Of ``risk`` and the parameters, so that it does not hold; empty where it is the account's.
    product : {"spot", "usdm"}
        Over the live path.
    funds : dict of str to str
        Of the account, where it is not rich.
    margin, live_margin : str
        Of the account where it is one with margin, USDT.
    makers : int
        Two trade the same coin; over the live path on spot and futures, unless `same_market`.
    amends : bool
        Orders are changed.
    """

    name: str
    judge: Callable[[float], Judge]
    figure: float
    says: str
    live_figure: float | None = None
    risk: dict[str, Any] = {}
    params: dict[str, Any] = {}
    own: dict[str, Any] = {}
    moving: bool = False
    lifted: dict[str, Any] = {}
    aim: Aim = "size"
    product: str = "spot"
    funds: dict[str, str] = {}
    margin: str = ""
    live_margin: str = ""
    makers: int = 1
    same_market: bool = False
    amends: bool = False


CASES = (
    Case(
        name="position",
        judge=auditing.position,
        figure=0.05,
        says=r"position could reach \S+, the limit is 0\.05",
        params={"max_position": 0.05},
        lifted={"max_position": 5.0},
    ),
    Case(
        name="changed orders",
        judge=auditing.position,
        figure=0.05,
        says=r"position could reach \S+, the limit is 0\.05",
        params={"max_position": 0.05},
        lifted={"max_position": 5.0},
        product="usdm",
        amends=True,
    ),
    Case(
        name="notional",
        judge=auditing.notional,
        figure=2_400.0,
        says=r"notional could reach \S+, the limit is 2400",
        risk={"max_notional": 2_400},
        lifted={"max_notional": 1e9},
    ),
    Case(
        name="largest order",
        judge=auditing.order_notional,
        figure=1_100.0,
        says=r"an order of \S+, the limit is 1100",
        risk={"max_order_notional": 1_100},
        lifted={"max_order_notional": 1e9},
        aim="order",
    ),
    Case(
        name="open orders",
        judge=auditing.open_orders,
        figure=5,
        says=r"\d+ open orders, the limit is 5",
        risk={"max_open_orders": 5},
        lifted={"max_open_orders": 60},
    ),
    Case(
        name="collar",
        judge=auditing.collar,
        figure=50,
        says=r"outside the collar of 50 bps around",
        risk={"price_collar_bps": 50},
        lifted={"price_collar_bps": 20_000},
        aim="price",
    ),
    Case(
        name="messages",
        judge=lambda burst: Messages(20.0, burst, jitter_s=0.0),
        figure=40,
        says=r"message budget is spent: 20 a second, 40 at once",
        risk={"messages_per_second": 20, "message_burst": 40},
        lifted={"messages_per_second": 100_000, "message_burst": 100_000},
        aim="messages",
    ),
    Case(
        name="messages to each trade",
        judge=lambda per_trade: MessagesPerTrade(per_trade, free=100.0),
        figure=10,
        says=r"\d+ messages to \d+ trades in an hour, the limit is 10 to each",
        risk={"max_messages_per_trade": 10, "free_messages": 100},
        lifted={"max_messages_per_trade": None},
        aim="messages",
    ),
    Case(
        name="one maker's own",
        judge=auditing.own_order_notional,
        figure=600.0,
        says=r"an order of \S+, the limit is 600",
        own={"max_order_notional": 600},
        lifted={"max_order_notional": 1e9},
        aim="order",
        makers=2,
    ),
    Case(
        name="value at risk",
        judge=lambda budget: ValueAtRisk(budget, over_s=60.0, slack=0.25),
        figure=5.0,
        says=r"position could reach \S+, its value at risk allows",
        risk={"max_var": {"budget": "5 USDT", "confidence": 0.99, "over_s": 60}},
        params={"after_s": 65.0},
        moving=True,
        lifted={"max_var": None},
    ),
    Case(
        name="coin to sell",
        judge=auditing.coin_to_sell,
        figure=0.0,
        says=r"would sell \S+ beyond what was bought, the account has \S+ to sell",
        funds={"BTC": "0.03"},
    ),
    Case(
        name="money to spend",
        judge=auditing.money_to_spend,
        figure=0.0,
        says=r"would cost \S+, the account has \S+ to spend",
        funds={"USDT": "4000"},
    ),
    Case(
        name="leverage",
        judge=auditing.borne,
        figure=2.0,
        live_figure=20.0,
        says=r"position could be worth \S+, the account's equity bears \S+",
        product="usdm",
        margin="1500",
        live_margin="150",
    ),
    Case(
        name="gross",
        judge=auditing.gross,
        figure=5_000.0,
        says=r"all positions could reach \S+ USDT, the limit is 5000",
        risk={"total": {"max_gross": "5000 USDT"}},
        lifted={"total": None},
        makers=2,
    ),
    Case(
        name="net",
        judge=auditing.net,
        figure=4_000.0,
        says=r"the net of BTC could reach \S+ USDT, the limit is 4000",
        risk={"total": {"max_net": "4000 USDT"}},
        lifted={"total": None},
        makers=2,
    ),
    Case(
        name="own orders' way",
        judge=auditing.own_way,
        figure=0.0,
        says=r"would trade at \S+ with an order of|at \S+ it would be in the way of an order of",
        aim="crossing",
        makers=2,
        same_market=True,
    ),
    Case(
        name="daily loss",
        judge=Loss,
        figure=5.0,
        says=r"lost \S+ today, 5 is allowed",
        risk={"max_daily_loss": "5 USDT"},
        lifted={"max_daily_loss": None},
        aim="losses",
    ),
    Case(
        name="drawdown",
        judge=lambda limit: Loss(limit, drawdown=True),
        figure=5.0,
        says=r"\S+ below the highest P&L, 5 is allowed",
        risk={"max_drawdown": {"hard": "5 USDT"}},
        lifted={"max_drawdown": None},
        aim="losses",
    ),
    Case(
        name="daily loss of all",
        judge=Loss,
        figure=5.0,
        says=r"lost \S+ today, 5 is allowed",
        risk={"total": {"max_daily_loss": "5 USDT"}},
        lifted={"total": None},
        aim="losses",
        makers=2,
        same_market=True,
    ),
    Case(
        name="fill burst",
        judge=lambda orders: Burst(orders, 1.0, 2.0, grace_s=0.001),
        figure=3,
        says=r"3 orders of it were filled within 1 s: it rests",
        risk={"fill_burst": {"orders": 3, "within_s": 1, "rest_s": 2}},
        lifted={"fill_burst": None},
        aim="bursts",
    ),
)
# Over sockets a message takes its time, and not always the same.
LIVE_JUDGES: dict[str, Callable[[float], Judge]] = {
    "messages": lambda burst: Messages(20.0, burst, jitter_s=0.5),
    "largest order": lambda limit: auditing.order_notional(limit, overtaken=True),
    "one maker's own": lambda limit: auditing.own_order_notional(limit, overtaken=True),
    "net": lambda limit: auditing.net(limit, overtaken_s=0.25),
    "daily loss of all": lambda limit: Loss(limit, one=False),
    "fill burst": lambda orders: Burst(orders, 1.0, 2.0, grace_s=0.25),
}


class Row(msgspec.Struct, kw_only=True):
    """What came of one limit, one way."""

    limit: str
    way: str
    seed: int
    attempts: int
    approved: int
    refused: int
    by_it: int
    orders: int
    breaches: list[str]
    unnamed: list[str]
    example: str
    seen_without: int | None = None

    def failures(self, wanted: int) -> list[str]:
        """Why it does not pass."""
        found = [f"{len(self.breaches)} breaches, the first: {self.breaches[0]}"] if self.breaches else []
        found += [f"a refusal without a figure: {reason}" for reason in self.unnamed]
        if self.attempts < wanted:
            found.append(f"only {self.attempts} attempts")
        if not self.by_it:
            found.append("it did not come to the limit")
        if self.seen_without == 0:
            found.append("its judge sees nothing when the limit is lifted")
        return [f"{self.limit}, {self.way}, seed {self.seed}: {each}" for each in found]


def row(case: Case, way: str, seed: int, counts: Counts, witness: Witness) -> Row:
    says = re.compile(case.says)
    named = {kind for kind, example in counts.examples.items() if says.search(example)}
    return Row(
        limit=case.name,
        way=way,
        seed=seed,
        attempts=counts.attempts,
        approved=counts.approved,
        refused=sum(counts.refused.values()),
        by_it=sum(number for kind, number in counts.refused.items() if kind in named),
        orders=witness.orders,
        breaches=witness.breaches,
        unnamed=[kind for kind in counts.refused if "#" not in kind and kind != NO_LIMIT],
        example=next((example for kind, example in counts.examples.items() if kind in named), ""),
    )


def strategies(case: Case, instruments: list[str], attempts: int, seed: int, *, lift: bool) -> list[dict[str, Any]]:
    """The abusers of a configuration."""
    params = {"max_position": 1.0, "refresh_ms": 0, "stale_after_s": 3600, **case.params}
    params |= {key: value for key, value in case.lifted.items() if lift and key in params}
    params |= {"attempts": attempts, "aim": case.aim}
    own = {key: value for key, value in case.own.items() if not lift or key not in case.lifted}
    return [
        {
            "use": "abuser",
            "name": f"abuser-{number}",
            "instruments": [name],
            "params": {**params, "seed": seed + number},
            "risk": own if number == 0 else {},
        }
        for number, name in zip(range(case.makers), itertools.cycle(instruments), strict=False)
    ]


def risk(case: Case, *, lift: bool) -> dict[str, Any]:
    """Its limits; all others are out of the way."""
    common = {
        "max_notional": 1e9,
        "max_open_orders": 40,
        "price_collar_bps": 9_000,
        "messages_per_second": 100_000,
        "message_burst": 100_000,
        "max_rejects_in_row": 10**9,
    }
    lifted = {key: value for key, value in case.lifted.items() if lift and key not in case.params}
    return {**common, **case.risk, **lifted}


# -- in a backtest ---------------------------------------------------------------------------------------------


class _Observed(Collector):
    """Lets the witness hear the kernel; `lift` is the account's limit, or the makers' ways, lifted."""

    def __init__(self, witness: KernelWitness, case: Case, *, lift: bool) -> None:
        super().__init__()
        self.witness, self.case, self.lift = witness, case, lift
        self.watched = False
        self.shell = _ObservedShell


class _ObservedShell(MakerShell):
    def on_start(self) -> None:
        observed = self._record
        assert isinstance(observed, _Observed)
        super().on_start()
        # On paper orders are never changed, since a simulated order that is changed loses its place: here they are.
        self.maker._amends = observed.case.amends
        if not observed.watched:
            observed.watched = True
            observed.witness.watch(self)

    def _funds(self) -> Funds:
        observed = self._record
        assert isinstance(observed, _Observed)
        return Funds() if observed.lift and not observed.case.lifted else super()._funds()


def backtest(case: Case, attempts: int, seed: int, folder: Path, *, lift: bool = False) -> Row:
    """One limit in the kernel's backtest."""
    paper: dict[str, Any] = {
        "starting_balances": [f"{amount} {coin}" for coin, amount in {**RICH, **case.funds}.items()]
    }
    if case.margin:
        paper = {"starting_balances": [f"{case.margin} USDT"], "account": "margin", "leverage": case.figure}
    length_s = 30 + case.params.get("after_s", 0) + attempts / (40 if case.aim == "bursts" else 60)
    market = {"preset": "wide", "pace": 1, "lot_size": 0.001, "duration_s": length_s, "seed": seed}
    text = {
        "mode": "backtest",
        "name": "abuse",
        "seed": seed,
        "venues": {
            "SIM": {
                "adapter": "synthetic",
                "instruments": ["BTCUSDT"],
                "params": market,
                "paper": {"latency_ms": 5, "maker_fee_bps": 0, "taker_fee_bps": 5, **paper},
            }
        },
        "strategies": strategies(case, ["BTCUSDT.SIM"], attempts, seed, lift=lift),
        "risk": risk(case, lift=lift),
    }
    path = folder / "abuse.yaml"
    path.write_text(json.dumps(text))
    witness = KernelWitness(case.judge(case.figure))
    counts = abuser.reset()
    with _ways_open() if lift and case.same_market else _as_it_is():
        run_backtest(resolve(read(path, [])), collector=_Observed(witness, case, lift=lift))
    return row(case, "backtest", seed, counts, witness)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _ways_open() -> Iterator[None]:
    """No way is kept clear: what the judge of ways must see."""
    in_the_way = Exposures.in_the_way
    Exposures.in_the_way = lambda *_: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        Exposures.in_the_way = in_the_way  # type: ignore[method-assign]


# -- over the live path ----------------------------------------------------------------------------------------


def market(seed: int, every_s: float, trade_every: int = 5) -> Iterator[MarketEvent]:
    """Five levels a side that stay; others trade through them, so that our orders are filled on both sides."""
    dice = random.Random(seed)
    yield MarketEvent(0.0, _levels(0, 10))
    for number in itertools.count(1):
        trades = (_trade_of(dice, 0),) if number % trade_every == 0 else ()
        yield MarketEvent(every_s * number, (LevelChange(Side.BUY, -6, 13 + number % 2),), trades)


def moving_market(seed: int, every_s: float, moved: Callable[[float, float], None]) -> Iterator[MarketEvent]:
    """The same, and all levels go up or down by a tick every so often; `moved` is told when, and where the mid is."""
    dice, mid = random.Random(seed), 0
    yield MarketEvent(0.0, _levels(mid, 10))
    for number in itertools.count(1):
        gone, mid = mid, mid + dice.choice([-1, 1])
        moved(time.time(), START + mid)
        yield MarketEvent(every_s * number, _levels(gone, 0) + _levels(mid, 10), (_trade_of(dice, mid),))


def _levels(mid: int, lots: int) -> tuple[LevelChange, ...]:
    return tuple([LevelChange(side, mid - side * (2 + i), lots and lots + i) for side in Side for i in range(5)])


def _trade_of(dice: random.Random, mid: int) -> MarketTrade:
    side = dice.choice(list(Side))
    return MarketTrade(side, mid + side * dice.randint(0, 80), dice.randint(1, 30))


def live(case: Case, attempts: int, seed: int, folder: Path) -> Row:
    """One limit over real sockets: a node of its own process, and the emulator in this one."""
    figure = case.figure if case.live_figure is None else case.live_figure
    funds = {coin: Decimal(amount) for coin, amount in {**RICH, **case.funds}.items()}
    member = Account.funded(KEY, SECRET, funds, Decimal(case.live_margin or RICH["USDT"]))
    witness = VenueWitness(LIVE_JUDGES.get(case.name, case.judge)(figure), member, START)
    every_s = 0.004 if case.aim in ("bursts", "losses") else 0.01
    # Only fills let a side rest.
    trade_every = 1 if case.aim == "bursts" else 5
    feeds = [{"BTCUSDT": market(seed + number, every_s, trade_every)} for number in range(2)]
    if case.moving:
        feeds[0] = {"BTCUSDT": moving_market(seed, 0.1, witness.judge.moved)}
    with ThreadedServer([member], *feeds) as server:
        server.do(lambda: [witness.watch(venue) for venue in (server.venue, server.futures)])
        counts, problem = _trade(_live_config(case, attempts, seed, server.url, folder), attempts, folder)
        left = server.do(lambda: [o for venue in (server.venue, server.futures) for o in venue.open_orders(member, {})])
    found = row(case, "live", seed, counts, witness)
    found.breaches += [f"left at the venue: {order.client_id}" for order in left]
    found.breaches += [problem] if problem else []
    return found


def _live_config(case: Case, attempts: int, seed: int, url: str, folder: Path) -> Path:
    # A secret is never in a file, be it worth nothing.
    keys = {"api_key": f"${{BENCHMARK_KEY:-{KEY}}}", "api_secret": f"${{BENCHMARK_SECRET:-{SECRET}}}"}
    account = {"base_url": url, **keys, "weight_per_minute": 10**9}
    both = case.makers > 1 and not case.same_market
    products = ["spot", "usdm"] if both else [case.product]
    symbols = {"spot": "BTCUSDT", "usdm": "BTCUSDT-PERP"}
    text = {
        "mode": "live",
        "name": "abuse",
        "venues": {
            product.upper(): {
                "adapter": "binance",
                "instruments": [symbols[product]],
                "params": {**account, "product": product},
            }
            for product in products
        },
        "strategies": strategies(
            case, [f"{symbols[product]}.{product.upper()}" for product in products], attempts, seed, lift=False
        ),
        "risk": risk(case, lift=False),
        "logging": {"level": "WARNING"},
        "watchdog": {"enabled": False},
    }
    path = folder / "live.yaml"
    path.write_text(json.dumps(text))
    return path


def _trade(config: Path, attempts: int, folder: Path) -> tuple[Counts, str]:
    """Let a node try until it has tried enough; also in words if it did not end as it should."""
    told = folder / "counts.json"
    command = [sys.executable, "-m", "ultramm.cli.main", "node", "start", str(config), "--live", "--no-dashboard"]
    paths = (str(folder), str(HERE), os.environ.get("PYTHONPATH", ""))
    environment = {**os.environ, COUNTS: str(told), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with (folder / "output.txt").open("w") as output:
        node = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            deadline_s, counts = time.monotonic() + PATIENCE_S, Counts()
            while counts.attempts < attempts and node.poll() is None and time.monotonic() < deadline_s:
                time.sleep(0.1)
                counts = msgspec.json.decode(told.read_bytes(), type=Counts) if told.exists() else counts
            if node.poll() is None:
                node.send_signal(signal.SIGTERM)
            code = node.wait(60)
        finally:
            if node.poll() is None:
                node.kill()
    said = (folder / "output.txt").read_text()
    if not told.exists():
        raise SystemExit(said[-3000:])
    problem = f"the node ended with code {code}: {said.strip().splitlines()[-1]}" if code else ""
    return msgspec.json.decode(told.read_bytes(), type=Counts), problem


# -- what they say ---------------------------------------------------------------------------------------------


def rows(cases: list[Case], ways: list[str], attempts: int, seed: int) -> Iterator[Row]:
    """Each limit, each way."""
    for case in cases:
        for way in ways:
            with tempfile.TemporaryDirectory() as name:
                folder = abuser.installed(Path(name))
                if way == "live":
                    yield live(case, attempts, seed, folder)
                    continue
                sys.path.insert(0, str(folder))
                try:
                    found = backtest(case, attempts, seed, folder)
                    found.seen_without = len(backtest(case, max(200, attempts // 10), seed, folder, lift=True).breaches)
                finally:
                    sys.path.remove(str(folder))
                yield found


def show(found: list[Row]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 170)
    table = Table(title="attempts to break a limit", title_justify="left")
    table.add_column("limit")
    table.add_column("way")
    for column in ("attempts", "approved", "refused", "by it", "at the venue", "breaches", "seen without"):
        table.add_column(column, justify="right")
    table.add_column("a refusal")
    for each in found:
        numbers = (each.attempts, each.approved, each.refused, each.by_it, each.orders, len(each.breaches))
        without = "" if each.seen_without is None else f"{each.seen_without:,}"
        table.add_row(each.limit, each.way, *(f"{number:,}" for number in numbers), without, each.example)
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description="Try to break each limit.")
    parser.add_argument("--attempts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[case.name for case in CASES], action="append", help="may be repeated")
    parser.add_argument("--way", choices=WAYS, action="append", help="may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    arguments = parser.parse_args()
    without_limits()
    depth_at_once()
    cases = [case for case in CASES if not arguments.only or case.name in arguments.only]
    ways = arguments.way or list(WAYS)
    found: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("trying", total=len(cases) * len(ways))
        for each in rows(cases, ways, arguments.attempts, arguments.seed):
            found.append(each)
            if arguments.json is not None:
                arguments.json.write_bytes(msgspec.json.encode(found))
            bar.update(task, advance=1, description=f"{each.limit}, {each.way}")
    show(found)
    failures = [failure for each in found for failure in each.failures(arguments.attempts)]
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
