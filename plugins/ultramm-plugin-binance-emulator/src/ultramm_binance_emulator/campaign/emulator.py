"""The venue of a campaign: a market that lives, and its own books to look into."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from ultramm.simulation.events import MarketEvent
from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.faults import Fault
from ultramm_binance_emulator.threaded import ThreadedServer
from ultramm_binance_emulator.venue import Order

KEY, SECRET = "campaign-key-4c1f", "campaign-secret-93be"
_FUNDS = {"USDT": Decimal(100_000), "BTC": Decimal(2)}


def paced(events: Iterator[MarketEvent], pace: float) -> Iterator[MarketEvent]:
    """The same market, `pace` times as fast."""
    for event in events:
        yield msgspec.structs.replace(event, time_s=event.time_s / pace)


class Emulator(ThreadedServer):
    """One member on one symbol.

    Parameters
    ----------
    seed : int
        Of the market.
    pace : float
        Seconds of the market in a second.
    product : str
        What is traded.
    """

    def __init__(self, seed: int, pace: float, product: str = "spot") -> None:
        self.member = Account.funded(KEY, SECRET, _FUNDS)
        market = SyntheticMarket(PRESETS["wide"], seed)
        super().__init__([self.member], {"BTCUSDT": paced(market.events(), pace)})

    def fault(self, fault: Fault) -> None:
        """Set a fault, and do what it does at once."""
        self.do(lambda: self.server.set_fault(fault))

    def orders(self) -> list[Order]:
        """All orders there were; to be called by `do`."""
        return list(self.venue._orders.values())

    def fills(self) -> list[tuple[str, Decimal, Decimal]]:
        """Client's id, price and quantity of each trade; to be called by `do`."""
        client_ids = {order.id: order.client_id for order in self.orders()}
        return [
            (client_ids[trade["orderId"]], Decimal(trade["price"]), Decimal(trade["qty"]))
            for _, trade in self.venue._trades
        ]
