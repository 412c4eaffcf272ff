"""Instruments that a user states in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ultramm.errors import DataError
from ultramm.nautilus.convert import to_instrument
from ultramm.nautilus.recordings.instrument_file import read_instrument
from ultramm.nautilus.recordings.kinds import open_recording


@pytest.fixture
def stated(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        path = tmp_path / "instrument.yaml"
        path.write_text(text)
        return path

    return write


def ours(path: Path, instrument_id: str = "X.Y") -> Any:
    return to_instrument(read_instrument(path, instrument_id))


def test_a_pair(stated: Any) -> None:
    found = ours(
        stated(
            "{kind: pair, base: BTC, quote: USDT, tick: 0.01, lot: 0.00001, maker_fee_bps: -0.5, taker_fee_bps: 2.5,"
            " min_size: 0.0001, min_notional: 5}"
        ),
        "BTC-USDT.KRAKEN",
    )
    assert (found.id, found.tick_size, found.lot_size) == ("BTC-USDT.KRAKEN", 0.01, 0.00001)
    assert (found.base_currency, found.quote_currency, found.settlement_currency) == ("BTC", "USDT", "USDT")
    assert (found.maker_fee, found.taker_fee) == (-0.00005, 0.00025)
    assert (found.min_size, found.min_notional, found.hours, found.expiry_ns) == (0.0001, 5.0, "", 0)


def test_a_share(stated: Any) -> None:
    found = ours(stated("{kind: share, quote: USD, tick: 0.01, lot: 1, hours: XNYS}"), "MSFT.NASDAQ")
    assert (found.tick_size, found.lot_size, found.settlement_currency, found.hours) == (0.01, 1.0, "USD", "XNYS")


def test_a_future(stated: Any) -> None:
    text = """
kind: future
quote: EUR
tick: 0.5
lot: 1
multiplier: 10
expiry: 2024-06-21T11:00:00
hours: XEUR 09:00-17:30 Europe/Berlin
"""
    found = ours(stated(text), "FESXM4.XEUR")
    assert (found.multiplier, found.settlement_currency) == (10.0, "EUR")
    assert found.expiry_ns == 1_718_967_600_000_000_000


def test_a_perpetual_may_be_inverse(stated: Any) -> None:
    linear = ours(stated("{kind: perpetual, base: BTC, quote: USDT, tick: 0.1, lot: 0.001}"))
    assert (linear.inverse, linear.settlement_currency) == (False, "USDT")
    inverse = ours(
        stated("{kind: perpetual, base: BTC, quote: USD, tick: 0.5, lot: 1, multiplier: 100, inverse: true}")
    )
    assert (inverse.inverse, inverse.settlement_currency, inverse.multiplier) == (True, "BTC", 100.0)


def test_a_cfd(stated: Any) -> None:
    found = ours(stated("{kind: cfd, quote: USD, tick: 0.001, lot: 1}"), "XAGUSD.OANDA")
    assert (found.tick_size, found.settlement_currency) == (0.001, "USD")


def test_tiny_steps_are_what_was_written(stated: Any) -> None:
    for text in ("0.00005", "5e-05", "'0.00005'"):
        found = ours(stated(f"{{kind: pair, base: EUR, quote: USD, tick: {text}, lot: 1000}}"))
        assert (found.tick_size, found.price_precision) == (0.00005, 5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{kind: pair, quote: USDT, tick: 0.1, lot: 1}", "a pair needs base"),
        ("{kind: share, quote: USD, tick: 0, lot: 1}", "must be above zero"),
        ("{kind: share, quote: USD, tick: 0.01, lot: 0.5}", "whole lots, not 0.5"),
        ("{kind: share, quote: USD, tick: 0.01}", "lot"),
        ("{kind: bond, quote: USD, tick: 0.01, lot: 1}", "bond"),
        ("{kind: share, quote: ZZZZ, tick: 0.01, lot: 1}", "ZZZZ is no currency that is known"),
        ("{kind: share, quote: USD, tick: 0.01, lot: 1, colour: red}", "colour"),
        ("{kind: share, quote: USD, tick: 0.01, lot: 1, hours: always}", "no such calendar"),
        ("{kind: future, quote: USD, tick: 0.01, lot: 1}", "a future needs expiry"),
        ("{kind: share, quote: USD, tick: 0.01, lot: 1, expiry: 2024-06-21}", "a future needs expiry"),
        ("{kind: future, quote: USD, tick: 0.01, lot: 1, expiry: soon}", "soon"),
        ("{kind: pair, base: BTC, quote: USDT, tick: 0.1, lot: 1, inverse: true}", "only a perpetual can be inverse"),
        ("[1, 2]", "states no instrument"),
        ("{", "states no instrument"),
    ],
)
def test_what_states_no_instrument_is_refused_with_the_reason(stated: Any, text: str, problem: str) -> None:
    with pytest.raises(DataError, match=rf"instrument\.yaml: states no instrument: .*{problem}|{problem}") as refused:
        read_instrument(stated(text), "X.Y")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("instrument_id", [None, "X", "X.", ".Y"])
def test_its_name_is_said_beside_it(stated: Any, instrument_id: str | None) -> None:
    with pytest.raises(DataError, match=r"say it with --instrument SYMBOL\.VENUE"):
        read_instrument(stated("{kind: share, quote: USD, tick: 0.01, lot: 1}"), instrument_id)


def test_two_statements_are_refused(stated: Any, tmp_path: Path) -> None:
    second = tmp_path / "second.yml"
    second.write_text("{}")
    with pytest.raises(DataError, match=r"second\.yml: states an instrument as .*instrument\.yaml does; give one"):
        open_recording("tardis", [stated("{}"), second], "X.Y")


def test_the_definition_has_no_more_keys_than_are_documented() -> None:
    from ultramm.nautilus.recordings.instrument_file import Definition

    documentation = Definition.__doc__ or ""
    described = {field.name for field in msgspec.structs.fields(Definition)} - {"kind", "quote", "base"}
    assert [name for name in described if name not in documentation and not name.startswith("min_")] == []
