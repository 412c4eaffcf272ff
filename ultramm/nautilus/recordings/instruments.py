"""Instruments of files that bring no definition: grid, contract, fees, hours, expiry.

Stated here for the instruments that are known; fees are what a professional pays, positive = paid. They are fractions
of notional, since that is what the kernel's fee model takes: a fee a share or a contract is turned into one at the
price of the recording.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from nautilus_trader.model.currencies import EUR, USD
from nautilus_trader.model.enums import AssetClass
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Cfd, CurrencyPair, Equity, FuturesContract
from nautilus_trader.model.objects import Price, Quantity

from ultramm.errors import DataError
from ultramm.trading_hours import last_session, session_before

_ALL_OF_NOTIONAL = Decimal(1)  # margin: the account's leverage divides it


def known_instrument(instrument_id: Any) -> Any:
    """The Nautilus instrument of a known symbol; the venue is free. What is an instrument already stays it.

    Raises
    ------
    DataError
        The symbol is not known.
    """
    if not isinstance(instrument_id, str):
        return instrument_id
    symbol, _, venue = instrument_id.rpartition(".")
    make, future = _KNOWN.get(symbol), _FUTURE.fullmatch(symbol)
    if venue and make is not None:
        return make(InstrumentId.from_str(instrument_id))
    if venue and future is not None:
        return _future(InstrumentId.from_str(instrument_id), future)
    known = ", ".join([*_KNOWN, "GCZ3 and other months of gold (GC), the S&P 500 (ES), the euro (6E)"])
    raise DataError(
        f"{instrument_id}: tick and lot are not known; known are {known}; state it in a YAML file, see docs/markets.md"
    )


# Kept in `info`, where our conversion finds them. Where there is no exchange, New York's afternoon ends the day.
NEW_YORK = "XNYS"
GLOBEX = "CMES 17:00-16:00 America/Chicago"
_GLOBEX_METALS_2013 = "CMES 18:00-17:15 America/New_York"
_FX = "24/5 17:00-17:00 America/New_York"
_SPOT_METALS = "24/5 18:00-17:00 America/New_York"


def _common(instrument_id: InstrumentId, tick: str, hours: str) -> dict[str, Any]:
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
        "info": {"hours": hours},
    }


def _eurusd(instrument_id: InstrumentId) -> Any:
    """Spot FX of an ECN: fifths of a pip, lots of 1,000, 25 USD a million."""
    lot = Quantity.from_int(1_000)
    fee = Decimal("0.000025")
    return CurrencyPair(
        **_common(instrument_id, "0.00001", _FX),
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
        **_common(instrument_id, "0.01", NEW_YORK),
        currency=USD,
        lot_size=Quantity.from_int(1),
        maker_fee=Decimal("-0.000011"),
        taker_fee=Decimal("0.0000165"),
    )


def _xauusd(instrument_id: InstrumentId) -> Any:
    """Spot gold in ounces, as a CFD; the dealer's fee is its spread."""
    lot = Quantity.from_int(1)
    return Cfd(
        **_common(instrument_id, "0.001", _SPOT_METALS),
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
_FUTURE = re.compile(rf"(?P<root>GC|ES|6E)(?P<month>[{_MONTHS}])(?P<year>\d)")
# A symbol has one digit for its year: that of the recordings.
_DECADE = {"GC": 2010, "ES": 2020, "6E": 2020}


def _future(instrument_id: InstrumentId, match: re.Match[str]) -> Any:
    root = match["root"]
    year, month = _DECADE[root] + int(match["year"]), 1 + _MONTHS.index(match["month"])
    makers = {"GC": _gold, "ES": _sp500, "6E": _euro}
    return makers[root](instrument_id, year, month)


def _gold(instrument_id: InstrumentId, year: int, month: int) -> Any:
    """COMEX gold, 100 ounces: 1.50 dollars a contract at 1,320; ends with the third last session of its month."""
    fee = Decimal("0.0000114")
    expiry = datetime.combine(last_session("CMES", year, month, 3), time(13, 30), ZoneInfo("America/New_York"))
    return FuturesContract(
        **_common(instrument_id, "0.1", _GLOBEX_METALS_2013),
        **_contract(expiry, "GC", "XCEC", 100),
        asset_class=AssetClass.COMMODITY,
        maker_fee=fee,
        taker_fee=fee,
    )


def _sp500(instrument_id: InstrumentId, year: int, month: int) -> Any:
    """E-mini S&P 500, 50 dollars a point: 1.28 dollars a contract at 4,800; ends on its month's third Friday."""
    fee = Decimal("0.0000053")
    first = date(year, month, 1)
    third_friday = first + timedelta(days=(4 - first.weekday()) % 7 + 14)
    return FuturesContract(
        **_common(instrument_id, "0.25", GLOBEX),
        **_contract(datetime.combine(third_friday, time(8, 30), ZoneInfo("America/Chicago")), "ES", "XCME", 50),
        asset_class=AssetClass.INDEX,
        maker_fee=fee,
        taker_fee=fee,
    )


def _euro(instrument_id: InstrumentId, year: int, month: int) -> Any:
    """Euro FX, 125,000 euros: 1.60 dollars a contract at 1.10; ends two sessions before its month's third Wednesday."""
    fee = Decimal("0.0000116")
    first = date(year, month, 1)
    third_wednesday = first + timedelta(days=(2 - first.weekday()) % 7 + 14)
    last = session_before("CMES", third_wednesday, 2)
    return FuturesContract(
        **_common(instrument_id, "0.00005", GLOBEX),
        **_contract(datetime.combine(last, time(9, 16), ZoneInfo("America/Chicago")), "6E", "XCME", 125_000),
        asset_class=AssetClass.FX,
        maker_fee=fee,
        taker_fee=fee,
    )


def _contract(expiry: datetime, underlying: str, exchange: str, multiplier: int) -> dict[str, Any]:
    return {
        "currency": USD,
        "multiplier": Quantity.from_int(multiplier),
        "lot_size": Quantity.from_int(1),
        "underlying": underlying,
        "activation_ns": 0,
        "expiration_ns": round(expiry.timestamp()) * 10**9,
        "exchange": exchange,
    }


_KNOWN: dict[str, Callable[[InstrumentId], Any]] = {"EURUSD": _eurusd, "IBM": _ibm, "XAUUSD": _xauusd}
