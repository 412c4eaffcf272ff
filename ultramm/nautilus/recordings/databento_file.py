"""Databento's files (DBN), plain or zstd: what one holds, its records, and instruments that it defines."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import databento_dbn as dbn
import pyarrow as pa
from nautilus_trader.model.enums import AssetClass
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Equity, FuturesContract
from nautilus_trader.model.objects import Currency, Price, Quantity

from ultramm.errors import DataError
from ultramm.nautilus.recordings.instruments import GLOBEX, NEW_YORK

SCHEMAS: dict[str, Any] = {
    "mbo": dbn.MBOMsg,
    "mbp-10": dbn.MBP10Msg,
    "mbp-1": dbn.MBP1Msg,
    "tbbo": dbn.MBP1Msg,
    "trades": dbn.TradeMsg,
    "definition": dbn.InstrumentDefMsg,
}
_CHUNK_BYTES = 64 * 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class DbnFile(NamedTuple):
    """One file: of which schema, of which symbols, and the time of its first record, ns."""

    path: Path
    schema: str
    symbols: list[str]
    first_ns: int


def survey(path: Path) -> DbnFile:
    """Look at a file's beginning.

    Raises
    ------
    DataError
        It is no DBN, holds nothing, or is of a schema that cannot be imported.
    """
    metadata: Any = None
    for item, _ in _items(path):
        if isinstance(item, dbn.Metadata):
            metadata = item
            if str(item.schema) not in SCHEMAS:
                raise DataError(f"{path}: is DBN of schema {item.schema}; give {', '.join(SCHEMAS)}")
        else:
            return DbnFile(path, str(metadata.schema), sorted(metadata.mappings), int(item.ts_recv))
    raise DataError(f"{path}: holds no record; leave it out")


def records(file: DbnFile) -> Iterator[tuple[Any, int]]:
    """The records of a file, and the stored bytes read so far.

    Raises
    ------
    DataError
        The file is damaged or cut off; names the row.
    """
    expected = SCHEMAS[file.schema]
    number = 0
    for item, stored in _items(file.path):
        if isinstance(item, dbn.Metadata):
            continue
        number += 1
        if not isinstance(item, expected):
            raise DataError(f"{file.path}: row {number}: is a {type(item).__name__}; get the file again")
        yield item, stored


def defined_instrument(file: DbnFile, symbol: str, venue: str | None) -> Any:
    """The Nautilus instrument of a symbol, by its last definition in a file.

    Fees are zero: exchanges do not publish them here; the configuration's ``paper.maker_fee_bps`` states them.

    Raises
    ------
    DataError
        It is not defined there, or is neither a future nor a share.
    """
    found: Any = None
    for record, _ in records(file):
        if record.raw_symbol == symbol:
            found = record
    if found is None:
        raise DataError(f"{file.path}: does not define {symbol}; get definitions of the same symbols")
    instrument_id = InstrumentId.from_str(f"{symbol}.{venue or found.exchange}")
    tick = Price.from_str(format((Decimal(found.min_price_increment) / 10**9).normalize(), "f"))
    kind = str(found.instrument_class)
    currency = Currency.from_str(found.currency or "USD")
    common = {
        "instrument_id": instrument_id,
        "raw_symbol": instrument_id.symbol,
        "currency": currency,
        "price_precision": tick.precision,
        "price_increment": tick,
        "lot_size": Quantity.from_int(1),
        "margin_init": Decimal(1),
        "margin_maint": Decimal(1),
        "ts_event": 0,
        "ts_init": 0,
    }
    if kind == str(dbn.InstrumentClass.STOCK):
        return Equity(**common, info={"hours": NEW_YORK})
    if kind == str(dbn.InstrumentClass.FUTURE):
        return FuturesContract(
            **common,
            asset_class=AssetClass.COMMODITY,
            multiplier=Quantity.from_str(format((Decimal(found.unit_of_measure_qty) / 10**9).normalize(), "f")),
            underlying=found.asset,
            activation_ns=found.activation,
            expiration_ns=found.expiration,
            exchange=found.exchange,
            info={"hours": GLOBEX},
        )
    raise DataError(f"{file.path}: defines {symbol} as of class {kind}; futures and shares can be imported")


def _items(path: Path) -> Iterator[tuple[Any, int]]:
    """Metadata and records, with the stored bytes read so far."""
    decoder, number = dbn.DBNDecoder(), 0
    try:
        with path.open("rb") as stored, _unpacked(stored) as source:
            while chunk := source.read(_CHUNK_BYTES):
                decoder.write(chunk)
                for item in decoder.decode():
                    number += not isinstance(item, dbn.Metadata)
                    yield item, stored.tell()
    except (OSError, ValueError, dbn.DBNError) as error:
        if number == 0:
            raise DataError(f"{path}: is no readable DBN file ({error}); get it again") from error
        raise DataError(f"{path}: row {number + 1}: is damaged or cut off ({error}); get it again") from error
    if decoder.buffer():
        raise DataError(f"{path}: row {number + 1}: is cut off; get it again")


def _unpacked(stored: Any) -> Any:
    magic = stored.read(4)
    stored.seek(0)
    return pa.CompressedInputStream(pa.PythonFile(stored, mode="r"), "zstd") if magic == _ZSTD_MAGIC else stored
