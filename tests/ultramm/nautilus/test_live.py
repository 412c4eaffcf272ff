"""A node that trades for real: whatever happens, it knows its orders and fills, and leaves nothing at the venue."""

from __future__ import annotations

import re
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from binance_venue import KEY, SECRET, Served
from live_node import LiveNode, quotes_both_sides, quoting, until

from ultramm.custody.own import OwnOrders
from ultramm.journal.records import CustodyEvent, FillEvent, HaltEvent, MemoryEvent, OrderEvent, RunEnded
from ultramm.market import Side
from ultramm_binance_emulator.matching import Tif
from ultramm_binance_emulator.symbols import plain

pytestmark = pytest.mark.integration

BTCUSDT = "BTCUSDT.BINANCE"


def fill_both_sides(node: LiveNode, served: Served, buys: int = 20, sells: int = 7) -> None:
    """Others trade with the node's best quotes: so many lots of its bids, so many of its offers."""
    for side, lots in ((Side.SELL, buys), (Side.BUY, sells)):
        before = served.fills().total()
        until(lambda: quotes_both_sides(served), "quotes on both sides", node)
        served.others_trade(side, -40 if side is Side.SELL else 40, lots)
        assert served.fills().total() > before
        until(lambda: node.booked() == served.fills(), "every fill is booked", node)


def journaled(node: LiveNode) -> Counter[tuple[str, Decimal, Decimal]]:
    fills = [record for record in node.journal("fill") if isinstance(record, FillEvent)]
    return Counter((f.order_id, Decimal(str(f.price)), Decimal(str(f.size))) for f in fills)


def in_numbers(fills: Counter[tuple[str, Decimal, Decimal]]) -> Counter[tuple[str, float, float]]:
    return Counter({(name, float(price), float(size)): n for (name, price, size), n in fills.items()})


def events(node: LiveNode, event: str) -> list[OrderEvent]:
    return [record for record in node.journal("order") if isinstance(record, OrderEvent) and record.event == event]


def halted(node: LiveNode, source: str) -> list[bool]:
    """How a source halted and released."""
    return [h.active for h in node.journal("halt") if isinstance(h, HaltEvent) and h.source == source]


def position(node: LiveNode) -> float:
    status = node.status()
    assert status is not None
    return status.makers[0].score.inventory.last


def reason_of_bid(node: LiveNode) -> str:
    status = node.status()
    return "" if status is None or not status.makers else status.makers[0].bid.reason or ""


def held(orders: OwnOrders) -> Decimal:
    """What our fills left us with, fees in the coin taken off."""
    bought = sum((int(fill.side) * fill.size for fill in orders.fills), Decimal(0))
    return bought - sum((fill.fee for fill in orders.fills if fill.fee_currency == "BTC"), Decimal(0))


def ended_well(node: LiveNode, served: Served) -> None:
    """Nothing of ours is at the venue, and both sides hold the same to the last digit."""
    assert node.process.returncode == 0, node.output
    assert served.open_orders() == []
    assert node.ledger().open == {}
    assert node.booked() == served.fills()
    assert in_numbers(journaled(node)) == in_numbers(served.fills())
    for asset, balance in served.member.balances.items():
        amount = balance.free + balance.locked
        assert f"BINANCE {asset}: {plain(amount)} at the venue, the same by our fills" in node.output
    assert "apart" not in node.output
    assert node.output.strip().endswith("open orders: 0")


# -- in order ------------------------------------------------------------------------------------------------------


def test_it_quotes_trades_and_ends_with_nothing_left_and_accounts_that_agree(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    for _ in range(3):
        fill_both_sides(node, served)
    assert all(order.client_id.startswith("umm-") for order in served.orders())
    node.stop()
    ended_well(node, served)
    assert served.fills().total() >= 6
    for event in ("sent", "accepted", "cancelled"):
        assert max(Counter(record.order_id for record in events(node, event)).values()) == 1, event
    assert {record.order_id for record in events(node, "sent")} == {order.client_id for order in served.orders()}
    told = [record.event for record in node.journal("custody") if isinstance(record, CustodyEvent)]
    assert told[0] == "took over"
    assert "doubt" not in told


def test_orders_are_in_the_ledger_before_the_venue_has_them(node: LiveNode, served: Served) -> None:
    """It is killed at once when its first order arrives."""
    known: list[set[str]] = []
    place = served.venue.place

    def watch(*args: Any, **more: Any) -> Any:
        order = place(*args, **more)
        known.append({order.client_id} - set(node.ledger().open))
        return order

    served.do(lambda: setattr(served.venue, "place", watch))
    quoting(node, served)
    node.stop()
    assert known
    assert set().union(*known) == set()


# -- killed --------------------------------------------------------------------------------------------------------


def test_killed_and_started_again_it_goes_on_with_inventory_profit_and_fills(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    fill_both_sides(node, served)
    until(lambda: in_numbers(journaled(node)) == in_numbers(served.fills()), "the journal has the fills", node)
    before = node.status()
    assert before is not None
    until(lambda: quotes_both_sides(served), "quotes on both sides", node)
    node.kill()
    left = {order.client_id for order in served.open_orders()}
    assert left
    # While it is dead the venue goes on: its orders trade.
    served.others_trade(Side.SELL, -40, 3)
    booked_late = served.fills() - node.booked()
    assert booked_late.total() >= 1

    quoting(node, served)
    assert not left & {order.client_id for order in served.open_orders()}, "leftovers are cancelled"
    assert node.booked() == served.fills()
    until(lambda: node.status() is not None and position(node) == pytest.approx(float(held(node.ledger()))), "it", node)
    until(lambda: node.status().makers[0].score.fills == served.fills().total(), "all fills are counted", node)  # type: ignore[union-attr]
    fill_both_sides(node, served)
    node.stop()
    ended_well(node, served)
    last = [record for record in node.journal("fill") if isinstance(record, FillEvent)][-1]
    assert last.position == pytest.approx(float(held(node.ledger())))
    (line,) = [line for line in node.output.splitlines() if line.startswith("mm-btc")]
    profit = float(re.search(r"P&L ([+-][\d.e-]+)", line)[1])  # type: ignore[index]
    cash = sum(
        -int(f.side) * f.price * f.size - (f.fee if f.fee_currency == "USDT" else 0) for f in node.ledger().fills
    )
    assert profit == pytest.approx(float(cash + held(node.ledger()) * 50_000), abs=1e-3)


def test_killed_its_strategy_goes_on_with_what_it_knew_and_hears_of_the_fill_that_it_missed(
    node: LiveNode, served: Served
) -> None:
    settings = ("strategies.0.params.ping_pong=true", "state.checkpoint_s=0.2")
    quoting(node, served, *settings)
    kept = node.folder / "data" / "binance-emulator.checkpoint"
    until(kept.exists, "it is kept", node)
    node.kill()
    # It has bought while it was dead, so it is the offers' turn.
    served.others_trade(Side.SELL, -40, 1)
    assert served.fills().total() == 1
    node.start(*settings)
    until(lambda: "ping-pong" in reason_of_bid(node), "its bids rest", node)
    assert [(r.event, r.reason) for r in node.journal("memory") if isinstance(r, MemoryEvent)] == [("recalled", "")]
    node.stop()
    ended_well(node, served)


def test_killed_again_and_again_it_books_everything_once(node: LiveNode, served: Served) -> None:
    for _ in range(3):
        quoting(node, served)
        fill_both_sides(node, served, buys=5, sells=5)
        node.kill()
        served.others_trade(Side.BUY, 40, 2)
    quoting(node, served)
    node.stop()
    ended_well(node, served)


def test_orders_of_others_on_the_account_are_left_alone(node: LiveNode, served: Served) -> None:
    served.place("web-1", price="45000")
    served.place("umm-00000000-x-1", price="45000")  # of another node
    quoting(node, served)
    node.kill()
    quoting(node, served)
    node.stop()
    assert {order.client_id for order in served.open_orders()} == {"web-1", "umm-00000000-x-1"}
    assert node.process.returncode == 0, node.output


def test_money_that_was_moved_while_it_was_down_is_told_and_agreed_on(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    fill_both_sides(node, served)
    node.stop()
    served.do(lambda: served.member.receive("USDT", Decimal("123.45")))
    quoting(node, served)
    node.stop()
    ended_well(node, served)
    told = [r.detail for r in node.journal("custody") if isinstance(r, CustodyEvent) and r.event == "took over"]
    assert "123.45" not in told[0]
    assert "'USDT': '+123.45" in told[1]


# -- deaf, and unanswered ------------------------------------------------------------------------------------------


def test_while_nothing_tells_of_its_orders_it_quotes_nothing(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    served.fault("refuse", "/ws-api", seconds=600)
    served.fault("cut", "/ws-api")
    until(lambda: True in halted(node, "custody"), "it halts", node)
    until(lambda: not served.open_orders(), "its quotes are gone", node)
    sent = len(served.orders())
    time.sleep(3)
    assert halted(node, "custody") == [True], "it does not quote between two looks"
    assert len(served.orders()) == sent
    served.clear()
    until(lambda: quotes_both_sides(served), "quotes again", node)
    fill_both_sides(node, served)
    node.stop()
    ended_well(node, served)


@pytest.mark.parametrize("kind", ["swallow_before", "swallow_after"])
def test_requests_without_an_answer_are_asked_about(node: LiveNode, served: Served, kind: str) -> None:
    quoting(node, served)
    for where in ("POST /api/v3/order", "DELETE /api/v3/order"):
        before = served.met()
        served.fault(kind, where, count=2)
        until(lambda: quotes_both_sides(served), "quotes", node)
        # What is filled is quoted anew, beside what is left.
        for _ in range(60):
            if served.met() > before:
                break
            fill_both_sides(node, served, buys=3, sells=3)
        assert served.met() > before
        served.clear()
    until(lambda: halted(node, "custody")[-2:] == [True, False], "it agreed", node)
    until(lambda: quotes_both_sides(served), "quotes again", node)
    fill_both_sides(node, served)
    node.stop()
    ended_well(node, served)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_messages_that_were_lost_cost_no_fill(node: LiveNode, served: Served, lost: int) -> None:
    quoting(node, served)
    served.fault("drop", "user", count=lost)
    served.others_trade(Side.SELL, -40, 4)
    until(lambda: node.booked() == served.fills(), "every fill is booked", node, timeout_s=90)
    until(lambda: set(node.ledger().open) == {o.client_id for o in served.open_orders()}, "the same orders", node)
    node.stop()
    ended_well(node, served)


def test_an_order_under_its_name_that_it_never_sent_is_cancelled(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    prefix = "-".join(served.orders()[0].client_id.split("-")[:2])
    served.place(f"{prefix}-rogue-1", price="45000")
    until(lambda: f"{prefix}-rogue-1" not in {o.client_id for o in served.open_orders()}, "it is cancelled", node)

    def doubts() -> list[str]:
        return [r.detail for r in node.journal("custody") if isinstance(r, CustodyEvent) and r.event == "doubt"]

    until(lambda: any("rogue-1" in detail for detail in doubts()), "it is told of", node)
    until(lambda: quotes_both_sides(served), "quotes again", node)
    node.stop()
    assert node.process.returncode == 0, node.output
    assert served.open_orders() == []


def test_an_order_that_the_venue_ended_without_a_word_is_asked_about(node: LiveNode, served: Served) -> None:
    """It met an order of the same member: the kernel does not understand what the venue says of that."""
    quoting(node, served)
    best = max((o for o in served.open_orders() if o.side is Side.BUY), key=lambda order: order.price)
    served.place("by-hand", side="SELL", price=f"{best.price:f}", quantity="0.001", timeInForce="IOC")
    assert best.status == "EXPIRED_IN_MATCH"
    until(lambda: best.client_id not in node.ledger().open, "it is known to be gone", node)
    until(lambda: set(node.ledger().open) == {o.client_id for o in served.open_orders()}, "the same orders", node)
    until(lambda: quotes_both_sides(served), "quotes again", node)
    assert node.stop() == 0, node.output
    assert served.open_orders() == []


# -- commands ------------------------------------------------------------------------------------------------------


def test_commands_from_another_terminal(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    fill_both_sides(node, served)
    assert "quotes are pulled" in node.ultramm("node", "pause").stdout
    until(lambda: not served.open_orders(), "nothing is open after pause", node)
    assert "resumed" in node.ultramm("node", "resume").stdout
    until(lambda: quotes_both_sides(served), "quotes after resume", node)

    assert "flattening" in node.ultramm("node", "flatten").stdout
    until(lambda: abs(held(node.ledger())) < Decimal("0.0005"), "nothing is held after flatten", node)
    until(lambda: not served.open_orders(), "nothing is open after flatten", node)
    assert "resumed" in node.ultramm("node", "resume").stdout
    until(lambda: quotes_both_sides(served), "quotes after flatten and resume", node)
    fill_both_sides(node, served)
    assert "stopping" in node.ultramm("node", "stop").stdout
    node.wait()
    ended_well(node, served)
    assert "stopped: stop by operator" in node.output


def test_what_was_flattened_and_resumed_is_not_flattened_again(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    node.ultramm("node", "flatten")
    node.ultramm("node", "resume")
    until(lambda: quotes_both_sides(served), "quotes", node)
    fill_both_sides(node, served, buys=9, sells=1)
    # The market falls silent and the quotes are pulled: an inventory and no order.
    served.do(served.server._tasks[0].cancel)
    until(lambda: not served.open_orders(), "nothing is open", node)
    time.sleep(1.5)
    assert held(node.ledger()) > 0
    assert {order.type for order in served.orders()} == {"LIMIT_MAKER"}
    node.stop()
    ended_well(node, served)


def test_a_doubt_does_not_take_back_what_the_operator_asked_for(node: LiveNode, served: Served) -> None:
    """The order of a flatten has no answer: it is asked about, and the rest is sold."""
    quoting(node, served)
    fill_both_sides(node, served, buys=18, sells=1)
    assert held(node.ledger()) > Decimal("0.005")
    node.ultramm("node", "pause")
    until(lambda: not served.open_orders(), "nothing is open", node)
    served.fault("swallow_before", "POST /api/v3/order", count=1)
    node.ultramm("node", "flatten")
    until(lambda: abs(held(node.ledger())) < Decimal("0.0005"), "nothing is held", node)
    assert [o.side.name for o in served.orders() if o.tif is Tif.IOC] == ["SELL"]
    node.stop()
    ended_well(node, served)


def test_an_order_is_as_old_as_it_is_however_long_the_market_was_silent(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    fill_both_sides(node, served, buys=18, sells=1)
    node.ultramm("node", "pause")
    served.do(served.server._tasks[0].cancel)
    time.sleep(6)
    began_ns = time.time_ns()
    node.ultramm("node", "flatten")
    until(lambda: abs(held(node.ledger())) < Decimal("0.0005"), "nothing is held", node)
    last = max(node.ledger()._ended.values(), key=lambda order: order.sent.ts_ns)
    assert last.sent.ts_ns > began_ns
    node.stop()
    ended_well(node, served)


# -- that does not come up -----------------------------------------------------------------------------------------


def test_a_venue_that_is_dead_at_the_start_is_told_in_one_line(node: LiveNode, served: Served) -> None:
    served.stop()
    served.stop = lambda: None  # type: ignore[method-assign]
    node.start()
    assert node.wait(120) == 1, node.output
    (line,) = [line for line in node.output.splitlines() if line.startswith("ultramm: ")]
    assert "BINANCE does not say how our orders stand" in line
    assert "Traceback" not in node.output


def test_a_venue_that_tells_nothing_of_orders_is_not_traded_at_and_what_was_left_is_cancelled(
    node: LiveNode, served: Served
) -> None:
    quoting(node, served)
    node.kill()
    assert served.open_orders()
    served.fault("refuse", "/ws-api", seconds=3600)
    sent = len(served.orders())
    node.start()
    assert node.wait(120) == 1, node.output
    assert "the node did not start" in node.output
    assert "Traceback" not in node.output
    assert served.open_orders() == []
    assert len(served.orders()) == sent


def test_an_instrument_that_left_the_configuration_with_orders_open_is_not_forgotten(
    node: LiveNode, served: Served
) -> None:
    quoting(node, served)
    node.kill()
    node.start("venues.BINANCE.instruments=[ETHUSDT]", "strategies.0.instruments=[ETHUSDT.BINANCE]")
    assert node.wait() == 2, node.output
    assert f"venues: orders of an earlier run on {BTCUSDT} may still be open" in node.output
    quoting(node, served)
    node.stop()
    ended_well(node, served)


def test_a_key_that_the_venue_does_not_know_is_told(node: LiveNode, served: Served) -> None:
    served.do(lambda: served.venue.accounts.pop(KEY))
    node.start()
    assert node.wait(120) == 1, node.output
    assert "Invalid API-key" in node.output


def test_a_key_that_is_refused_is_not_tried_again_and_again(node: LiveNode, served: Served) -> None:
    served.fault("reject", "GET /api/v3/openOrders", code=-2015)
    node.start()
    assert node.wait(120) == 1, node.output
    assert "does not say how our orders stand" in node.output
    assert served.met() == 1


def test_ended_while_it_asks_how_orders_stand_it_says_that_they_may_be_open(node: LiveNode, served: Served) -> None:
    served.fault("server_error", "GET ")
    node.start()
    until(lambda: served.met() > 3, "it asks", node)
    assert node.stop() == 1, node.output
    assert "SIGTERM while it asked its venues: what an earlier run left may still be open" in node.output
    (ended,) = [record for record in node.journal("run-ended") if isinstance(record, RunEnded)]
    assert ended.reason == "failed"
    served.clear()
    quoting(node, served)
    node.stop()
    ended_well(node, served)


# -- nothing private is ever written -------------------------------------------------------------------------------


def test_neither_key_nor_secret_nor_anything_signed_is_in_anything_it_writes(node: LiveNode, served: Served) -> None:
    level = "logging.level=DEBUG"  # all that is written at any other, and more
    quoting(node, served, level)
    order, private = "/api/v3/order", (KEY, SECRET, "signature=")
    for kind, where, more in [
        ("swallow_before", f"POST {order}", {"count": 1}),
        ("swallow_after", f"DELETE {order}", {"count": 1}),
        ("server_error", f"POST {order}", {"count": 2}),
        ("reject", f"POST {order}", {"count": 1, "code": -1013}),
        ("reject", f"DELETE {order}", {"count": 1, "code": -2011}),
        ("server_error", "GET ", {"count": 3}),
        ("skew", "", {"seconds": 30}),
        ("cut", "", {}),
    ]:
        served.fault(kind, where, **more)
        for _ in range(3):
            served.others_trade(Side.SELL, -40, 2)
            served.others_trade(Side.BUY, 40, 2)
            time.sleep(0.4)
        served.clear()
        until(lambda: quotes_both_sides(served), f"quotes after {kind}", node)
        shown = node.page()
        assert "mm-btc" in shown
        assert not [word for word in private if word in shown]
    served.fault("refuse", "", seconds=3)
    served.fault("cut", "")
    time.sleep(4)
    served.clear()
    until(lambda: quotes_both_sides(served), "quotes after refused connections", node)
    node.kill()
    quoting(node, served, level)
    node.stop()
    ended_well(node, served)
    node.ultramm("config", "show", str(Path(__file__).parents[3] / "config" / "binance-emulator.yaml"))
    files = dict(node.everything())
    assert {".log", ".db", ".orders", ".txt"} <= {path.suffix for path in files}
    assert sum(len(content) for path, content in files.items() if path.suffix == ".log") > 1_000
    for path, content in files.items():
        for word in private:
            assert word.encode() not in content, f"{word} is in {path.name}"


def test_one_that_lost_too_much_is_flat_and_stays_stopped_until_it_is_armed(node: LiveNode, served: Served) -> None:
    quoting(node, served, "risk.max_daily_loss=0.05 USDT")
    served.others_trade(Side.SELL, -40, 30)
    until(lambda: halted(node, "stops") == [True], "it has stopped", node)
    until(lambda: abs(held(node.ledger())) < Decimal("0.0005"), "nothing is held", node)
    until(lambda: not served.open_orders(), "nothing is open", node)
    node.kill()
    # Whoever starts it anew, with any limit, finds it stopped.
    node.start("risk.max_daily_loss=100000 USDT")
    until(lambda: halted(node, "stops") == [True, True], "it is stopped still", node)
    assert "resumed" in node.ultramm("node", "resume").stdout
    time.sleep(1.5)
    assert served.open_orders() == []
    assert "is allowed" in reason_of_bid(node)
    assert "armed again: mm" in node.ultramm("node", "rearm").stdout
    until(lambda: quotes_both_sides(served), "quotes", node)
    assert "nothing has stopped" in node.ultramm("node", "rearm").stdout
    assert halted(node, "stops") == [True, True, False]
    node.stop()
    ended_well(node, served)


# -- refused -------------------------------------------------------------------------------------------------------


def test_a_venue_that_refuses_everything_stops_it_and_its_position_is_closed_once_orders_are_taken_again(
    node: LiveNode, served: Served
) -> None:
    quoting(node, served, "risk.max_rejects_in_row=5")
    fill_both_sides(node, served)
    assert held(node.ledger()) != 0
    served.fault("reject", "POST /api/v3/order", code=-2010)

    def stopped() -> bool:
        # What is filled is quoted anew, and refused; what is filled in part stays.
        served.others_trade(Side.SELL, -40, 5)
        return True in halted(node, "stops")

    until(stopped, "it stops", node)
    until(lambda: not served.open_orders(), "its quotes are gone", node)
    refused = [record for record in events(node, "rejected") if record.reason]
    assert len(refused) >= 5
    status = node.status()
    assert status is not None
    assert "orders refused in a row, 5 are allowed" in next(
        h.reason for h in node.journal("halt") if isinstance(h, HaltEvent) and h.source == "stops"
    )
    left = held(node.ledger())
    assert left != 0, "nothing could be closed"
    served.clear()
    until(lambda: abs(held(node.ledger())) < Decimal("0.001"), "the position is closed", node)
    assert halted(node, "stops") == [True], "and it stays stopped"
    node.stop()
    ended_well(node, served)
