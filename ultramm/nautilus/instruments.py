"""Instruments of files that bring no definition: grid, contract, fees.

Stated here for the instruments that are known; fees are what a professional pays, positive = paid. They are fractions
of notional, since that is what the kernel's fee model takes: a fee a share or a contract is turned into one at the
price of the recording.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from nautilus_trader.model.currencies import EUR, USD
from nautilus_trader.model.enums import AssetClass
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Cfd, CurrencyPair, Equity, FuturesContract
from nautilus_trader.model.objects import Price, Quantity

from ultramm.errors import DataError

_ALL_OF_NOTIONAL = Decimal(1)  # margin: the account's leverage divides it


def known_instrument(instrument_id: str) -> Any:
    """The Nautilus instrument of a known symbol; the venue is free.

    Raises
    ------
    DataError
        The symbol is not known.
    """
    symbol, _, venue = instrument_id.rpartition(".")
    make = _KNOWN.get(symbol) or (_gold_future if symbol[:2] == "GC" and len(symbol) == 4 else None)
    if make is None or not venue:
        known = ", ".join([*_KNOWN, "GCZ3 and other months of gold"])
        raise DataError(
            f"{instrument_id}: tick and lot are not known; known are {known}; add it to ultramm/nautilus/instruments.py"
        )
    return make(InstrumentId.from_str(instrument_id))


def _common(instrument_id: InstrumentId, tick: str) -> dict[str, Any]:
    price = Price.from_str(tick)
    return {
        "instrument_id": instrument_id,
        "raw_symbol": instrument_id.symbol,
        "price_precision": price.precision,
        "price_increment": price,
        "margin_init": _ALL_OF_NOTIONAL,
        "margin_maint": _ALL_OF_NOTIONAL,
        "ts_event": 0,
        "ts_init": 0,
    }


def _eurusd(instrument_id: InstrumentId) -> Any:
    """Spot FX of an ECN: fifths of a pip, lots of 1,000, 25 USD a million."""
    lot = Quantity.from_int(1_000)
    fee = Decimal("0.000025")
    return CurrencyPair(
        **_common(instrument_id, "0.00001"),
        base_currency=EUR,
        quote_currency=USD,
        size_precision=0,
        size_increment=lot,
        lot_size=lot,
        min_quantity=lot,
        maker_fee=fee,
        taker_fee=fee,
    )


def _ibm(instrument_id: InstrumentId) -> Any:
    """A US share at 182 dollars: a rebate of 0.0020 a share for making, 0.0030 for taking."""
    return Equity(
        **_common(instrument_id, "0.01"),
        currency=USD,
        lot_size=Quantity.from_int(1),
        maker_fee=Decimal("-0.000011"),
        taker_fee=Decimal("0.0000165"),
    )


def _xauusd(instrument_id: InstrumentId) -> Any:
    """Spot gold in ounces, as a CFD; the dealer's fee is its spread."""
    lot = Quantity.from_int(1)
    return Cfd(
        **_common(instrument_id, "0.001"),
        asset_class=AssetClass.COMMODITY,
        quote_currency=USD,
        size_precision=0,
        size_increment=lot,
        lot_size=lot,
        min_quantity=lot,
        maker_fee=Decimal(0),
        taker_fee=Decimal(0),
    )


_MONTHS = "FGHJKMNQUVXZ"


def _gold_future(instrument_id: InstrumentId) -> Any:
    """COMEX gold, 100 ounces: 1.50 dollars a contract at 1,320."""
    symbol = instrument_id.symbol.value
    if symbol[2] not in _MONTHS or not symbol[3].isdigit():
        raise DataError(f"{instrument_id}: is no month of gold; write such as GCZ3.XCEC, December 2013")
    fee = Decimal("0.0000114")
    # The years of the recordings: 2010 to 2019. Trading ends with the third last business day of the month.
    expiry = datetime(2010 + int(symbol[3]), 1 + _MONTHS.index(symbol[2]), 26, 18, 30, tzinfo=UTC)
    return FuturesContract(
        **_common(instrument_id, "0.1"),
        asset_class=AssetClass.COMMODITY,
        currency=USD,
        multiplier=Quantity.from_int(100),
        lot_size=Quantity.from_int(1),
        underlying="GC",
        activation_ns=0,
        expiration_ns=int(expiry.timestamp()) * 10**9,
        exchange="XCEC",
        maker_fee=fee,
        taker_fee=fee,
    )


_KNOWN: dict[str, Callable[[InstrumentId], Any]] = {"EURUSD": _eurusd, "IBM": _ibm, "XAUUSD": _xauusd}
