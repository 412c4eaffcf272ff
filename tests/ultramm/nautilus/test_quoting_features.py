"""What the market maker can do beyond a plain spread, by the kernel on hand-made markets."""

from __future__ import annotations

from typing import Any

import pytest

from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.errors import ConfigError
from ultramm.journal.records import OrderEvent, Record
from ultramm.nautilus.backtest import Collector, run_backtest

pytestmark = pytest.mark.integration

PARAMS = "strategies.0.params."


class Orders(Collector):
    """Remembers each order that was sent, and those that were refused."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, float, float]] = []
        self.refused: list[str] = []

    def __call__(self, ts_ns: int, record: Record) -> None:
        super().__call__(ts_ns, record)
        if isinstance(record, OrderEvent) and record.event == "sent":
            self.sent.append((record.side, record.price, record.size))
        if isinstance(record, OrderEvent) and record.event in ("rejected", "denied"):
            self.refused.append(record.reason)

    def made(self) -> list[tuple[str, float, float, bool]]:
        return [(fill.side, fill.price, fill.size, fill.maker) for _, fill in self.fills]


def run(resolved: Any) -> Orders:
    orders = Orders()
    run_backtest(resolved, collector=orders)
    assert orders.refused == []
    return orders


# -- placement among others ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("placement", "depth", "expected"),
    [
        ("spread", 0, [("BUY", 9999.0), ("SELL", 10001.0)]),
        ("join", 0, [("BUY", 9995.0), ("SELL", 10005.0)]),
        ("improve", 0, [("BUY", 9996.0), ("SELL", 10004.0)]),
        ("join", 20, [("BUY", 9990.0), ("SELL", 10010.0)]),
        ("improve", 20, [("BUY", 9991.0), ("SELL", 10009.0)]),
    ],
)
def test_the_first_order_is_placed_among_those_of_others(
    placement: str, depth: float, expected: list[Any], tape: Any, on_tape: Any
) -> None:
    tape.book(0, ("bid", 9995, 20), ("bid", 9990, 100), ("ask", 10005, 20), ("ask", 10010, 100))
    tape.book(50, ("bid", 9990, 101))  # our own orders are not in this book: nothing moves
    tape.book(90, ("bid", 9990, 102))
    orders = run(on_tape(tape, f"{PARAMS}placement={placement}", f"{PARAMS}placement_depth={depth}"))
    assert [(side, price) for side, price, _ in orders.sent] == expected


def test_the_place_follows_when_others_leave(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9995, 20), ("bid", 9990, 100), ("ask", 10005, 20), ("ask", 10010, 100))
    tape.book(100, ("bid", 9995, 0), ("ask", 10005, 0))
    tape.book(200, ("bid", 9990, 90))
    orders = run(on_tape(tape, f"{PARAMS}placement=improve"))
    assert [(side, price) for side, price, _ in orders.sent] == [
        ("BUY", 9996.0),
        ("SELL", 10004.0),
        ("BUY", 9991.0),
        ("SELL", 10009.0),
    ]


# -- hanging orders ------------------------------------------------------------------------------------------


def test_the_partner_of_a_fill_keeps_its_place_while_the_market_moves_away(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9998, 10), ("ask", 10002, 10))
    tape.trade(100, 9998, 100, "sell")  # through our bid at 9999
    tape.book(200, ("bid", 9998, 0), ("ask", 10002, 0), ("bid", 9988, 10), ("ask", 9992, 10))
    tape.book(300, ("bid", 9988, 0), ("ask", 9992, 0), ("bid", 9998, 10), ("ask", 10002, 10))
    tape.trade(400, 10002, 100, "buy")
    tape.book(500, ("bid", 9998, 11))
    plain, hung = run(on_tape(tape)), run(on_tape(tape, f"{PARAMS}hanging_orders=true"))
    assert [made for made in hung.made() if made[0] == "SELL"] == [("SELL", 10001.0, 50.0, True)]
    # The first ask at 10,001 is filled where it has been all along, and only then sent again.
    assert [price for side, price, _ in hung.sent if side == "SELL"] == [10001.0, 10001.0]
    # Without, it was cancelled and sent anew in between.
    assert [price for side, price, _ in plain.sent if side == "SELL"].count(10001.0) == 3


# -- a reference ---------------------------------------------------------------------------------------------


def apart(tape: Any, reference: Any, reference_mid: float) -> None:
    """Our market stands at 10,000, five wide; the reference elsewhere."""
    for ms in range(0, 500, 100):
        tape.book(ms, ("bid", 9995, 20 + ms), ("ask", 10005, 30 + ms))
        reference.book(ms + 1, ("bid", reference_mid - 1, 5 + ms), ("ask", reference_mid + 1, 5 + ms))


REFERENCE = ("venues.X.instruments=[BTCUSD, REFUSD]", f"{PARAMS}fair_value=reference", f"{PARAMS}reference=REFUSD.X")


def test_quotes_are_placed_around_the_reference(tape: Any, reference: Any, on_tape: Any) -> None:
    apart(tape, reference, 10_002)
    orders = run(on_tape(tape, *REFERENCE, reference=reference))
    assert orders.sent == [("BUY", 10000.0, 50.0), ("SELL", 10004.0, 50.0)]


def test_a_reference_beyond_the_market_is_not_taken_by_default(tape: Any, reference: Any, on_tape: Any) -> None:
    apart(tape, reference, 10_020)
    orders = run(on_tape(tape, *REFERENCE, reference=reference))
    assert orders.sent == [("BUY", 10004.0, 50.0), ("SELL", 10022.0, 50.0)]
    assert orders.made() == []


def test_and_is_taken_where_that_is_wanted(tape: Any, reference: Any, on_tape: Any) -> None:
    apart(tape, reference, 10_020)
    orders = run(on_tape(tape, *REFERENCE, f"{PARAMS}take_if_crossed=true", reference=reference))
    assert ("BUY", 10005.0, 30.0, False) in orders.made()
    assert all(not maker for side, _, _, maker in orders.made() if side == "BUY")


def test_a_silent_reference_pulls_the_quotes(tape: Any, reference: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9995, 20), ("ask", 10005, 30))
    reference.book(1, ("bid", 9999, 5), ("ask", 10001, 5))
    tape.book(10, ("bid", 9995, 21))
    tape.book(1_500, ("bid", 9995, 22))
    tape.trade(1_600, 9995, 500, "sell")
    tape.book(1_700, ("bid", 9995, 23))
    kept = run(on_tape(tape, *REFERENCE, reference=reference))
    assert len(kept.made()) == 1
    assert run(on_tape(tape, *REFERENCE, f"{PARAMS}stale_after_s=1", reference=reference)).made() == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            ["fair_value=reference", "reference=ETHUSDT.SIM"],
            "unknown instrument ETHUSDT.SIM; did you mean BTCUSDT.SIM?",
        ),
        (["fair_value=reference", "reference=BTCUSDT.SIM"], "BTCUSDT.SIM is what is quoted; name another"),
    ],
)
def test_a_reference_must_be_another_instrument_of_the_venues(settings: list[str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as refused:
        resolve(read(None, [f"{PARAMS}{setting}" for setting in settings]))
    assert "strategies[0].params.reference" in str(refused.value)


# -- a margin account ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("leverage", "bids"), [(1, 1), (2, 2), (20, 3)])
def test_a_margin_account_is_never_asked_for_more_than_its_leverage(
    leverage: float, bids: int, tape: Any, on_tape: Any
) -> None:
    tape.book(0, ("bid", 9990, 20), ("ask", 10010, 30))
    tape.book(50, ("bid", 9990, 21))
    paper = f"account: margin, leverage: {leverage:g}, starting_balances: [600000 USD]"
    orders = run(on_tape(tape, f"venues.X.paper={{{paper}}}", f"{PARAMS}levels=3"))
    assert len([1 for side, _, _ in orders.sent if side == "BUY"]) == bids
