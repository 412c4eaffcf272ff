"""Quoted at one venue and hedged at another, over real sockets: what is filled is offset, also where one fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ultramm_binance_emulator")
from binance_venue import KEY, SECRET, still
from live_node import LiveNode, live_node, until

from ultramm.market import Side
from ultramm.simulation.events import MarketEvent, MarketTrade
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.faults import Fault
from ultramm_binance_emulator.threaded import ThreadedServer

pytestmark = pytest.mark.integration

# What differing mids leave of a lot of the hedge, and fees in coin of one here.
LEFT = Decimal("0.0015")


class Venues(ThreadedServer):
    """Spot, where it is quoted, and futures, where it is hedged, of one member."""

    def __init__(self) -> None:
        self.member = Account.funded(KEY, SECRET, {"USDT": Decimal(1_000_000), "BTC": Decimal(20)}, Decimal(1_000_000))
        super().__init__([self.member], {"BTCUSDT": still()}, {"BTCUSDT": still()})
        self.began = self.coin
        self.seen: list[Decimal] = []

    @property
    def coin(self) -> Decimal:
        balance = self.member.balance("BTC")
        return balance.free + balance.locked

    @property
    def spot(self) -> Decimal:
        """Position at spot; fees that were taken in the coin are gone from it."""
        return self.do(lambda: self.coin) - self.began

    @property
    def hedge(self) -> Decimal:
        places = self.member.wallet.positions.values()
        return self.do(lambda: sum((each.quantity for each in places), Decimal(0)))

    def open_size(self) -> Decimal:
        """What is not offset, kept for later."""
        found = abs(self.spot + self.hedge)
        self.seen.append(found)
        return found

    def hits(self, side: Side, lots: int) -> None:
        """Somebody sells, or buys, through what rests at spot."""
        trade = MarketTrade(side, int(side) * 400, lots)
        self.do(lambda: self.venue.on_market("BTCUSDT", MarketEvent(0.0, (), (trade,))))

    def ours(self) -> set[str]:
        """Sides on which we rest at spot."""
        return {order.side.name for order in self.do(lambda: self.venue.open_orders(self.member, {}))}


@pytest.fixture
def venues() -> Iterator[Venues]:
    with Venues() as served:
        yield served


@pytest.fixture
def node(tmp_path: Path, venues: Venues) -> Iterator[LiveNode]:
    keys = {"base_url": "${EMULATOR_URL}", "api_key": "${EMULATOR_KEY}", "api_secret": "${EMULATOR_SECRET}"}
    common = {"stale_after_s": 3600, "refresh_ms": 50}
    text: dict[str, Any] = {
        "mode": "live",
        "name": "across",
        "venues": {
            "SPOT": {"adapter": "binance", "instruments": ["BTCUSDT"], "params": {**keys, "product": "spot"}},
            "USDM": {"adapter": "binance", "instruments": ["BTCUSDT-PERP"], "params": {**keys, "product": "usdm"}},
        },
        "strategies": [
            {
                "use": "cross-exchange-maker",
                "name": "across",
                "instruments": ["BTCUSDT.SPOT"],
                "params": {
                    **common,
                    "other": "BTCUSDT-PERP.USDM",
                    "order_size": 0.005,
                    "max_position": 0.05,
                    "edge_bps": -10,  # so that somebody who pays two tenths of a per cent too much meets it
                    "cushion": 0,
                    "depth_share": 1,
                    "join": False,
                },
            },
            {
                "use": "hedger",
                "name": "hedge",
                "instruments": ["BTCUSDT-PERP.USDM"],
                "params": {
                    **common,
                    "makers": ["across"],
                    "band": 0,
                    "patience_s": 0,
                    "max_position": 0.1,
                    "retry_s": 0.1,
                    "max_pause_s": 1,
                    "max_tries": 3,
                },
            },
        ],
        "risk": {"price_collar_bps": 1000, "max_rejects_in_row": 1_000_000},
        "logging": {"level": "WARNING"},
    }
    path = tmp_path / "across.yaml"
    path.write_text(json.dumps(text))
    with live_node(tmp_path, venues.url, path) as running:
        running.start()
        until(lambda: venues.ours() == {"BUY", "SELL"}, "quotes at spot", running)
        yield running


def test_what_is_filled_is_offset_at_the_other_venue(venues: Venues, node: LiveNode) -> None:
    for number in range(4):
        before = venues.spot
        until(lambda: venues.ours() == {"BUY", "SELL"}, "quotes at spot", node)
        venues.hits(Side.SELL if number < 3 else Side.BUY, 5)
        until(lambda before=before: venues.spot != before, "a fill", node)
        until(lambda: venues.open_size() <= LEFT, "its hedge", node)
    assert venues.hedge != 0
    # Never more than one order, and what of it was on its way.
    assert max(venues.seen) <= Decimal("0.005") + LEFT
    assert node.stop() == 0


def test_where_the_hedges_venue_refuses_the_position_is_bounded_and_closed_and_quotes_come_back_with_it(
    venues: Venues, node: LiveNode
) -> None:
    venues.set_fault(Fault(kind="reject", where="POST /fapi/v1/order", code=-1001))
    venues.hits(Side.SELL, 5)
    until(lambda: venues.spot > LEFT, "a fill that cannot be hedged", node)
    until(lambda: venues.open_size() <= LEFT and not venues.ours(), "the position closed and nothing quoted", node)
    assert venues.hedge == 0
    assert max(venues.seen) <= Decimal("0.005") + LEFT
    halts = [record for record in node.journal("halt") if record.active and record.strategy == "across"]
    assert any("hedge cannot hedge" in record.reason for record in halts)

    venues.do(venues.server.faults.clear)
    until(lambda: venues.ours() == {"BUY", "SELL"}, "quotes again", node)
    venues.hits(Side.SELL, 5)
    until(lambda: venues.hedge != 0, "a hedge again", node)
    until(lambda: venues.open_size() <= LEFT, "all of it", node)
    assert node.stop() == 0
