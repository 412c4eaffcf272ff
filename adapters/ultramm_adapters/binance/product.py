"""What differs between Binance's products: paths and names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from nautilus_trader.adapters.binance.common.enums import BinanceAccountType

from ultramm.custody.desk import Terms

_WEEK_MS = 7 * 86_400_000


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One product's API.

    Parameters
    ----------
    root : str
        Of its paths.
    trades, account, positions : str
        The path of our trades below the root; those of the account and its positions.
    socket_api : str
        Path of its WebSocket API.
    cash : bool
        Coins change hands; otherwise positions do.
    window_ms : int
        Span of our trades that is told at once from a time on, milliseconds; 0 for all.
    """

    account_type: Any
    root: str
    trades: str
    account: str
    positions: str
    socket_api: str
    cash: bool
    window_ms: int = 0

    def terms(self, listed: dict[str, Any]) -> Terms:
        """What a trade moves, from the symbol's entry in ``exchangeInfo``."""
        base, quote = listed["baseAsset"], listed["quoteAsset"]
        return Terms(
            base=base,
            quote=quote,
            settlement=listed.get("marginAsset", quote),
            cash=self.cash,
            multiplier=Decimal(listed.get("contractSize", 1)),
            inverse="contractSize" in listed,
        )


PRODUCTS = {
    "spot": Product(
        account_type=BinanceAccountType.SPOT,
        root="/api/v3",
        trades="myTrades",
        account="/api/v3/account",
        positions="",
        socket_api="/ws-api/v3",
        cash=True,
    ),
    "usdm": Product(
        account_type=BinanceAccountType.USDT_FUTURES,
        root="/fapi/v1",
        trades="userTrades",
        account="/fapi/v2/account",
        positions="/fapi/v2/positionRisk",
        socket_api="/ws-fapi/v1",
        cash=False,
        window_ms=_WEEK_MS,
    ),
    "coinm": Product(
        account_type=BinanceAccountType.COIN_FUTURES,
        root="/dapi/v1",
        trades="userTrades",
        account="/dapi/v1/account",
        positions="/dapi/v1/positionRisk",
        socket_api="/ws-dapi/v1",
        cash=False,
        window_ms=_WEEK_MS,
    ),
}
