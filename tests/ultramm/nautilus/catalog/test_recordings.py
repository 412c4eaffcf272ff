"""The importer on the real recordings, which stay outside of the project: exact counts, and nothing lost."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, QuoteTick, TradeTick
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import ImportSummary
from ultramm.nautilus.catalog.read import Streamed, holdings, load, load_instruments
from ultramm.nautilus.recordings.binance import BinanceRecording
from ultramm.nautilus.recordings.binance_capture import DepthDiff, DepthSnapshot, read_capture
from ultramm.nautilus.recordings.importing import import_recording

RECORDINGS = Path(__file__).parents[4].parent / "shared" / "data" / "crypto"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"the recordings are not at {RECORDINGS}"),
]

EXPECTED: dict[str, dict[str, Any]] = {
    "spot_btcusdt": {
        "instrument_id": "BTCUSDT.BINANCE",
        "product": "spot",
        "rows": 41_249,
        "kept": {"deltas": 114_832, "batches": 3_449, "trades": 9_756, "quotes": 28_040, "bars": 0},
        "dropped": {
            "delete of an unknown level": 11_239,
            "diff already in the snapshot": 2,
            # Sums with old orders of a finer lot, at 74,000, 80,000 and 200,000.
            "level size off the grid": 3,
            "trade before the book is known": 1,
        },
        "clock_offset_ms": 1_272.33,
    },
    "spot_ethusdt": {
        "instrument_id": "ETHUSDT.BINANCE",
        "product": "spot",
        "rows": 33_618,
        "kept": {"deltas": 104_844, "batches": 3_432, "trades": 6_106, "quotes": 24_077, "bars": 0},
        "dropped": {
            "delete of an unknown level": 3_957,
            "diff already in the snapshot": 2,
            "level size off the grid": 2,  # at 5,000 and 5,300
        },
        "clock_offset_ms": 1_272.4,
    },
    "usdm_btcusdt": {
        "instrument_id": "BTCUSDT-PERP.BINANCE",
        "product": "usdm",
        "rows": 93_954,
        "kept": {"deltas": 427_516, "batches": 6_548, "trades": 21_308, "quotes": 66_089, "bars": 0},
        "dropped": {
            "delete of an unknown level": 17_747,
            "diff already in the snapshot": 4,
            "trade before the book is known": 5,
        },
        "clock_offset_ms": 1_269.53,
    },
    "cm_btcusd_perp": {
        "instrument_id": "BTCUSD-PERP.BINANCE",
        "product": "coinm",
        "rows": 48_270,
        "kept": {"deltas": 257_572, "batches": 25_048, "trades": 2_285, "quotes": 19_136, "bars": 0},
        "dropped": {
            "delete of an unknown level": 40_176,
            "diff already in the snapshot": 23,
            "trade before the book is known": 1,
        },
        "clock_offset_ms": 1_268.35,
    },
}


ALL: tuple[Streamed, ...] = ("trades", "deltas", "quotes")


class Imported:
    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.file = RECORDINGS / f"{name}_20240808.gz"
        self.catalog = directory / "catalog"
        self.summary: ImportSummary = import_recording(BinanceRecording([self.file]), self.catalog)
        (instrument,) = load_instruments(self.catalog, [self.summary.instrument_id])
        self.lot: Decimal = instrument.size_increment.as_decimal()


@pytest.fixture(scope="module", params=list(EXPECTED))
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return Imported(request.param, tmp_path_factory.mktemp(request.param))


def test_counts(imported: Imported) -> None:
    expected = EXPECTED[imported.name]
    assert {name: getattr(imported.summary, name) for name in expected} == expected
    assert (imported.summary.gaps, imported.summary.crossed_batches) == ([], 0)
    assert not imported.summary.starts_incomplete
    kept = imported.summary.kept
    assert {each.kind: each.rows for each in holdings(imported.catalog)} == {
        kind: kept[kind] for kind in ("deltas", "trades", "quotes")
    }


def test_loaded_is_all_that_was_kept_in_order(imported: Imported) -> None:
    counts: Counter[str] = Counter()
    last = 0
    for each in load(imported.catalog, [imported.summary.instrument_id], kinds=["trades", "deltas", "quotes"]):
        assert each.ts_init >= last
        last = each.ts_init
        counts[type(each).__name__] += 1
        if isinstance(each, OrderBookDeltas):
            counts["deltas"] += len(each.deltas)
    kept = imported.summary.kept
    assert counts == {
        "OrderBookDeltas": kept["batches"],
        "deltas": kept["deltas"],
        "TradeTick": kept["trades"],
        "QuoteTick": kept["quotes"],
    }


def test_load_equals_a_query_of_nautilus(imported: Imported) -> None:
    instrument_id = imported.summary.instrument_id
    loaded = list(load(imported.catalog, [instrument_id], kinds=ALL))
    ours: dict[type, list[Any]] = {
        OrderBookDelta: [each for batch in loaded if isinstance(batch, OrderBookDeltas) for each in batch.deltas],
        TradeTick: [each for each in loaded if isinstance(each, TradeTick)],
        QuoteTick: [each for each in loaded if isinstance(each, QuoteTick)],
    }
    store = ParquetDataCatalog(imported.catalog)
    for kind, objects in ours.items():
        theirs = store.query(kind, identifiers=[instrument_id])
        assert [each.__getstate__() for each in objects] == [each.__getstate__() for each in theirs]


def test_final_book_is_that_of_a_plain_dictionary(imported: Imported) -> None:
    messages = [line.message for line in read_capture(imported.file)]
    (snapshot,) = (each for each in messages if isinstance(each, DepthSnapshot))
    diffs = [each for each in messages if isinstance(each, DepthDiff) and each.last_id > snapshot.last_id]
    sides: list[dict[Decimal, Decimal]] = [{}, {}]
    for message in (snapshot, *diffs):  # also of diffs that came before the snapshot
        for side, levels in zip(sides, (message.bids, message.asks), strict=True):
            numbers = ((Decimal(price), Decimal(size)) for price, size in levels)
            side.update((price, size) for price, size in numbers if size % imported.lot == 0)
    book = OrderBook(InstrumentId.from_str(imported.summary.instrument_id), BookType.L2_MBP)
    for batch in load(imported.catalog, [imported.summary.instrument_id]):
        if isinstance(batch, OrderBookDeltas):
            book.apply_deltas(batch)
    for side, levels in zip(sides, (book.bids(), book.asks()), strict=True):
        # Not float(level.price): that is the raw integer divided, at times one unit in the last place off.
        replayed = {level.price.as_decimal(): level.orders()[0].size.as_decimal() for level in levels}
        assert replayed == {price: size for price, size in side.items() if size}


def test_second_import_does_nothing(imported: Imported) -> None:
    before = {path: path.stat().st_mtime_ns for path in imported.catalog.rglob("*")}
    assert import_recording(BinanceRecording([imported.file]), imported.catalog).already_imported
    assert {path: path.stat().st_mtime_ns for path in imported.catalog.rglob("*")} == before


def test_truncated_copy_fails_in_one_line_and_leaves_the_catalog(imported: Imported, tmp_path: Path) -> None:
    copy = tmp_path / "copy.gz"
    content = imported.file.read_bytes()
    copy.write_bytes(content[: len(content) * 2 // 3])
    before = {path: path.stat().st_mtime_ns for path in imported.catalog.parent.rglob("*")}
    with pytest.raises(DataError, match=r"copy\.gz: line \d+: the gzip data is cut off; copy or record") as caught:
        import_recording(BinanceRecording([copy]), imported.catalog)
    assert "\n" not in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in imported.catalog.parent.rglob("*")} == before
