"""A rejection is believed only where it is known to be one."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.events import OrderAccepted, OrderCancelRejected, OrderModifyRejected, OrderRejected
from nautilus_trader.model.identifiers import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    StrategyId,
    TraderId,
    VenueOrderId,
)

from ultramm.custody.settle import NEVER_HAD, SO_IT_SAYS
from ultramm.nautilus.kernel_client import Doubting


class Kernel:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    def _send_order_event(self, event: Any) -> None:
        self.sent.append(event)


class Client(Doubting, Kernel):
    refusals: ClassVar[tuple[str, ...]] = ("EC_",)


class Strict(Doubting, Kernel):
    """Knows no refusal of its venue."""


IDS = {
    "trader_id": TraderId("T-1"),
    "strategy_id": StrategyId("S-1"),
    "instrument_id": InstrumentId.from_str("BTCUSDT-SPOT.BYBIT"),
    "client_order_id": ClientOrderId("umm-1"),
    "account_id": AccountId("BYBIT-1"),
}


def event(kind: type, reason: str = "") -> Any:
    named = IDS if kind is OrderRejected else IDS | {"venue_order_id": VenueOrderId("v")}
    said = {} if kind is OrderAccepted else {"reason": reason}
    return kind(**named, **said, event_id=UUID4(), ts_event=1, ts_init=1)


def doubted(client: Any, what: Any) -> list[str]:
    doubts: list[str] = []
    client.on_doubt = doubts.append
    client._send_order_event(what)
    return doubts


@pytest.mark.parametrize("reason", ["EC_PostOnlyWillTakeLiquidity", NEVER_HAD, SO_IT_SAYS])
def test_the_venues_own_refusal_and_the_desks_word_are_passed_on(reason: str) -> None:
    client = Client()
    assert doubted(client, event(OrderRejected, reason)) == []
    assert len(client.sent) == 1


@pytest.mark.parametrize("kind", [OrderRejected, OrderModifyRejected])
@pytest.mark.parametrize("reason", ["Server Timeout", "connection closed", "not EC_"])
def test_any_other_rejection_is_withheld_and_asked_about(kind: type, reason: str) -> None:
    for client in (Client(), Strict()):
        (doubt,) = doubted(client, event(kind, reason))
        assert "umm-1" in doubt
        assert reason in doubt
        assert client.sent == []


def test_a_cancel_that_failed_leaves_its_order_live_and_is_passed_on() -> None:
    client = Client()
    assert doubted(client, event(OrderCancelRejected, "Server Timeout")) == []
    assert len(client.sent) == 1


def test_other_events_are_passed_on() -> None:
    client = Strict()
    assert doubted(client, event(OrderAccepted)) == []
    assert len(client.sent) == 1


def test_the_kernel_is_not_told_of_orders_that_this_node_did_not_send() -> None:
    client = Client()
    client._send_order_status_report(object())
    client._send_fill_report(object())
    assert client.sent == []
