"""The venue of a campaign: a market that lives, and its own books to look into."""

from __future__ import annotations

from decimal import Decimal

from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.orders import Order
from ultramm_binance_emulator.threaded import ThreadedServer

KEY, SECRET = "campaign-key-4c1f", "campaign-secret-93be"
_FUNDS = {"USDT": Decimal(100_000), "BTC": Decimal(2)}
_MARGIN = Decimal(100_000)


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
        feed = {"BTCUSDT": SyntheticMarket(PRESETS["wide"], seed).events()}
        spot = product == "spot"
        super().__init__([member], feed if spot else None, None if spot else feed, pace)
        self._traded = self.venue if spot else self.futures

    def orders(self) -> list[Order]:
        """All orders there were; to be called by `do`."""
        (book,) = self._traded.books.values()
        return self._traded.ledger.orders(self.member, book.symbol)

    def fills(self) -> list[tuple[str, Decimal, Decimal]]:
        """Client's id, price and quantity of each trade; to be called by `do`."""
        fills = self._traded.ledger.fills(self.member)
        return [(fill.order.client_id, fill.price, fill.quantity) for fill in fills]
