"""The same configuration, run by the Nautilus backtest kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import batched, chain
from typing import Any

import msgspec
from nautilus_trader.accounting.error import AccountError
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.identifiers import TraderId, Venue

from ultramm import __version__
from ultramm.analytics.reporting import Reported
from ultramm.analytics.scorecard import Score
from ultramm.config.resolve import Resolved
from ultramm.errors import DataError, RunError
from ultramm.journal.records import FillEvent, HaltEvent, Record, fingerprint
from ultramm.nautilus.account import KERNEL_RATE, exchange_arguments
from ultramm.nautilus.build import Feed, actors, check_stops, feeds, merged, shells
from ultramm.nautilus.conversion import Conversion
from ultramm.nautilus.fingerprint import file_sha256
from ultramm.nautilus.shell import MakerShell

_CHUNK = 20_000


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's account as the kernel kept it.

    `equity_change` is the change of all its balances plus open positions' P&L at the last mid, in the settlement
    currency of its instruments; `gap` is its distance from the P&L of the strategies, which the kernel's rounding
    of each booking to the currency's decimals explains.
    """

    venue: str
    balances: dict[str, str]
    equity_change: float | None
    gap: float | None


class BacktestResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a backtest found; equal, to the byte, for an equal configuration, data and version.

    `doubts` says of strategies that do not trade by what they are meant to trade by, as a model, why.
    """

    name: str
    version: str
    seed: int
    data: dict[str, str]
    first_ns: int
    last_ns: int
    market_events: int
    scores: tuple[Score, ...]
    reported: Reported | None
    accounts: tuple[Account, ...]
    halts: tuple[HaltEvent, ...]
    fills_sha256: str
    doubts: dict[str, str] = {}


class Collector:
    """Keeps what a result needs of the records that a node would write to its journal.

    Attributes
    ----------
    shell : type of MakerShell
        What runs each maker.
    """

    def __init__(self) -> None:
        self.shell: type[MakerShell] = MakerShell
        self.fills: list[tuple[int, FillEvent]] = []
        self.halts: list[HaltEvent] = []

    def __call__(self, ts_ns: int, record: Record) -> None:
        if isinstance(record, FillEvent):
            self.fills.append((ts_ns, record))
        elif isinstance(record, HaltEvent):
            self.halts.append(record)

    def finish(self, last_ns: int) -> None:
        """The run has come to its end, at `last_ns`."""

    def fills_sha256(self) -> str:
        """Fingerprint of every fill."""
        digest = hashlib.sha256()
        for ts_ns, fill in self.fills:
            digest.update(fingerprint(ts_ns, fill))
        return digest.hexdigest()


def run_backtest(
    resolved: Resolved, *, progress: Callable[[int], None] | None = None, collector: Collector | None = None
) -> BacktestResult:
    """Run a configuration over its venues' recorded or generated events.

    Parameters
    ----------
    progress : callable, optional
        Called now and then with the time that the run has come to, nanoseconds.

    Raises
    ------
    UserError
        When configuration or data are wrong.
    RunError
        When the kernel stopped early.
    """
    collector = collector or Collector()
    opened = feeds(resolved)
    check_stops(resolved, opened)
    engine = _engine(resolved, opened)
    try:
        makers = shells(resolved, collector, collector.shell)
        for shell in makers:
            engine.add_strategy(shell)
        conversion = Conversion(resolved, opened) if resolved.config.reporting is not None else None
        for actor in (*actors(resolved, makers), *([conversion] if conversion is not None else ())):
            engine.add_actor(actor)
        tape = _Tape(merged(opened), progress)
        _play(engine, tape)
        return _result(resolved, opened, engine, makers, collector, tape, conversion)
    finally:
        engine.dispose()


def _engine(resolved: Resolved, opened: list[Feed]) -> BacktestEngine:
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("ULTRAMM-001"),
            logging=LoggingConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(max_order_submit_rate=KERNEL_RATE, max_order_modify_rate=KERNEL_RATE),
            run_analysis=False,
        )
    )
    for feed in opened:
        arguments = exchange_arguments(resolved, feed.venue, feed.instruments)
        engine.add_venue(Venue(feed.venue), **arguments)
        for instrument in feed.instruments:
            engine.add_instrument(instrument)
    return engine


class _Tape:
    """The events in chunks, so that memory does not grow with the recording; remembers what has gone by."""

    def __init__(self, events: Iterable[Any], progress: Callable[[int], None] | None) -> None:
        self._chunks = batched(events, _CHUNK)
        self._progress = progress
        self._first = next(self._chunks, ())
        if not self._first:
            raise DataError("the data holds no events for these instruments at that time")
        self.first_ns: int = self._first[0].ts_init
        self.last_ns = self.first_ns
        self.count = 0

    def play(self) -> Iterator[list[Any]]:
        for chunk in chain((self._first,), self._chunks):
            self._first = ()
            if self._progress is not None:
                self._progress(chunk[0].ts_init)
            self.last_ns = chunk[-1].ts_init
            self.count += len(chunk)
            yield list(chunk)


def _play(engine: BacktestEngine, tape: _Tape) -> None:
    # A stream of our own: the engine's list of data would have to be given anew for each chunk, and each would
    # have to hold an event of every instrument's book.
    engine.add_data_iterator("market", tape.play())
    try:
        engine.run(start=tape.first_ns, streaming=True)
    except AccountError as exc:
        raise RunError(f"the simulated account broke: {exc}") from exc


def _result(
    resolved: Resolved,
    opened: list[Feed],
    engine: BacktestEngine,
    makers: list[MakerShell],
    collector: Collector,
    tape: _Tape,
    conversion: Conversion | None,
) -> BacktestResult:
    collector.finish(tape.last_ns)
    scores = tuple(shell.maker.score.score(tape.last_ns) for shell in makers)
    result = BacktestResult(
        name=resolved.config.name,
        version=__version__,
        seed=resolved.config.seed,
        data=_fingerprints(opened),
        first_ns=tape.first_ns,
        last_ns=tape.last_ns,
        market_events=tape.count,
        scores=scores,
        reported=conversion.reported(scores) if conversion is not None else None,
        accounts=tuple(_account(engine, feed, scores) for feed in opened),
        halts=tuple(collector.halts),
        doubts={
            f"{shell.maker.name} on {shell.maker.instrument.id}": why for shell in makers if (why := shell.maker.doubt)
        },
        fills_sha256=collector.fills_sha256(),
    )
    # Ending a stream without a known end goes to the end of time: it would fire every heartbeat, and it settles futures
    # that expire one day. So everything has been read before.
    for shell in makers:
        shell.clock.cancel_timers()
    engine.end()
    return result


def _account(engine: BacktestEngine, feed: Feed, scores: tuple[Score, ...]) -> Account:
    account = engine.portfolio.account(Venue(feed.venue))
    balances = {currency.code: str(balance) for currency, balance in account.balances_total().items()}
    change = equity_change(engine.cache, account, feed.instruments, scores)
    ours = [score.pnl.total for score in scores if score.instrument.endswith(f".{feed.venue}")]
    gap = None if change is None else abs(change - sum(ours))
    return Account(venue=feed.venue, balances=balances, equity_change=change, gap=gap)


def equity_change(cache: Any, account: Any, instruments: list[Any], scores: tuple[Score, ...]) -> float | None:
    """Change of the kernel's account since its start, in the common settlement currency; None if there is none.

    A second and independent way to the strategies' P&L: from the kernel's balances and positions instead of from
    our fills.
    """
    currencies = {score.pnl.currency for score in scores if score.last_mid is not None}
    if len(currencies) != 1:
        return None
    settlement = currencies.pop()
    mids = {score.instrument: score.last_mid for score in scores}
    prices = {settlement: 1.0}
    for instrument in instruments:
        base, mid = instrument.get_base_currency(), mids.get(instrument.id.value)
        if base is not None and mid is not None and account.is_cash_account:
            prices[base.code] = mid
    change = 0.0
    for currency, balance in account.balances_total().items():
        start = account.starting_balances()[currency]
        moved = balance.as_decimal() - start.as_decimal()
        if moved and currency.code not in prices:
            return None
        change += float(moved) * prices.get(currency.code, 0.0)
    if not account.is_cash_account:
        change += _open_positions(cache, instruments, mids)
    return change


def _open_positions(cache: Any, instruments: list[Any], mids: dict[str, float | None]) -> float:
    total = 0.0
    for instrument in instruments:
        mid = mids.get(instrument.id.value)
        for position in cache.positions_open(instrument_id=instrument.id):
            if mid is None:
                continue
            entry, size = position.avg_px_open, position.signed_qty * float(instrument.multiplier)
            total += size * (1 / entry - 1 / mid) if instrument.is_inverse else size * (mid - entry)
    return total


def _fingerprints(opened: list[Feed]) -> dict[str, str]:
    found: dict[str, str] = {}
    for feed in opened:
        for path in feed.source.files():
            found[path.name] = file_sha256(path)
    return dict(sorted(found.items()))
