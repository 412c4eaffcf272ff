"""The Binance instruments that captures can be imported for: grid, smallest order, contract value, fees.

A capture holds no instrument definition, so it is stated here, as the exchange's ``exchangeInfo`` gave it in
August 2024; fees are those of the base tier.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from nautilus_trader.model.currencies import BTC, ETH, USD, USDT
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity

from ultramm.errors import DataError

SPOT = "spot"
USDM = "usdm"
COINM = "coinm"

_BPS = Decimal("0.0001")


class _Terms(msgspec.Struct, frozen=True):
    base: Currency
    quote: Currency
    settlement: Currency
    tick: str
    lot: str
    min_notional: str | None
    multiplier: int
    maker_fee: Decimal
    taker_fee: Decimal


_TERMS: dict[tuple[str, str], _Terms] = {
    (SPOT, "BTCUSDT"): _Terms(BTC, USDT, USDT, "0.01", "0.00001", "5", 1, 10 * _BPS, 10 * _BPS),
    (SPOT, "ETHUSDT"): _Terms(ETH, USDT, USDT, "0.01", "0.0001", "5", 1, 10 * _BPS, 10 * _BPS),
    (USDM, "BTCUSDT"): _Terms(BTC, USDT, USDT, "0.1", "0.001", "100", 1, 2 * _BPS, 5 * _BPS),
    (COINM, "BTCUSD_PERP"): _Terms(BTC, USD, BTC, "0.1", "1", None, 100, 2 * _BPS, 5 * _BPS),
}


def nautilus_symbol(product: str, symbol: str) -> str:
    """The symbol as Nautilus' Binance adapter writes it: ``BTCUSDT``, ``BTCUSDT-PERP``, ``BTCUSD-PERP``."""
    if product == SPOT or symbol[-1:].isdigit():
        return symbol
    return symbol.replace("_", "-") if symbol.endswith("_PERP") else f"{symbol}-PERP"


def instrument_for(product: str, symbol: str, venue: str = "BINANCE") -> Any:
    """The Nautilus instrument of a Binance market.

    Parameters
    ----------
    product : {"spot", "usdm", "coinm"}
        Spot, USD-margined or coin-margined perpetual.
    symbol : str
        As Binance writes it: ``BTCUSDT``, ``BTCUSD_PERP``.
    venue : str
        Venue part of the instrument id.

    Returns
    -------
    CurrencyPair or CryptoPerpetual
        The coin-margined perpetual is inverse: a size is contracts of ``multiplier`` USD, settled in the
        coin.

    Raises
    ------
    DataError
        The market is not one of the known ones.
    """
    terms = _TERMS.get((product, symbol))
    if terms is None:
        known = ", ".join(f"{name} ({kind})" for kind, name in _TERMS)
        raise DataError(
            f"Binance {product} {symbol}: tick and lot are not known; known are {known}; "
            f"add it to ultramm/nautilus/recordings/binance_instruments.py"
        )
    tick, lot = Price.from_str(terms.tick), Quantity.from_str(terms.lot)
    common: dict[str, Any] = {
        "instrument_id": InstrumentId(Symbol(nautilus_symbol(product, symbol)), Venue(venue)),
        "raw_symbol": Symbol(symbol),
        "base_currency": terms.base,
        "quote_currency": terms.quote,
        "price_precision": tick.precision,
        "size_precision": lot.precision,
        "price_increment": tick,
        "size_increment": lot,
        "lot_size": lot,
        "min_quantity": lot,
        "min_notional": Money(terms.min_notional, terms.quote) if terms.min_notional else None,
        "maker_fee": terms.maker_fee,
        "taker_fee": terms.taker_fee,
        "ts_event": 0,
        "ts_init": 0,
    }
    if product == SPOT:
        return CurrencyPair(**common)
    return CryptoPerpetual(
        **common,
        settlement_currency=terms.settlement,
        is_inverse=terms.settlement == terms.base,
        multiplier=Quantity.from_int(terms.multiplier),
        # All of the notional, as Nautilus' adapter sets it: the account's leverage divides it.
        margin_init=Decimal(1),
        margin_maint=Decimal(1),
    )
