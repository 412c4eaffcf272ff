"""Importing: captures are written here as text, imported, and read back."""

from __future__ import annotations

import gzip
import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.data import OrderBookDelta, QuoteTick, TradeTick
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import MANIFEST, Gap, ImportSummary, Manifest
from ultramm.nautilus.catalog.read import holdings, load, load_instruments
from ultramm.nautilus.catalog.staging import locked
from ultramm.nautilus.recordings import binance, importing
from ultramm.nautilus.recordings.binance import BinanceRecording
from ultramm.nautilus.recordings.binance_instruments import instrument_for
from ultramm.nautilus.recordings.importing import Progress, import_recording

T0 = 1_700_000_000_000_000_000
T0_MS = T0 // 1_000_000
MS = 1_000_000


def import_binance(
    files: list[Path], catalog: Path, instrument_id: str | None = None, progress: Progress | None = None
) -> ImportSummary:
    return import_recording(BinanceRecording(files, instrument_id), catalog, progress)


def cached_catalog(
    files: list[Path], cache: Path, instrument_id: str | None = None, progress: Progress | None = None
) -> Path:
    return importing.cached_catalog(BinanceRecording(files, instrument_id), cache, progress)


class Capture:
    """A spot capture in the making; times in milliseconds after `T0`."""

    def __init__(self, *, start_ms: int = 0, first_id: int = 100, symbol: str = "BTCUSDT") -> None:
        self.lines: list[str] = []
        self.start_ms, self.update_id, self.trade_id, self.symbol = start_ms, first_id, first_id, symbol

    def add(self, at_ms: int, message: Any) -> Capture:
        self.lines.append(f"{T0 + (self.start_ms + at_ms) * MS} {json.dumps(message)}\n")
        return self

    def stream(self, at_ms: int, kind: str, **data: Any) -> Capture:
        message = {"stream": f"{self.symbol.lower()}@{kind}", "data": {"s": self.symbol, **data}}
        return self.add(at_ms, message)

    def snapshot(self, at_ms: int = 0) -> Capture:
        levels = {"bids": [["100.00000000", "1.00000000"]], "asks": [["101.00000000", "2.00000000"]]}
        return self.add(at_ms, {"lastUpdateId": self.update_id, **levels})

    def diff(self, at_ms: int, price: str = "99.00", size: str = "3.00000000") -> Capture:
        self.update_id += 1
        ids = {"U": self.update_id, "u": self.update_id, "E": T0_MS + self.start_ms + at_ms + 1_270}
        return self.stream(at_ms, "depth@100ms", e="depthUpdate", b=[[price, size]], a=[], **ids)

    def trade(self, at_ms: int) -> Capture:
        self.trade_id += 1
        times = dict.fromkeys("ET", T0_MS + self.start_ms + at_ms + 1_270)
        return self.stream(at_ms, "trade", e="trade", t=self.trade_id, p="100.00", q="0.50000", m=True, **times)

    def quote(self, at_ms: int) -> Capture:
        return self.stream(at_ms, "bookTicker", u=self.update_id * 10, b="100.00", B="1", a="101.00", A="2")

    def write(self, path: Path) -> Path:
        text = "".join(self.lines).encode()
        path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
        return path


def ordinary(**options: Any) -> Capture:
    return Capture(**options).diff(0).snapshot(1).trade(2).diff(3).quote(3).diff(4, "98.00").trade(5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return ordinary().write(tmp_path / "capture.gz")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "store" / "catalog"


def tree(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def rows(catalog: Path) -> dict[str, int]:
    return {f"{each.instrument_id} {each.kind}": each.rows for each in holdings(catalog)}


def fault(*arguments: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        import_binance(*arguments, **options)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)  # the remedy
    return str(caught.value)


class TestSummary:
    def test_accounts_for_every_line(self, file: Path, target: Path) -> None:
        assert import_binance([file], target) == ImportSummary(
            files=[str(file)],
            instrument_id="BTCUSDT.BINANCE",
            product="spot",
            rows=7,
            kept={"deltas": 5, "trades": 2, "quotes": 1, "bars": 0, "batches": 3},
            dropped={"diff already in the snapshot": 1},
            gaps=[],
            gap_counts={"depth": 0, "trades": 0},
            first_ns=T0,
            last_ns=T0 + 5 * MS,
            clock_offset_ms=1_270.0,
            crossed_batches=0,
            starts_incomplete=False,
            already_imported=False,
        )
        assert rows(target) == {
            "BTCUSDT.BINANCE deltas": 5,
            "BTCUSDT.BINANCE quotes": 1,
            "BTCUSDT.BINANCE trades": 2,
        }

    def test_gaps_of_both_kinds_come_in_order_of_time(self, tmp_path: Path, target: Path) -> None:
        capture = Capture().snapshot().trade(1)
        capture.trade_id += 5
        capture.trade(2)
        capture.update_id += 3
        summary = import_binance([capture.diff(3).write(tmp_path / "c")], target)
        assert summary.gaps == [
            Gap("trades", T0 + 2 * MS, 101, 107, 5),
            Gap("depth", T0 + 3 * MS, 100, 104, 3),
        ]
        assert summary.gap_counts == {"depth": 1, "trades": 1}

    def test_says_when_the_book_starts_incomplete(self, tmp_path: Path, target: Path) -> None:
        capture = Capture().trade(0).diff(1).trade(2)
        summary = import_binance([capture.write(tmp_path / "c")], target)
        assert summary.starts_incomplete
        assert summary.kept == {"deltas": 2, "trades": 1, "quotes": 0, "bars": 0, "batches": 1}
        assert summary.dropped == {"trade before the book is known": 1}

    def test_progress_ends_with_all_bytes(self, file: Path, target: Path) -> None:
        seen: list[tuple[int, int]] = []
        import_binance([file], target, progress=lambda *bytes_read: seen.append(bytes_read))
        assert seen[-1] == (file.stat().st_size, file.stat().st_size)


class TestContents:
    def test_nautilus_reads_what_was_written(self, file: Path, target: Path) -> None:
        import_binance([file], target)
        store = ParquetDataCatalog(target)
        deltas = store.query(OrderBookDelta, identifiers=["BTCUSDT.BINANCE"])
        assert [(each.action.name, str(each.order.price), str(each.order.size)) for each in deltas] == [
            ("CLEAR", "0.00", "0.00000"),
            ("ADD", "100.00", "1.00000"),
            ("ADD", "101.00", "2.00000"),
            ("ADD", "99.00", "3.00000"),
            ("ADD", "98.00", "3.00000"),
        ]
        assert [each.ts_init - T0 for each in deltas] == [MS, MS, MS, 3 * MS, 4 * MS]
        assert deltas[3].ts_event == T0 + 1_273 * MS
        (first, _) = store.query(TradeTick, identifiers=["BTCUSDT.BINANCE"])
        assert (str(first.price), str(first.size), first.aggressor_side.name) == (
            "100.00",
            "0.50000",
            "SELLER",
        )
        (quote,) = store.query(QuoteTick, identifiers=["BTCUSDT.BINANCE"])
        assert (str(quote.bid_price), str(quote.ask_size)) == ("100.00", "2.00000")

    def test_instrument_survives_the_catalog(self, file: Path, target: Path) -> None:
        import_binance([file], target)
        (instrument,) = load_instruments(target, ["BTCUSDT.BINANCE"])
        expected = instrument_for("spot", "BTCUSDT")
        assert instrument.to_dict(instrument) == expected.to_dict(expected)

    def test_files_of_a_kind_never_share_a_time(
        self, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        capture = Capture().snapshot()
        for number in range(60):
            capture.diff(1 + number // 7, f"{number + 1}.00").trade(1 + number // 7)
        path = capture.write(tmp_path / "c")
        import_binance([path], tmp_path / "one")
        monkeypatch.setattr(importing, "CHUNK", 3)
        import_binance([path], target)
        for kind in ("order_book_deltas", "trade_tick"):
            names = sorted(each.stem.split("_") for each in (target / "data" / kind).rglob("*.parquet"))
            assert len(names) == 9 if kind == "trade_tick" else 10
            assert all(end < start for (_, end), (start, _) in pairwise(names))
        assert _dicts(target) == _dicts(tmp_path / "one")


def _dicts(catalog: Path) -> list[dict[str, Any]]:
    stream = load(catalog, ["BTCUSDT.BINANCE"], kinds=["trades", "deltas", "quotes"])
    return [type(each).to_dict(each) for each in stream]


class TestIdentity:
    def test_venue_is_free(self, file: Path, target: Path) -> None:
        assert import_binance([file], target, "BTCUSDT.XYZ").instrument_id == "BTCUSDT.XYZ"
        assert set(rows(target)) == {f"BTCUSDT.XYZ {kind}" for kind in ("deltas", "trades", "quotes")}

    @pytest.mark.parametrize("wrong", ["ETHUSDT.BINANCE", "BTCUSDT-PERP.BINANCE", "BTCUSDT", "BTCUSDT.", ""])
    def test_another_id_is_refused(self, file: Path, target: Path, wrong: str) -> None:
        assert "use BTCUSDT.VENUE, e.g. BTCUSDT.BINANCE" in fault([file], target, wrong)
        assert not target.exists()

    def test_unknown_market_is_refused(self, tmp_path: Path, target: Path) -> None:
        path = ordinary(symbol="DOGEUSDT").write(tmp_path / "c")
        assert "DOGEUSDT: tick and lot are not known" in fault([path], target)

    def test_two_markets_at_once_are_refused(self, file: Path, tmp_path: Path, target: Path) -> None:
        other = ordinary(symbol="ETHUSDT").write(tmp_path / "other")
        assert "one market at a time" in fault([file, other], target)

    def test_a_second_symbol_inside_is_refused_with_its_line(self, tmp_path: Path, target: Path) -> None:
        capture = ordinary()
        capture.symbol = "ETHUSDT"
        path = capture.diff(9).write(tmp_path / "c")
        assert f"{path}: line 8: symbol 'ETHUSDT'" in fault([path], target)

    def test_no_files(self, target: Path) -> None:
        assert "name at least one" in fault([], target)


class TestSeveralFiles:
    def test_are_read_in_order_of_time(self, file: Path, tmp_path: Path, target: Path) -> None:
        later = Capture(start_ms=100, first_id=103).diff(0)
        later.trade_id = 101
        later.trade(1).write(tmp_path / "a-later.gz")
        summary = import_binance([tmp_path / "a-later.gz", file], target)
        assert [Path(each).name for each in summary.files] == ["capture.gz", "a-later.gz"]
        assert (summary.rows, summary.gap_counts) == (9, {"depth": 0, "trades": 0})
        assert summary.dropped == {"diff already in the snapshot": 1, "trade repeated": 1}
        assert import_binance([file, tmp_path / "a-later.gz"], target).already_imported

    def test_the_same_twice_is_refused(self, file: Path, tmp_path: Path, target: Path) -> None:
        copy = tmp_path / "copy.gz"
        copy.write_bytes(file.read_bytes())
        assert "give each once" in fault([file, copy], target)

    def test_a_later_import_joins_an_earlier_one(self, file: Path, tmp_path: Path, target: Path) -> None:
        later = ordinary(start_ms=100).write(tmp_path / "later.gz")
        import_binance([file], target)
        import_binance([later], target)
        assert rows(target)["BTCUSDT.BINANCE deltas"] == 10
        assert len(Manifest.read(target).imports) == 2
        assert "part of this content" in fault([file, later], target)

    def test_instruments_share_a_catalog(self, file: Path, tmp_path: Path, target: Path) -> None:
        import_binance([file], target)
        import_binance([ordinary(symbol="ETHUSDT").write(tmp_path / "eth")], target)
        import_binance([file], target, "BTCUSDT.XYZ")
        assert {each.instrument_id for each in holdings(target)} == {
            "BTCUSDT.BINANCE",
            "BTCUSDT.XYZ",
            "ETHUSDT.BINANCE",
        }


class TestOnlyOnce:
    def test_second_import_does_nothing_and_says_so(self, file: Path, tmp_path: Path, target: Path) -> None:
        first = import_binance([file], target)
        before = tree(target)
        renamed = tmp_path / "renamed.gz"
        file.rename(renamed)
        again = import_binance([renamed], target)
        assert again.already_imported
        assert again.kept == first.kept
        assert tree(target) == before

    def test_import_by_another_version_is_refused(
        self, file: Path, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import_binance([file], target)
        manifest = json.loads((target / MANIFEST).read_text())
        manifest["imports"][0]["importer_version"] = 0
        (target / MANIFEST).write_text(json.dumps(manifest))
        assert "into a new catalog" in fault([file], target)

    def test_who_comes_second_in_a_race_finds_it_done(self, file: Path, target: Path) -> None:
        inner: list[ImportSummary] = []

        def overtake(done: int, total: int) -> None:
            if not inner:
                inner.append(import_binance([file], target))

        outer = import_binance([file], target, progress=overtake)
        assert (inner[0].already_imported, outer.already_imported) == (False, True)
        assert len(Manifest.read(target).imports) == 1
        assert [each.name for each in target.parent.iterdir()] == ["catalog"]

    def test_two_imports_at_once_both_arrive(self, file: Path, tmp_path: Path, target: Path) -> None:
        other = ordinary(symbol="ETHUSDT").write(tmp_path / "eth")
        import_binance([file], target, progress=lambda *_: import_binance([other], target) and None)
        assert {each.instrument_id for each in holdings(target)} == {"BTCUSDT.BINANCE", "ETHUSDT.BINANCE"}
        assert len(Manifest.read(target).imports) == 2


class TestAllOrNothing:
    @pytest.fixture(params=["new catalog", "existing catalog"])
    def before(self, request: pytest.FixtureRequest, tmp_path: Path, target: Path) -> dict[str, str]:
        target.parent.mkdir(parents=True)
        if request.param == "existing catalog":
            import_binance([ordinary(start_ms=10_000).write(tmp_path / "earlier")], target)
        return tree(target.parent)

    def test_damaged_line(self, tmp_path: Path, target: Path, before: dict[str, str]) -> None:
        capture = ordinary()
        capture.lines.append("not a line\n")
        path = capture.write(tmp_path / "c")
        assert f"{path}: line 8: " in fault([path], target)
        assert tree(target.parent) == before

    def test_bad_number(self, tmp_path: Path, target: Path, before: dict[str, str]) -> None:
        path = ordinary().diff(9, size="1e5").write(tmp_path / "c")
        assert f"{path}: line 8: '1e5' is no decimal number" in fault([path], target)
        assert tree(target.parent) == before

    def test_truncated_gzip(self, file: Path, target: Path, before: dict[str, str]) -> None:
        file.write_bytes(file.read_bytes()[:-9])
        assert "cut off" in fault([file], target)
        assert tree(target.parent) == before

    def test_interrupt(self, file: Path, target: Path, before: dict[str, str]) -> None:
        def interrupt(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            import_binance([file], target, progress=interrupt)
        assert tree(target.parent) == before

    def test_nothing_to_keep(self, tmp_path: Path, target: Path, before: dict[str, str]) -> None:
        path = Capture().trade(0).trade(1).write(tmp_path / "c")
        assert "nothing in it can be kept, dropped: trade before the book is known (2)" in fault([path], target)
        assert tree(target.parent) == before

    def test_overlap_in_time(self, tmp_path: Path, target: Path) -> None:
        import_binance([ordinary().write(tmp_path / "a")], target)
        before = tree(target)
        assert "which overlaps" in fault([ordinary(start_ms=3).write(tmp_path / "b")], target)
        assert {name: each for name, each in tree(target).items() if name != ".ultramm-lock"} == before

    def test_another_definition_of_the_instrument(
        self, file: Path, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def coarser(product: str, symbol: str, venue: str = "BINANCE") -> Any:
            other = instrument_for("spot", "ETHUSDT", venue)
            fields = other.to_dict(other) | {"id": f"BTCUSDT.{venue}", "raw_symbol": "BTCUSDT"}
            return type(other).from_dict(fields)

        import_binance([file], target)
        monkeypatch.setattr(binance, "instrument_for", _swap(coarser))
        later = ordinary(start_ms=100).write(tmp_path / "later")
        assert "another tick, lot or contract" in fault([later], target)
        assert rows(target)["BTCUSDT.BINANCE trades"] == 2

    def test_error_while_moving_in_is_undone(
        self, file: Path, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import_binance([file], target)
        before = tree(target)
        later = ordinary(start_ms=100).write(tmp_path / "later")
        rename, moved = Path.rename, []

        def fail(self: Path, new: Path) -> Path:
            if moved:
                raise OSError(28, "No space left on device")
            if target in new.parents:
                moved.append(new)
            return rename(self, new)

        monkeypatch.setattr(Path, "rename", fail)
        assert "No space left on device; check disk space" in fault([later], target)
        after = tree(target)
        assert after.pop(".ultramm-lock")
        assert after == before

    def test_what_a_kill_left_half_moved_is_undone_by_the_next(self, file: Path, tmp_path: Path, target: Path) -> None:
        import_binance([file], target)
        before = rows(target)
        (source,) = (target / "data" / "trade_tick").rglob("*.parquet")
        stray = source.with_name("2030-01-01T00-00-00-000000000Z_2030-01-02T00-00-00-000000000Z.parquet")
        stray.write_bytes(source.read_bytes())
        manifest = Manifest.read(target)
        manifest.pending = [str(stray.relative_to(target)), "data/trade_tick/never.parquet"]
        manifest.write(target)
        assert import_binance([file], target).already_imported
        assert rows(target) == before
        assert not Manifest.read(target).pending

    def test_abandoned_staging_goes_and_a_living_one_stays(self, file: Path, target: Path) -> None:
        target.parent.mkdir()
        abandoned = target.parent / f".{target.name}.import-dead"
        living = target.parent / f".{target.name}.import-alive"
        for directory in (abandoned, living):
            (directory / "catalog").mkdir(parents=True)
        with locked(abandoned):
            pass
        with locked(living):
            import_binance([file], target)
            assert living.exists()
        assert not abandoned.exists()

    def test_what_one_left_that_was_killed_after_its_work_goes_with_the_next(self, file: Path, target: Path) -> None:
        import_binance([file], target)
        abandoned = target.parent / f".{target.name}.import-dead"
        abandoned.mkdir()
        with locked(abandoned):
            pass
        assert import_binance([file], target).already_imported
        assert not abandoned.exists()


def _swap(other: Any) -> Any:
    original = instrument_for

    def swapped(product: str, symbol: str, venue: str = "BINANCE") -> Any:
        return original(product, symbol, venue) if symbol == "ETHUSDT" else other(product, symbol, venue)

    return swapped


class TestTarget:
    def test_empty_directory_is_a_fine_catalog(self, file: Path, target: Path) -> None:
        target.mkdir(parents=True)
        import_binance([file], target)
        assert rows(target)

    def test_relative_path(self, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        import_binance([Path("capture.gz")], Path("here"))
        assert rows(tmp_path / "here")

    def test_file_in_the_way(self, file: Path) -> None:
        assert "is no directory" in fault([file], file)
        assert "cannot be written" in fault([file], file / "below")

    def test_damaged_manifest(self, file: Path, target: Path) -> None:
        import_binance([file], target)
        (target / MANIFEST).write_text("{")
        assert "is damaged" in fault([file], target)


class TestCache:
    def test_imports_once_for_a_content(self, file: Path, tmp_path: Path) -> None:
        calls: list[int] = []
        cache = tmp_path / "cache"
        first = cached_catalog([file], cache, progress=lambda done, _: calls.append(done))
        count = len(calls)
        renamed = file.rename(tmp_path / "renamed.gz")
        again = cached_catalog([renamed], cache, "BTCUSDT.BINANCE", progress=lambda done, _: calls.append(done))
        assert first == again
        assert first.parent == cache
        assert len(calls) == count > 0
        assert rows(first)["BTCUSDT.BINANCE trades"] == 2

    def test_content_and_instrument_name_the_place(self, file: Path, tmp_path: Path) -> None:
        other = ordinary(start_ms=1).write(tmp_path / "other")
        cache = tmp_path / "cache"
        places = {
            cached_catalog([file], cache),
            cached_catalog([file], cache, "BTCUSDT.XYZ"),
            cached_catalog([other], cache),
        }
        assert len(places) == 3
        assert {each.name for each in cache.iterdir()} == {each.name for each in places}

    def test_a_failed_import_leaves_no_place(self, tmp_path: Path) -> None:
        path = tmp_path / "c"
        capture = ordinary()
        capture.lines.append("x\n")
        with pytest.raises(DataError, match="line 8"):
            cached_catalog([capture.write(path)], tmp_path / "cache")
        assert list((tmp_path / "cache").iterdir()) == []
