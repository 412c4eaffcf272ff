from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair
from nautilus_trader.model.objects import Price, Quantity

from ultramm.errors import DataError
from ultramm.nautilus.recordings.binance_instruments import instrument_for, nautilus_symbol


@pytest.mark.parametrize(
    ("product", "symbol", "instrument_id", "tick", "lot", "notional", "fees"),
    [
        ("spot", "BTCUSDT", "BTCUSDT.BINANCE", "0.01", "0.00001", "5.00000000 USDT", ("0.0010", "0.0010")),
        ("spot", "ETHUSDT", "ETHUSDT.BINANCE", "0.01", "0.0001", "5.00000000 USDT", ("0.0010", "0.0010")),
        (
            "usdm",
            "BTCUSDT",
            "BTCUSDT-PERP.BINANCE",
            "0.1",
            "0.001",
            "100.00000000 USDT",
            ("0.0002", "0.0005"),
        ),
        ("coinm", "BTCUSD_PERP", "BTCUSD-PERP.BINANCE", "0.1", "1", "None", ("0.0002", "0.0005")),
    ],
)
def test_terms(
    product: str, symbol: str, instrument_id: str, tick: str, lot: str, notional: str, fees: tuple[str, str]
) -> None:
    instrument = instrument_for(product, symbol)
    assert instrument.id.value == instrument_id
    assert instrument.raw_symbol.value == symbol
    assert instrument.price_increment == Price.from_str(tick)
    assert instrument.size_increment == instrument.lot_size == instrument.min_quantity == Quantity.from_str(lot)
    assert instrument.price_precision == Price.from_str(tick).precision
    assert instrument.size_precision == Quantity.from_str(lot).precision
    assert str(instrument.min_notional) == notional
    assert (instrument.maker_fee, instrument.taker_fee) == tuple(map(Decimal, fees))


def test_spot_is_a_currency_pair() -> None:
    instrument = instrument_for("spot", "ETHUSDT")
    assert isinstance(instrument, CurrencyPair)
    assert (instrument.base_currency.code, instrument.quote_currency.code) == ("ETH", "USDT")


def test_usd_margined_perpetual_is_linear() -> None:
    instrument = instrument_for("usdm", "BTCUSDT")
    assert isinstance(instrument, CryptoPerpetual)
    assert not instrument.is_inverse
    assert instrument.multiplier == Quantity.from_int(1)
    assert instrument.settlement_currency.code == "USDT"


def test_coin_margined_perpetual_is_inverse_and_counts_contracts_of_100_usd() -> None:
    instrument = instrument_for("coinm", "BTCUSD_PERP")
    assert instrument.is_inverse
    assert not instrument.is_quanto
    assert (instrument.quote_currency.code, instrument.settlement_currency.code) == ("USD", "BTC")
    value = instrument.notional_value(Quantity.from_int(5), Price.from_str("50000.0"))
    assert str(value) == "0.01000000 BTC"


def test_venue_is_free() -> None:
    assert instrument_for("usdm", "BTCUSDT", "XYZ").id.value == "BTCUSDT-PERP.XYZ"


@pytest.mark.parametrize(
    ("product", "symbol", "name"),
    [
        ("spot", "BTCUSDT", "BTCUSDT"),
        ("usdm", "BTCUSDT", "BTCUSDT-PERP"),
        ("coinm", "BTCUSD_PERP", "BTCUSD-PERP"),
        ("usdm", "BTCUSDT_240927", "BTCUSDT_240927"),
    ],
)
def test_names_are_those_of_the_nautilus_adapter(product: str, symbol: str, name: str) -> None:
    from nautilus_trader.adapters.binance.common.enums import BinanceAccountType
    from nautilus_trader.adapters.binance.common.symbol import BinanceSymbol

    account = BinanceAccountType.SPOT if product == "spot" else BinanceAccountType.USDT_FUTURES
    assert nautilus_symbol(product, symbol) == name == BinanceSymbol(symbol).parse_as_nautilus(account)


@pytest.mark.parametrize(("product", "symbol"), [("spot", "DOGEUSDT"), ("usdm", "ETHUSDT"), ("margin", "BTCUSDT")])
def test_unknown_market_names_the_known_ones(product: str, symbol: str) -> None:
    with pytest.raises(DataError, match=r"BTCUSDT \(spot\).*BTCUSD_PERP \(coinm\); add it to"):
        instrument_for(product, symbol)
