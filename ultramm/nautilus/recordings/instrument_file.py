"""An instrument stated by the user, in a YAML file given among the files to import.

::

    kind: pair              # pair, share, future, perpetual, cfd
    base: BTC
    quote: USDT
    tick: 0.01
    lot: 0.00001
    maker_fee_bps: 2
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from nautilus_trader.model.enums import AssetClass
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Cfd, CryptoPerpetual, CurrencyPair, Equity, FuturesContract
from nautilus_trader.model.objects import Currency, Money, Price, Quantity

from ultramm.errors import DataError
from ultramm.trading_hours import TradingHours

CurrencyCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{2,10}$")]


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as it is written.

    Parameters
    ----------
    tick, lot : Decimal
        Smallest step of price and of size.
    multiplier : Decimal
        Currency per unit of price and size.
    inverse : bool
        Of a perpetual: quoted in one currency and settled in the other, `base`.
    maker_fee_bps, taker_fee_bps : Decimal
        Basis points of notional, negative for a rebate.
    hours : str
        As `ultramm.trading_hours.TradingHours` reads it; empty = always.
    expiry : str
        Of a future: last moment of trading, ISO 8601 in UTC.
    """

    kind: Literal["pair", "share", "future", "perpetual", "cfd"]
    quote: CurrencyCode
    tick: Decimal
    lot: Decimal
    base: CurrencyCode | None = None
    multiplier: Decimal = Decimal(1)
    inverse: bool = False
    min_size: Decimal | None = None
    min_notional: Decimal | None = None
    maker_fee_bps: Decimal = Decimal(0)
    taker_fee_bps: Decimal = Decimal(0)
    hours: str = ""
    expiry: str | None = None

    def __post_init__(self) -> None:
        if min(self.tick, self.lot, self.multiplier) <= 0:
            raise ValueError("tick, lot and multiplier must be above zero")
        if self.kind in ("pair", "perpetual") and self.base is None:
            raise ValueError(f"a {self.kind} needs base, the currency that is bought and sold")
        if (self.kind == "future") != (self.expiry is not None):
            raise ValueError("a future needs expiry, and nothing else has one")
        if self.inverse and self.kind != "perpetual":
            raise ValueError("only a perpetual can be inverse")


def read_instrument(file: Path, instrument_id: str | None) -> Any:
    """The Nautilus instrument that a file states, under an id.

    Raises
    ------
    DataError
        The file is no such definition, or there is no id.
    """
    if instrument_id is None or not all(instrument_id.rpartition(".")):
        raise DataError(f"{file}: states an instrument, but not its name; say it with --instrument SYMBOL.VENUE")
    try:
        # YAML's fractions are binary; as text they are what was written.
        stated = {key: _text(value) for key, value in msgspec.yaml.decode(file.read_bytes()).items()}
        definition = msgspec.convert(stated, Definition)
        if definition.hours:
            TradingHours(definition.hours).reopens_ns(time.time_ns())  # says when there is no such calendar
        return _build(definition, InstrumentId.from_str(instrument_id))
    except (OSError, ValueError, AttributeError, msgspec.MsgspecError, DataError) as error:
        raise DataError(f"{file}: states no instrument: {' '.join(str(error).split())}") from error


def _text(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _currency(code: str) -> Currency:
    found = Currency.from_str(code, strict=True)
    if found is None:
        raise ValueError(f"{code} is no currency that is known")
    return found


def _build(definition: Definition, instrument_id: InstrumentId) -> Any:
    tick, lot = Price.from_str(_plain(definition.tick)), Quantity.from_str(_plain(definition.lot))
    quote = _currency(definition.quote)
    base = _currency(definition.base) if definition.base else None
    common = {
        "instrument_id": instrument_id,
        "raw_symbol": instrument_id.symbol,
        "price_precision": tick.precision,
        "price_increment": tick,
        "margin_init": Decimal(1),
        "margin_maint": Decimal(1),
        "maker_fee": definition.maker_fee_bps / 10_000,
        "taker_fee": definition.taker_fee_bps / 10_000,
        "info": {"hours": definition.hours} if definition.hours else None,
        "ts_event": 0,
        "ts_init": 0,
    }
    sized = {"size_precision": lot.precision, "size_increment": lot, "lot_size": lot, **_least(definition, lot, quote)}
    multiplier = Quantity.from_str(_plain(definition.multiplier))
    if definition.kind == "pair":
        return CurrencyPair(**common, **sized, base_currency=base, quote_currency=quote, multiplier=multiplier)
    if definition.kind == "perpetual":
        del sized["lot_size"]
        settled = {"settlement_currency": base if definition.inverse else quote, "is_inverse": definition.inverse}
        return CryptoPerpetual(
            **common, **sized, **settled, base_currency=base, quote_currency=quote, multiplier=multiplier
        )
    if definition.kind == "cfd":
        return Cfd(**common, **sized, asset_class=AssetClass.COMMODITY, quote_currency=quote, base_currency=base)
    if definition.lot != int(definition.lot):
        raise ValueError(f"lot: a {definition.kind} has whole lots, not {definition.lot}")
    if definition.kind == "share":
        return Equity(**common, currency=quote, lot_size=lot)
    assert definition.expiry is not None
    expiry = datetime.fromisoformat(definition.expiry)
    expiry = expiry.replace(tzinfo=UTC) if expiry.tzinfo is None else expiry
    return FuturesContract(
        **common,
        asset_class=AssetClass.COMMODITY,
        currency=quote,
        multiplier=multiplier,
        lot_size=lot,
        underlying=instrument_id.symbol.value,
        activation_ns=0,
        expiration_ns=round(expiry.timestamp()) * 10**9,
    )


def _least(definition: Definition, lot: Quantity, quote: Currency) -> dict[str, Any]:
    least = definition.min_size
    found: dict[str, Any] = {"min_quantity": lot if least is None else Quantity.from_str(_plain(least))}
    if definition.min_notional is not None:
        found["min_notional"] = Money(definition.min_notional, quote)
    return found


def _plain(number: Decimal) -> str:
    """Decimal text without an exponent."""
    return format(number.normalize(), "f")
