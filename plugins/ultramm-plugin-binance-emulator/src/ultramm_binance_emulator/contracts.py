"""Perpetual contracts, and the filters that an order for one must pass: futures have their own, in their own words."""

from __future__ import annotations

from decimal import Decimal

from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.symbols import ZERO, Symbol

MAINTENANCE = Decimal("0.004")  # of what a position is worth
MOST_LEVERAGE = 125
MOST_NOTIONAL = Decimal(1_000_000_000)
MOST_ORDERS = 200
_PERPETUAL_MS = 4_133_404_800_000
_SINCE_MS = 1_569_398_400_000


class Contract(Symbol, frozen=True, kw_only=True):
    """A perpetual that is margined and settled in its quote; prices and quantities have the decimals of their grid.

    Parameters
    ----------
    market_max_quantity : Decimal
        Of a market order.
    furthest : Decimal
        A limit price may be this fraction beyond the mark on the side that takes.
    """

    max_quantity: Decimal = Decimal(1000)
    market_max_quantity: Decimal = Decimal(120)
    furthest: Decimal = Decimal("0.05")
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")

    def check_price(self, price: Decimal) -> None:
        if price > self.max_price:
            raise VenueError(-4002, f"Price greater than max price. The max price is {self.max_price:f}.")
        if price < self.tick_size:
            raise VenueError(-4013, f"Price less than min price. The min price is {self.tick_size:f}.")
        if price % self.tick_size:
            raise VenueError(-4014, "Price not increased by tick size.")

    def check_quantity(self, quantity: Decimal, *, market: bool = False) -> None:
        if quantity < self.min_quantity:
            raise VenueError(-4004, "Quantity less than min quantity.")
        if quantity > (self.market_max_quantity if market else self.max_quantity):
            raise VenueError(-4005, "Quantity greater than max quantity.")
        if quantity % self.step_size:
            raise VenueError(-4023, "Qty not increased by step size.")

    def check_notional(self, price: Decimal, quantity: Decimal) -> None:
        if price * quantity < self.min_notional:
            words = f"Order's notional must be no smaller than {self.min_notional:f} (unless you choose reduce only)."
            raise VenueError(-4164, words)

    def check_distance(self, price: Decimal, mark: Decimal, sign: int) -> None:
        """Whether a price is not too far beyond the mark for who buys (1) or sells (-1)."""
        limit = mark * (1 + sign * self.furthest)
        if sign > 0 and price > limit:
            raise VenueError(-4016, f"Limit price can't be higher than {self.show_price(self._on_grid(limit))}.")
        if sign < 0 and price < limit:
            raise VenueError(-4024, f"Limit price can't be lower than {self.show_price(self._on_grid(limit))}.")

    def _on_grid(self, price: Decimal) -> Decimal:
        return self.price(self.ticks(price))

    def show_price(self, value: Decimal) -> str:
        return f"{ZERO.quantize(self.tick_size) + value:f}"

    def show_quantity(self, value: Decimal) -> str:
        return f"{ZERO.quantize(self.step_size) + value:f}"

    def info(self) -> dict[str, object]:
        return {
            "symbol": self.name,
            "pair": self.name,
            "contractType": "PERPETUAL",
            "deliveryDate": _PERPETUAL_MS,
            "onboardDate": _SINCE_MS,
            "status": "TRADING",
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": self.base,
            "quoteAsset": self.quote,
            "marginAsset": self.quote,
            "pricePrecision": _decimals(self.tick_size),
            "quantityPrecision": _decimals(self.step_size),
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": [],
            "settlePlan": 0,
            "triggerProtect": "0.0500",
            "liquidationFee": "0.012500",
            "marketTakeBound": f"{self.furthest:f}",
            "maxMoveOrderLimit": 10_000,
            "filters": self._filters(),
            "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        }

    def _filters(self) -> list[dict[str, object]]:
        least, step = self.show_quantity(self.min_quantity), self.show_quantity(self.step_size)
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": self.show_price(self.tick_size),
                "maxPrice": self.show_price(self.max_price),
                "tickSize": self.show_price(self.tick_size),
            },
            {"filterType": "LOT_SIZE", "minQty": least, "maxQty": f"{self.max_quantity:f}", "stepSize": step},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": least,
                "maxQty": f"{self.market_max_quantity:f}",
                "stepSize": step,
            },
            {"filterType": "MAX_NUM_ORDERS", "limit": MOST_ORDERS},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": f"{self.min_notional:f}"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": f"{1 + self.furthest:f}",
                "multiplierDown": f"{1 - self.furthest:f}",
                "multiplierDecimal": "4",
            },
        ]


def _decimals(step: Decimal) -> int:
    exponent = step.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)
