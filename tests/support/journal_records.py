"""Records of every kind, as a node writes them."""

from __future__ import annotations

from ultramm.journal.records import (
    BookView,
    CommandEvent,
    CustodyEvent,
    FillEvent,
    GapEvent,
    GuardEvent,
    HaltEvent,
    MakerStarted,
    MemoryEvent,
    OrderEvent,
    Record,
    RecordingEvent,
    RunEnded,
    RunStarted,
    Status,
)
from ultramm.maker import Maker, MakerParams
from ultramm.market import Book, Fill, Instrument, Level, Quote, Side
from ultramm.quoting.decision import Decision
from ultramm.risk.budget import MessageBudget
from ultramm.risk.limits import Limits

S = 1_000_000_000
INSTRUMENT = Instrument(
    id="X.SIM",
    tick_size=0.5,
    lot_size=0.1,
    price_precision=1,
    size_precision=1,
    quote_currency="USDT",
    settlement_currency="USDT",
)


class Still:
    """Wants two quotes, always."""

    def on_book(self, book: Book) -> None: ...

    def on_trade(self, trade: object) -> None: ...

    def on_fill(self, fill: object) -> None: ...

    def decide(self, now_ns: int, inventory: float) -> Decision:
        return Decision((Quote(Side.BUY, 199, 3), Quote(Side.SELL, 201, 3)), 100.0, 100.0)


def busy_maker() -> Maker:
    """With open orders, a position, and matured markouts."""
    params, budget = MakerParams(max_position=9.0), MessageBudget(9.0, 9.0)
    maker = Maker("mm", INSTRUMENT, Still(), params, Limits(), budget)
    maker.on_book(Book(0, (Level(99.0, 1.0),), (Level(101.0, 1.0),)))
    for number, quote in enumerate(maker.step(0).approved.submits):
        maker.orders.sent(f"o{number}", quote, 0)
        maker.on_accepted(f"o{number}", 0)
    maker.on_fill(Fill(S, "o0", Side.BUY, 99.5, 0.1, 0.01, True))
    maker.on_book(Book(60 * S, (Level(98.0, 1.0),), (Level(101.0, 1.0),)))
    return maker


def records() -> list[Record]:
    view = BookView(instrument="X.SIM", bids=((99.0, 1.0),), asks=((101.0, 2.0),), mean_spread_bps=2.0, sigma=0.1)
    return [
        RunStarted(
            name="demo", mode="paper", version="1", pid=7, configuration={"a": [1, 2.5, None, True, {"b": "ü\n"}]}
        ),
        MakerStarted(strategy="mm", instrument=INSTRUMENT, max_position=9.0),
        OrderEvent(strategy="mm", instrument="X.SIM", order_id="o1", event="sent", side="BUY", price=0.1, size=0.3),
        OrderEvent(strategy="mm", instrument="X.SIM", order_id="o1", event="rejected", reason="post-only"),
        FillEvent(
            strategy="mm",
            instrument="X.SIM",
            order_id="o1",
            side="BUY",
            price=0.1 + 0.2,
            size=1e-8,
            fee=-0.0001,
            maker=False,
            mid=None,
            position=-5.0,
        ),
        HaltEvent(strategy="mm", source="journal", active=True, reason="the disk is full"),
        GuardEvent(
            strategy="mm", instrument="X.SIM", guard="fill burst", side="BUY", active=True, reason="3 orders of it"
        ),
        CustodyEvent(venue="BINANCE", event="agreed"),
        MemoryEvent(strategy="mm", instrument="BTCUSDT.SIM", event="began anew", reason="its code has changed"),
        RecordingEvent(catalog="data/recordings", event="dropped", reason="7 events"),
        GapEvent(event="caught up", detail="for 3.1 s the disk was full"),
        Status(
            state="running",
            makers=(busy_maker().status(61 * S),),
            books=(view,),
            balances={"USDT": "10.50"},
            market_events=3,
        ),
        CommandEvent(verb="pause", origin="cli", reply="paused"),
        RunEnded(reason="stopped", open_orders=2),
    ]
