"""A hand-made market and configurations to run on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.nautilus.synthetic import synthetic_instrument

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000

Level = tuple[str, float, float]  # side "bid" or "ask", price, size; size 0 takes the level away


class Tape:
    """A recording made by hand: book changes and trades of ``BTCUSD.X``, tick 1, lot 1, around 10,000."""

    def __init__(self, symbol: str = "BTCUSD") -> None:
        self.instrument = synthetic_instrument(symbol, "X", 10_000.0, 1.0, 1.0)
        self.events: list[Any] = []
        self._known: set[tuple[str, float]] = set()

    def book(self, ms: int, *levels: Level) -> None:
        """Set levels at a time."""
        ts = START_NS + ms * MS
        deltas = [] if self._known else [OrderBookDelta.clear(self.instrument.id, 0, ts, ts)]
        for index, (side, price, size) in enumerate(levels):
            key = (side, price)
            action = BookAction.DELETE if not size else BookAction.UPDATE if key in self._known else BookAction.ADD
            self._known.add(key)
            order = BookOrder(OrderSide.BUY if side == "bid" else OrderSide.SELL, Price(price, 0), Quantity(size, 0), 0)
            flags = RecordFlag.F_LAST if index == len(levels) - 1 else 0
            deltas.append(OrderBookDelta(self.instrument.id, action, order, flags, ms, ts, ts))
        self.events.append(OrderBookDeltas(self.instrument.id, deltas))

    def trade(self, ms: int, price: float, size: float, taker: str) -> None:
        """A public trade; `taker` is "buy" or "sell"."""
        ts = START_NS + ms * MS
        aggressor = AggressorSide.BUYER if taker == "buy" else AggressorSide.SELLER
        trade_id = TradeId(str(len(self.events)))
        self.events.append(
            TradeTick(self.instrument.id, Price(price, 0), Quantity(size, 0), aggressor, trade_id, ts, ts)
        )

    def write(self, directory: Path) -> Path:
        """The tape as a catalog."""
        catalog = ParquetDataCatalog(directory)
        catalog.write_data([self.instrument])
        catalog.write_data([delta for e in self.events if isinstance(e, OrderBookDeltas) for delta in e.deltas])
        trades = [e for e in self.events if isinstance(e, TradeTick)]
        if trades:
            catalog.write_data(trades)
        return directory


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
def reference() -> Tape:
    """Another market at the same venue."""
    return Tape("REFUSD")


@pytest.fixture
def on_tape(tmp_path: Path) -> Callable[..., Resolved]:
    """A configuration that trades a tape: mid-anchored quotes one tick from the mid, no latency, no fees."""

    def build(tape: Tape, *overrides: str, reference: Tape | None = None) -> Resolved:
        directory = tmp_path / "catalog"
        if not directory.exists():
            tape.write(directory)
            if reference is not None:
                reference.write(directory)
        path = tmp_path / "tape.yaml"
        path.write_text(
            f"""
mode: backtest
name: tape
venues:
  X:
    adapter: replay
    instruments: [BTCUSD]
    params: {{catalog: "{directory}", speed: 0}}
    paper: {{starting_balances: [1000000 USD, 1000 BTC], maker_fee_bps: 0, taker_fee_bps: 0}}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSD.X]
    params: {{order_size: 50, max_position: 1000, half_spread_bps: 1, skew: 0, refresh_ms: 0}}
journal: {{to: "sqlite:///{tmp_path}/journal.db"}}
dashboard: {{enabled: false}}
logging: {{directory: "{tmp_path}/logs"}}
"""
        )
        return resolve(read(path, overrides))

    return build


@pytest.fixture(scope="session")
def recordings_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where recordings are imported to, once for all tests of a process that only read them."""
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture
def default_config() -> Callable[..., Resolved]:
    """The packaged default with overrides."""

    def build(*overrides: str) -> Resolved:
        return resolve(read(None, ["mode=backtest", *overrides]))

    return build
