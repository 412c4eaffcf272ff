"""A node on paper at a market that the venue sends: no key, no order there, and fills by the rules of the backtest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from binance_venue import KEY, SECRET, Served
from live_node import LiveNode, live_node, until

from ultramm.journal.records import FillEvent, OrderEvent
from ultramm.market import Side

pytestmark = pytest.mark.integration

CONFIG = Path(__file__).resolve().parents[3] / "config" / "binance-paper.yaml"
STRATEGY = (
    "strategies.0.use=market-maker",
    "strategies.0.params={half_spread_bps: 2, order_size: 0.01, max_position: 0.1, cover_fees: false}",
    "venues.BINANCE.paper.latency_ms=0",
)


@pytest.fixture
def node(served: Served, tmp_path: Path) -> Iterator[LiveNode]:
    with live_node(tmp_path, served.url, CONFIG) as made:
        yield made


def start(node: LiveNode, served: Served, *settings: str) -> None:
    node.start(f"venues.BINANCE.params.base_url={served.url}", *STRATEGY, *settings, live=False)


def quotes(node: LiveNode) -> bool:
    status = node.status()
    return status is not None and all(bool(maker.bid.orders and maker.ask.orders) for maker in status.makers)


def fills(node: LiveNode) -> list[FillEvent]:
    return [record for record in node.journal("fill") if isinstance(record, FillEvent)]


def ended(node: LiveNode, served: Served) -> None:
    assert node.stop() == 0, node.output
    assert node.output.strip().endswith("open orders: 0")
    assert served.orders() == []


def test_it_quotes_without_a_key_and_is_filled_by_the_venues_trades_at_the_fees_that_are_written(
    node: LiveNode, served: Served
) -> None:
    start(node, served)
    until(lambda: quotes(node), "it quotes", node)
    # The emulator's trade goes through 49,990, where the node would buy.
    served.others_trade(Side.SELL, -40, 60)
    until(lambda: len(fills(node)) > 0, "it is filled", node)
    first = fills(node)[0]
    assert (first.side, first.maker) == ("BUY", True)
    assert first.price == pytest.approx(49_990, abs=1)
    assert first.fee == pytest.approx(10e-4 * first.price * first.size)
    until(lambda: node.status().makers[0].score.inventory.last > 0, "it holds that", node)  # type: ignore[union-attr]
    ended(node, served)
    assert not list(node.folder.rglob("*.orders")), "a ledger is for real orders"
    files = dict(node.everything())
    assert not [path for path, content in files.items() if KEY.encode() in content or SECRET.encode() in content]


def test_its_strategy_knows_the_fees_that_are_written_and_not_the_venues(node: LiveNode, served: Served) -> None:
    start(node, served, "strategies.0.params.cover_fees=true")
    until(lambda: quotes(node), "it quotes", node)
    status = node.status()
    assert status is not None
    (maker,) = status.makers
    # Ten basis points for the fee, around 50,000.
    assert maker.bid.orders[0].price <= 49_951
    assert maker.ask.orders[0].price >= 50_049
    ended(node, served)


def test_a_market_that_is_lost_pulls_the_quotes_until_it_is_back(node: LiveNode, served: Served) -> None:
    start(node, served, "strategies.0.params.stale_after_s=1")
    until(lambda: quotes(node), "it quotes", node)
    served.fault("refuse", "")
    served.fault("cut", "")
    until(lambda: not quotes(node), "it pulls them", node)
    until(lambda: "no market data" in (node.status().makers[0].bid.reason or ""), "it says why", node)  # type: ignore[union-attr]
    served.clear()
    until(lambda: quotes(node), "it quotes again", node)
    ended(node, served)


def test_a_symbol_that_the_venue_does_not_trade_ends_it_before_it_trades(node: LiveNode, served: Served) -> None:
    start(node, served, "venues.BINANCE.instruments=[ETHUSDT]", "strategies.0.instruments=[ETHUSDT.BINANCE]")
    assert node.wait() == 1, node.output
    assert "ETHUSDT" in node.output
    assert [record for record in node.journal("order") if isinstance(record, OrderEvent)] == []


def test_its_market_is_recorded_without_a_key(node: LiveNode, served: Served) -> None:
    url = f"venues.BINANCE.params.base_url={served.url}"
    command = ("data", "record", str(CONFIG), "--catalog", "recorded", "--duration", "3s", "--json", "--set", url)
    done = node.ultramm(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = msgspec.json.decode(done.stdout)["recorded"]["rows"]
    # The emulator's market changes a level five times a second.
    assert rows["deltas"] > 10
    assert served.orders() == []


def test_a_recording_that_is_ended_while_it_asks_its_venues_says_so(node: LiveNode, served: Served) -> None:
    served.fault("delay", "GET ", seconds=5)
    url = f"venues.BINANCE.params.base_url={served.url}"
    node.begin("data", "record", str(CONFIG), "--catalog", "recorded", "--set", url)
    until(lambda: served.met() > 0, "it asks", node)
    assert node.stop() == 1, node.output
    assert "SIGTERM while it asked its venues: nothing was recorded" in node.output
