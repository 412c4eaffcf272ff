"""What is stated of instruments that files do not define."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ultramm.errors import DataError
from ultramm.nautilus.convert import to_instrument
from ultramm.nautilus.recordings.instruments import known_instrument
from ultramm.trading_hours import TradingHours


@pytest.mark.parametrize(
    ("instrument_id", "tick", "lot", "multiplier", "currency"),
    [
        ("EURUSD.DARWINEX", 0.00001, 1_000, 1, "USD"),
        ("IBM.NYSE", 0.01, 1, 1, "USD"),
        ("XAUUSD.OANDA", 0.001, 1, 1, "USD"),
        ("GCZ3.XCEC", 0.1, 1, 100, "USD"),
        ("ESH4.XCME", 0.25, 1, 50, "USD"),
    ],
)
def test_grid_contract_and_currency(
    instrument_id: str, tick: float, lot: float, multiplier: float, currency: str
) -> None:
    known = to_instrument(known_instrument(instrument_id))
    assert (known.id, known.tick_size, known.lot_size) == (instrument_id, tick, lot)
    assert (known.multiplier, known.settlement_currency) == (multiplier, currency)
    TradingHours(known.hours).reopens_ns(1_500_000_000_000_000_000)  # they are hours


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("GCZ3.XCEC", "2013-12-27T18:30"),  # third last session of the month, 13:30 in New York
        ("GCG4.XCEC", "2014-02-26T18:30"),
        ("GCM4.XCEC", "2014-06-26T17:30"),
        ("ESH4.XCME", "2024-03-15T13:30"),  # third Friday, 8:30 in Chicago
        ("ESZ3.XCME", "2023-12-15T14:30"),
        ("ESU3.XCME", "2023-09-15T13:30"),
    ],
)
def test_a_future_ends_when_its_exchange_ends_it(symbol: str, expected: str) -> None:
    ends_ns = to_instrument(known_instrument(symbol)).expiry_ns
    assert f"{datetime.fromtimestamp(ends_ns / 1e9, UTC):%Y-%m-%dT%H:%M}" == expected


def test_what_does_not_expire_has_no_end() -> None:
    assert to_instrument(known_instrument("IBM.NYSE")).expiry_ns == 0


@pytest.mark.parametrize("instrument_id", ["TSLA.NYSE", "GCZ.XCEC", "GCY3.XCEC", "GC3Z.XCEC", "IBM", "ESH24.XCME"])
def test_what_is_not_known_is_refused_with_what_is(instrument_id: str) -> None:
    with pytest.raises(DataError, match="known are EURUSD, IBM, XAUUSD, GCZ3"):
        known_instrument(instrument_id)
