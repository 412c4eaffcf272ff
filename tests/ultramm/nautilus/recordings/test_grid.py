from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nautilus_trader.model.objects import Price, Quantity

from ultramm.nautilus.recordings.binance_instruments import instrument_for
from ultramm.nautilus.recordings.grid import OFF_GRID, Grid, price_grid, size_grid

CENTS = Grid(Price.from_str("0.01"), 1e9)


@pytest.mark.parametrize("text", ["61737.63000000", "61737.63", "061737.630"])
def test_zeros_do_not_matter(text: str) -> None:
    assert CENTS[text] == Price.from_str("61737.63").raw


def test_whole_numbers_need_no_point() -> None:
    assert CENTS["5"] == CENTS["5."] == CENTS["5.00"] == Price.from_str("5.00").raw
    assert CENTS["0.00000000"] == 0


@pytest.mark.parametrize("text", ["1.001", "1.00000001"])
def test_finer_than_the_precision_is_off_the_grid(text: str) -> None:
    assert CENTS[text] == OFF_GRID


def test_steps_wider_than_a_decimal() -> None:
    halves = Grid(Price.from_str("0.5"), 1e9)
    assert halves["1.50"] == Price.from_str("1.5").raw
    assert halves["1.40"] == OFF_GRID
    contracts = Grid(Quantity.from_str("1"), 1e9)
    assert contracts["35"] == Quantity.from_str("35").raw
    assert contracts["35.5"] == OFF_GRID


@pytest.mark.parametrize("text", ["", ".", ".5", "-1", "+1", "1e5", "1,5", "nan", "1.5.5", "1_000", " 1", "٣"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no decimal number"):
        CENTS[text]


@pytest.mark.parametrize("text", ["1000000000.01", "9" * 5_000])
def test_what_nautilus_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too large"):
        CENTS[text]


def test_memory_is_bounded() -> None:
    grid = Grid(Quantity.from_str("1"), 1e9)
    for number in range(150_000):
        assert grid[str(number)] == Quantity.from_int(number).raw
    assert len(grid) <= 100_000


@given(st.decimals(0, 10**6, places=8))
def test_equals_decimal_arithmetic(value: Decimal) -> None:
    instrument = instrument_for("spot", "BTCUSDT")
    for grid, step, make in (
        (price_grid(instrument), Decimal("0.01"), Price.from_str),
        (size_grid(instrument), Decimal("0.00001"), Quantity.from_str),
    ):
        on_grid = value % step == 0
        assert grid[f"{value:f}"] == (make(str(value.quantize(step))).raw if on_grid else OFF_GRID)
