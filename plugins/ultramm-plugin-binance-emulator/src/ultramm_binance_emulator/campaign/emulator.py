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
from ultramm_binance_emulator.orders import Order
from ultramm_binance_emulator.threaded import ThreadedServer

KEY, SECRET = "campaign-key-4c1f", "campaign-secret-93be"
_FUNDS = {"USDT": Decimal(100_000), "BTC": Decimal(2)}
_MARGIN = Decimal(100_000)


def paced(events: Iterator[MarketEvent], pace: float) -> Iterator[MarketEvent]:
    """The same market, `pace` times as fast."""
    for event in events:
        yield msgspec.structs.replace(event, time_s=event.time_s / pace)


class Emulator(ThreadedServer):
    """One member on one symbol of one product.

    Parameters
    ----------
    seed : int
        Of the market.
    pace : float
        Seconds of the market in a second.
    product : {"spot", "usdm"}
        Where it lives.
    """

    def __init__(self, seed: int, pace: float, product: str = "spot") -> None:
        self.member = member = Account.funded(KEY, SECRET, _FUNDS, _MARGIN)
        feed = {"BTCUSDT": paced(SyntheticMarket(PRESETS["wide"], seed).events(), pace)}
        spot = product == "spot"
        super().__init__([member], feed if spot else None, None if spot else feed)
        self._traded = self.venue if spot else self.futures

    def fault(self, fault: Fault) -> None:
        """Set a fault, and do what it does at once."""
        self.do(lambda: self.server.control.set_fault(fault))

    def orders(self) -> list[Order]:
        """All orders there were; to be called by `do`."""
        (book,) = self._traded.books.values()
        return self._traded.ledger.orders(self.member, book.symbol)

    def fills(self) -> list[tuple[str, Decimal, Decimal]]:
        """Client's id, price and quantity of each trade; to be called by `do`."""
        fills = self._traded.ledger.fills(self.member)
        return [(fill.order.client_id, fill.price, fill.quantity) for fill in fills]
