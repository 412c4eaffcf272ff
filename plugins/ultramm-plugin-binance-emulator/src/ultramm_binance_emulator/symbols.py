"""What is traded, and the filters that an order must pass."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ultramm_binance_emulator.errors import filter_failed

ZERO = Decimal(0)
MOST_PARTS = 10  # of an iceberg


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """A spot pair.

    Parameters
    ----------
    tick_size, step_size : Decimal
        Smallest step of price and of quantity.
    min_quantity, max_quantity, min_notional : Decimal
        Of an order.
    maker_fee, taker_fee : Decimal
        Fractions of what is received.
    """

    name: str
    base: str
    quote: str
    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal = Decimal(9000)
    min_notional: Decimal = Decimal(5)
    max_price: Decimal = Decimal(1000000)
    maker_fee: Decimal = Decimal("0.001")
    taker_fee: Decimal = Decimal("0.001")

    def check_price(self, price: Decimal) -> None:
        """Whether the venue takes a price; see `VenueError`."""
        if not self.tick_size <= price <= self.max_price or price % self.tick_size:
            raise filter_failed("PRICE_FILTER")

    def check_quantity(self, quantity: Decimal, *, market: bool = False) -> None:
        """Whether the venue takes a quantity."""
        if not self.min_quantity <= quantity <= self.max_quantity or quantity % self.step_size:
            raise filter_failed("MARKET_LOT_SIZE" if market and quantity > self.max_quantity else "LOT_SIZE")

    def check_notional(self, price: Decimal, quantity: Decimal) -> None:
        """Whether an order is worth enough."""
        if price * quantity < self.min_notional:
            raise filter_failed("NOTIONAL")

    def check_iceberg(self, quantity: Decimal, shown: Decimal) -> None:
        """Whether an order may show so little of itself."""
        self.check_quantity(shown)
        if -(-quantity // shown) > MOST_PARTS:
            raise filter_failed("ICEBERG_PARTS")

    def ticks(self, price: Decimal) -> int:
        """A price on the grid in whole ticks."""
        return int(price / self.tick_size)

    def lots(self, quantity: Decimal) -> int:
        """A quantity on the grid in whole steps."""
        return int(quantity / self.step_size)

    def price(self, ticks: int) -> Decimal:
        return ticks * self.tick_size

    def quantity(self, lots: int) -> Decimal:
        return lots * self.step_size

    def show_price(self, value: Decimal) -> str:
        """A price as the venue writes it."""
        return plain(value)

    def show_quantity(self, value: Decimal) -> str:
        """A quantity as the venue writes it."""
        return plain(value)

    def info(self) -> dict[str, object]:
        """The symbol as ``exchangeInfo`` tells of it."""
        precision = 8
        return {
            "symbol": self.name,
            "status": "TRADING",
            "baseAsset": self.base,
            "baseAssetPrecision": precision,
            "quoteAsset": self.quote,
            "quotePrecision": precision,
            "quoteAssetPrecision": precision,
            "baseCommissionPrecision": precision,
            "quoteCommissionPrecision": precision,
            "orderTypes": [
                "LIMIT",
                "LIMIT_MAKER",
                "MARKET",
                "STOP_LOSS",
                "STOP_LOSS_LIMIT",
                "TAKE_PROFIT",
                "TAKE_PROFIT_LIMIT",
            ],
            "icebergAllowed": True,
            "ocoAllowed": False,
            "otoAllowed": False,
            "quoteOrderQtyMarketAllowed": False,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": False,
            "amendAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": plain(self.tick_size),
                    "maxPrice": plain(self.max_price),
                    "tickSize": plain(self.tick_size),
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": plain(self.min_quantity),
                    "maxQty": plain(self.max_quantity),
                    "stepSize": plain(self.step_size),
                },
                {
                    "filterType": "NOTIONAL",
                    "minNotional": plain(self.min_notional),
                    "applyMinToMarket": True,
                    "maxNotional": "9000000.00000000",
                    "applyMaxToMarket": False,
                    "avgPriceMins": 5,
                },
                {"filterType": "ICEBERG_PARTS", "limit": MOST_PARTS},
                {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            ],
            "permissions": ["SPOT"],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
        }


def plain(value: Decimal) -> str:
    """A number as the venue writes it: eight decimals."""
    return f"{value:.8f}"
