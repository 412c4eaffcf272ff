"""The reader: captures made here, line by line."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ultramm.errors import DataError
from ultramm.nautilus.recordings.binance_capture import (
    MAX_LINE_BYTES,
    BookTicker,
    DepthDiff,
    DepthSnapshot,
    OtherMessage,
    PublicTrade,
    product_of,
    read_capture,
    survey,
)

T0 = 1_700_000_000_000_000_000
SECOND = 1_000_000_000

SPOT_DIFF = {
    "e": "depthUpdate",
    "E": 5,
    "s": "AB",
    "U": 7,
    "u": 9,
    "b": [["1.50", "2"]],
    "a": [["1.60", "0"]],
}
USDM_DIFF = {**SPOT_DIFF, "T": 4, "pu": 6}
COINM_DIFF = {**USDM_DIFF, "ps": "AB"}
SPOT_TICKER = {"u": 3, "s": "AB", "b": "1", "B": "2", "a": "3", "A": "4"}
USDM_TICKER = {**SPOT_TICKER, "e": "bookTicker", "T": 1, "E": 2}
COINM_TICKER = {**USDM_TICKER, "ps": "AB"}
SPOT_TRADE = {"e": "trade", "E": 8, "s": "AB", "t": 11, "p": "1.55", "q": "3", "T": 7, "m": True, "M": True}
USDM_TRADE = {**SPOT_TRADE, "X": "MARKET"}
COINM_TRADE = {**USDM_TRADE, "s": "AB_PERP"}
SNAPSHOT = {"lastUpdateId": 9, "bids": [["1", "2"]], "asks": []}


def stream(kind: str, data: Any) -> dict[str, Any]:
    return {"stream": f"ab@{kind}", "data": data}


def line(ts_ns: int | str, message: Any) -> str:
    return f"{ts_ns} {message if isinstance(message, str) else json.dumps(message)}\n"


@pytest.fixture
def capture(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str, name: str = "capture.txt") -> Path:
        path = tmp_path / name
        path.write_text("".join(lines))
        return path

    return write


def message(capture: Callable[..., Path], payload: Any) -> Any:
    (only,) = read_capture(capture(line(T0, payload)))
    return only.message


def fault(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(read_capture(path))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    assert "; " in text  # the remedy
    return text


class TestMessages:
    def test_depth_of_futures_has_its_chain_of_ids(self, capture: Callable[..., Path]) -> None:
        diff = message(capture, stream("depth@0ms", COINM_DIFF))
        assert isinstance(diff, DepthDiff)
        assert (diff.symbol, diff.pair, diff.first_id, diff.last_id, diff.previous_id) == (
            "AB",
            "AB",
            7,
            9,
            6,
        )
        assert (diff.bids, diff.asks) == ([("1.50", "2")], [("1.60", "0")])
        assert (diff.sent_ms, diff.matched_ms) == (5, 4)

    def test_depth_of_spot_has_neither_previous_id_nor_match_time(self, capture: Callable[..., Path]) -> None:
        diff = message(capture, stream("depth@100ms", SPOT_DIFF))
        assert (diff.previous_id, diff.matched_ms, diff.pair) == (None, None, None)

    def test_ticker_of_spot_has_no_time(self, capture: Callable[..., Path]) -> None:
        ticker = message(capture, stream("bookTicker", SPOT_TICKER))
        assert isinstance(ticker, BookTicker)
        assert (ticker.bid, ticker.bid_size, ticker.ask, ticker.ask_size) == ("1", "2", "3", "4")
        assert (ticker.update_id, ticker.sent_ms, ticker.matched_ms) == (3, None, None)

    def test_trade(self, capture: Callable[..., Path]) -> None:
        trade = message(capture, stream("trade", USDM_TRADE))
        assert isinstance(trade, PublicTrade)
        assert (trade.trade_id, trade.price, trade.size, trade.buyer_is_maker) == (11, "1.55", "3", True)
        assert (trade.sent_ms, trade.matched_ms, trade.kind) == (8, 7, "MARKET")

    def test_snapshot_with_and_without_times(self, capture: Callable[..., Path]) -> None:
        bare = message(capture, SNAPSHOT)
        assert isinstance(bare, DepthSnapshot)
        assert (bare.last_id, bare.bids, bare.asks, bare.matched_ms) == (9, [("1", "2")], [], None)
        timed = message(capture, {**SNAPSHOT, "E": 2, "T": 1, "symbol": "AB", "pair": "A"})
        assert (timed.matched_ms, timed.symbol) == (1, "AB")

    @pytest.mark.parametrize("kind", ["aggTrade", "depth20@100ms", "kline_1m"])
    def test_other_streams_are_named(self, capture: Callable[..., Path], kind: str) -> None:
        other = message(capture, stream(kind, {"lastUpdateId": 5}))
        assert other == OtherMessage(f"stream {kind.partition('@')[0]}")

    def test_stream_of_all_markets_is_named(self, capture: Callable[..., Path]) -> None:
        assert message(capture, {"stream": "!ticker", "data": []}) == OtherMessage("stream !ticker")

    def test_reply_to_a_subscription_is_no_error(self, capture: Callable[..., Path]) -> None:
        assert message(capture, {"result": None, "id": 1}) == OtherMessage("reply to a subscription")

    @pytest.mark.parametrize(
        ("data", "product"),
        [
            (SPOT_DIFF, "spot"),
            (USDM_DIFF, "usdm"),
            (COINM_DIFF, "coinm"),
            (SPOT_TICKER, "spot"),
            (USDM_TICKER, "usdm"),
            (COINM_TICKER, "coinm"),
            (SPOT_TRADE, "spot"),
            (USDM_TRADE, "usdm"),
            (COINM_TRADE, "coinm"),
        ],
    )
    def test_shape_tells_the_product(self, capture: Callable[..., Path], data: dict[str, Any], product: str) -> None:
        kind = "depth" if "U" in data else "trade" if "t" in data else "bookTicker"
        assert product_of(message(capture, stream(kind, data))) == product


class TestFiles:
    def test_text_and_gzip_are_told_apart_by_content(self, capture: Callable[..., Path]) -> None:
        text = capture(line(T0, SNAPSHOT), "\n", line(T0 + 1, SNAPSHOT), name="named.gz")
        packed = text.with_name("named.txt")
        packed.write_bytes(gzip.compress(text.read_bytes()))
        assert list(read_capture(text)) == list(read_capture(packed))
        assert [(each.number, each.ts_ns) for each in read_capture(text)] == [(1, T0), (3, T0 + 1)]

    def test_last_line_needs_no_end(self, capture: Callable[..., Path]) -> None:
        assert len(list(read_capture(capture(line(T0, SNAPSHOT), line(T0, SNAPSHOT).rstrip())))) == 2

    def test_progress_counts_bytes_of_the_file(self, capture: Callable[..., Path]) -> None:
        path = capture(*[line(T0, SNAPSHOT)] * 2_500)
        seen: list[int] = []
        list(read_capture(path, seen.append))
        assert len(seen) == 2
        assert 0 < seen[0] <= seen[1] <= path.stat().st_size

    def test_error_of_the_callback_is_not_one_of_the_file(self, capture: Callable[..., Path]) -> None:
        def fail(done: int) -> None:
            raise BrokenPipeError

        with pytest.raises(BrokenPipeError):
            list(read_capture(capture(*[line(T0, SNAPSHOT)] * 1_000), fail))

    def test_missing_file(self, tmp_path: Path) -> None:
        assert "no such file" in fault(tmp_path / "nothing.gz")

    def test_directory(self, tmp_path: Path) -> None:
        assert "cannot be read" in fault(tmp_path)

    def test_truncated_gzip_names_the_line(self, capture: Callable[..., Path]) -> None:
        path = capture(*[line(T0 + i, {**SNAPSHOT, "E": i}) for i in range(5_000)])
        whole = gzip.compress(path.read_bytes())
        path.write_bytes(whole[: len(whole) // 2])
        text = fault(path)
        assert "the gzip data is cut off" in text
        assert 100 < int(text.split("line ")[1].split(":")[0]) < 5_000

    def test_broken_gzip(self, capture: Callable[..., Path]) -> None:
        path = capture()
        packed = bytearray(gzip.compress(os.urandom(10_000)))
        packed[5_000:5_010] = b"\xff" * 10
        path.write_bytes(bytes(packed[:-8]) + b"\x00" * 8)
        fault(path)

    @pytest.mark.parametrize("magic", [b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"BZh9"])
    def test_other_compression_is_named(self, tmp_path: Path, magic: bytes) -> None:
        path = tmp_path / "capture"
        path.write_bytes(magic + b"rest")
        assert "decompress it first" in fault(path)


class TestCorruptLines:
    @pytest.mark.parametrize(
        "stamp", ["", "x", "1700000000000", "17e17", "-1700000000000000000", "9" * 19, "9" * 5_000]
    )
    def test_bad_time_stamp(self, capture: Callable[..., Path], stamp: str) -> None:
        text = fault(capture(line(T0, SNAPSHOT), line(stamp, SNAPSHOT)))
        assert "line 2" in text
        assert "time stamp" in text

    @pytest.mark.parametrize("payload", ["", "{", '{"lastUpdateId":1', "\udcff", '{"stream": "a@depth"}'])
    def test_no_json(self, capture: Callable[..., Path], tmp_path: Path, payload: str) -> None:
        path = tmp_path / "capture.txt"
        path.write_bytes(f"{T0} {payload}\n".encode(errors="surrogateescape"))
        assert "line 1: no valid JSON" in fault(path)

    @pytest.mark.parametrize(
        "payload",
        [
            [],
            {},
            {"lastUpdateId": "9", "bids": [], "asks": []},
            {"lastUpdateId": -1, "bids": [], "asks": []},
            {"lastUpdateId": 9, "bids": [["1"]], "asks": []},
            {"lastUpdateId": 9, "bids": [[1.0, 2.0]], "asks": []},
            {"lastUpdateId": 9, "bids": []},
            stream("depth", {**SPOT_DIFF, "U": None}),
            stream("depth", {**SPOT_DIFF, "u": 2**63}),
            stream("trade", {**SPOT_TRADE, "T": 10**15}),
            stream("trade", {**SPOT_TRADE, "m": "true"}),
            stream("bookTicker", {"u": 1}),
        ],
    )
    def test_wrong_fields(self, capture: Callable[..., Path], payload: Any) -> None:
        assert "line 2: not a Binance message" in fault(capture(line(T0, SNAPSHOT), line(T0, payload)))

    def test_endless_line(self, tmp_path: Path) -> None:
        path = tmp_path / "capture.txt"
        path.write_bytes(f"{T0} ".encode() + b"a" * (MAX_LINE_BYTES + 10))
        assert "longer than" in fault(path)


class TestSurvey:
    def test_reads_only_as_far_as_it_must(self, capture: Callable[..., Path]) -> None:
        path = capture(line(T0, stream("depth", USDM_DIFF)), line(T0 + 1, SNAPSHOT), "corrupt\n")
        found = survey(path)
        assert (found.product, found.symbol, found.first_ns) == ("usdm", "AB", T0)
        assert found.has_snapshot

    def test_does_not_wait_for_a_late_snapshot(self, capture: Callable[..., Path]) -> None:
        late = T0 + 61 * SECOND
        diff = stream("depth", SPOT_DIFF)
        assert not survey(capture(line(T0, diff), line(late, diff), line(late, SNAPSHOT))).has_snapshot

    def test_a_snapshot_back_in_time_is_none(self, capture: Callable[..., Path]) -> None:
        assert not survey(capture(line(T0, stream("depth", SPOT_DIFF)), line(T0 - 1, SNAPSHOT))).has_snapshot

    def test_depth_tells_more_than_a_trade(self, capture: Callable[..., Path]) -> None:
        old_style = {key: value for key, value in USDM_TRADE.items() if key != "X"}
        path = capture(line(T0, stream("trade", old_style)), line(T0, stream("depth", USDM_DIFF)))
        assert survey(path).product == "usdm"

    def test_trades_alone_are_enough(self, capture: Callable[..., Path]) -> None:
        found = survey(capture(line(T0, stream("trade", COINM_TRADE))))
        assert (found.product, found.symbol) == ("coinm", "AB_PERP")

    def test_nothing_that_names_a_symbol(self, capture: Callable[..., Path]) -> None:
        with pytest.raises(DataError, match="is this a Binance capture"):
            survey(capture(line(T0, SNAPSHOT), line(T0, stream("aggTrade", {}))))
        with pytest.raises(DataError, match="is this a Binance capture"):
            survey(capture())
