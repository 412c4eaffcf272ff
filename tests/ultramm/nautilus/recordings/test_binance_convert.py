"""Trades, quotes, times and origin, on made-up messages."""

from __future__ import annotations

from typing import Any

import pytest
from nautilus_trader.model.enums import AggressorSide

from ultramm.nautilus.recordings.binance_book import Gap
from ultramm.nautilus.recordings.binance_capture import BookTicker, DepthDiff, DepthSnapshot, OtherMessage, PublicTrade
from ultramm.nautilus.recordings.binance_convert import Converter
from ultramm.nautilus.recordings.binance_instruments import instrument_for

T0 = 1_700_000_000_000_000_000
T0_MS = T0 // 1_000_000


def make(product: str = "usdm", symbol: str = "BTCUSDT", *, with_book: bool = True) -> Converter:
    converter = Converter(instrument_for(product, symbol), product, symbol, await_snapshot=True)
    if with_book:
        converter.feed(T0, DepthSnapshot(1, [("100.0", "1")], [("101.0", "1")]))
    return converter


def trade(number: int, price: str = "100.50", size: str = "0.250", **fields: Any) -> PublicTrade:
    return PublicTrade("BTCUSDT", number, price, size, **{"buyer_is_maker": False, "kind": "MARKET", **fields})


def ticker(number: int, *prices: str, **fields: Any) -> BookTicker:
    bid, bid_size, ask, ask_size = prices or ("100.0", "1.000", "100.1", "2.000")
    return BookTicker("BTCUSDT", number, bid, bid_size, ask, ask_size, **{"event": "bookTicker", **fields})


class TestTrades:
    def test_are_exact(self) -> None:
        converter = make()
        converter.feed(T0 + 5, trade(7, sent_ms=T0_MS + 3, matched_ms=T0_MS + 2))
        (tick,) = converter.trades
        assert (str(tick.price), str(tick.size), tick.trade_id.value) == ("100.5", "0.250", "7")
        assert (tick.ts_event, tick.ts_init) == (T0 + 2_000_000, T0 + 5)
        assert tick.instrument_id.value == "BTCUSDT-PERP.BINANCE"

    @pytest.mark.parametrize(
        ("buyer_is_maker", "aggressor"), [(True, AggressorSide.SELLER), (False, AggressorSide.BUYER)]
    )
    def test_aggressor_is_who_did_not_make(self, buyer_is_maker: bool, aggressor: AggressorSide) -> None:
        converter = make()
        converter.feed(T0, trade(7, buyer_is_maker=buyer_is_maker))
        assert converter.trades[0].aggressor_side == aggressor

    def test_repeated_are_dropped_and_gaps_reported(self) -> None:
        converter = make()
        for second, number in enumerate([7, 7, 8, 11, 10]):
            converter.feed(T0 + second, trade(number))
        assert [tick.trade_id.value for tick in converter.trades] == ["7", "8", "11"]
        assert converter.dropped == {"trade repeated": 2}
        assert converter.trade_gaps == [Gap("trades", T0 + 3, 8, 11, 2)]
        assert converter.trade_gap_count == 1

    @pytest.mark.parametrize(
        ("fields", "cause"),
        [
            ({"kind": "INSURANCE_FUND"}, "trade not from the market (insurance fund, ADL)"),
            ({"kind": "NA", "price": "0", "size": "0"}, "trade not from the market (insurance fund, ADL)"),
            ({"size": "0.000"}, "trade with a price or size of zero"),
            ({"price": "0"}, "trade with a price or size of zero"),
            ({"price": "100.55"}, "trade price off the grid"),
            ({"size": "0.0005"}, "trade size off the grid"),
        ],
    )
    def test_dropped_with_their_cause(self, fields: dict[str, Any], cause: str) -> None:
        converter = make()
        converter.feed(T0, trade(7, **fields))
        converter.feed(T0, trade(8))
        assert (len(converter.trades), dict(converter.dropped)) == (1, {cause: 1})
        assert not converter.trade_gaps

    def test_before_the_book_is_known(self) -> None:
        converter = make(with_book=False)
        converter.feed(T0, trade(7))
        converter.feed(T0, DepthSnapshot(1, [], []))
        converter.feed(T0, trade(8))
        assert [tick.trade_id.value for tick in converter.trades] == ["8"]
        assert converter.dropped == {"trade before the book is known": 1}


class TestQuotes:
    def test_are_exact(self) -> None:
        converter = make()
        converter.feed(T0 + 1, ticker(7, sent_ms=T0_MS + 3, matched_ms=T0_MS + 2))
        (quote,) = converter.quotes
        assert [str(part) for part in (quote.bid_price, quote.bid_size, quote.ask_price, quote.ask_size)] == [
            "100.0",
            "1.000",
            "100.1",
            "2.000",
        ]
        assert (quote.ts_event, quote.ts_init) == (T0 + 2_000_000, T0 + 1)

    def test_out_of_sequence_are_dropped(self) -> None:
        converter = make()
        for number in (7, 9, 9, 8, 10):
            converter.feed(T0, ticker(number))
        assert len(converter.quotes) == 3
        assert converter.dropped == {"quote out of sequence": 2}

    @pytest.mark.parametrize(
        ("prices", "cause"),
        [
            (("100.05", "1", "100.1", "1"), "quote price off the grid"),
            (("100.0", "1", "100.1", "0.0001"), "quote size off the grid"),
            (("100.0", "0", "100.1", "1"), "quote with a price or size of zero"),
            (("0", "0", "100.1", "1"), "quote with a price or size of zero"),
        ],
    )
    def test_dropped_with_their_cause(self, prices: tuple[str, ...], cause: str) -> None:
        converter = make()
        converter.feed(T0, ticker(7, *prices))
        assert (converter.quotes, dict(converter.dropped)) == ([], {cause: 1})


class TestTimes:
    def test_event_time_falls_back_to_sent_then_to_local(self) -> None:
        converter = make("spot")
        diff = DepthDiff("BTCUSDT", 2, 2, [("99.00", "1")], [], sent_ms=T0_MS + 9)
        converter.feed(T0 + 1, diff)
        converter.feed(T0 + 2, ticker(7, event=None))
        assert converter.book.deltas[-1].ts_event == T0 + 9_000_000
        assert converter.quotes[0].ts_event == converter.quotes[0].ts_init == T0 + 2

    def test_offset_is_the_median_of_sent_minus_local(self) -> None:
        converter = make()
        assert converter.clock_offset_ms is None
        for number, offset in enumerate([1_270, 1_268, 5_000], start=1):
            ts = T0 + number
            sent = T0_MS + offset
            converter.feed(ts, trade(number, sent_ms=sent, matched_ms=sent - 500))
        assert converter.clock_offset_ms == pytest.approx(1_270, abs=0.011)
        assert [tick.ts_init for tick in converter.trades] == [T0 + 1, T0 + 2, T0 + 3]  # never applied

    def test_a_line_back_in_time_is_dropped_whatever_it_is(self) -> None:
        converter = make()
        converter.feed(T0 + 9, trade(7))
        for message in (trade(8), ticker(1), OtherMessage("stream x"), DepthSnapshot(5, [], [])):
            converter.feed(T0 + 8, message)
        converter.feed(T0 + 9, trade(8))
        assert converter.dropped == {"line back in time": 4}
        assert len(converter.trades) == 2


class TestOrigin:
    def test_other_streams_are_counted(self) -> None:
        converter = make()
        for _ in range(3):
            converter.feed(T0, OtherMessage("stream aggTrade"))
        assert converter.dropped == {"stream aggTrade": 3}

    def test_another_symbol_is_refused(self) -> None:
        for message in (
            DepthDiff("ETHUSDT", 2, 2, [], [], previous_id=1),
            PublicTrade("ETHUSDT", 2, "1", "1", False),
            DepthSnapshot(9, [], [], symbol="ETHUSDT"),
        ):
            with pytest.raises(ValueError, match="symbol 'ETHUSDT' in a capture of BTCUSDT"):
                make().feed(T0, message)

    def test_another_product_is_refused(self) -> None:
        with pytest.raises(ValueError, match="a spot message in a usdm capture"):
            make().feed(T0, DepthDiff("BTCUSDT", 2, 2, [], []))
        with pytest.raises(ValueError, match="a usdm message in a spot capture"):
            make("spot").feed(T0, ticker(1))
