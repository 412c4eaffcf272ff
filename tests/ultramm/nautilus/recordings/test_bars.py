"""Bars in csv: hand-made ones, and the real files as a whole."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from ultramm.config.load import read as read_config
from ultramm.config.resolve import resolve
from ultramm.errors import DataError
from ultramm.nautilus.backtest import run_backtest
from ultramm.nautilus.catalog.read import holdings
from ultramm.nautilus.catalog.verify import verify
from ultramm.nautilus.recordings.bars import BarsRecording
from ultramm.nautilus.recordings.importing import Account, import_recording
from ultramm.nautilus.recordings.kinds import open_recording

DATA = Path(__file__).parents[4].parent / "shared" / "data"
EURO = DATA / "futures" / "6EH4.XCME_1min_bars_20240101_20240131.csv.gz"
PAIR = DATA / "pairs" / "binanceus_BTCUSDT_1m_20230301_20230321.csv.xz"

recorded = pytest.mark.skipif(not EURO.is_file(), reason=f"the recordings are not at {DATA}")

MINUTE = 60_000_000_000
NOON_NS = 1_704_110_400_000_000_000  # 2024-01-01 12:00 UTC
HEADER = "timestamp,open,high,low,close,volume"


@pytest.fixture
def bars(tmp_path: Path) -> Any:
    def write(*lines: str, header: str = HEADER, name: str = "bars.csv") -> Path:
        (tmp_path / name).write_text("\n".join([header, *lines, ""]))
        return tmp_path / name

    return write


def bar(minute: int, prices: str = "1.1,1.1002,1.0999,1.1001", volume: str = "5") -> str:
    return f"2024-01-01 12:{minute:02d}:00,{prices},{volume}"


def read(*files: Path) -> tuple[list[Any], Account]:
    account = Account()
    return list(BarsRecording(files, "6EH4.XCME").data(account, lambda _done, _total: None)), account


def test_a_bar_counts_from_its_end(bars: Any) -> None:
    (first, second), account = read(bars(bar(1), bar(2, "1.1001,1.1001,1.1,1.1", "7")))
    assert (first.ts_init, second.ts_init) == (NOON_NS + MINUTE, NOON_NS + 2 * MINUTE)
    assert (float(second.open), float(second.high), float(second.low), float(second.close)) == (
        1.1001,
        1.1001,
        1.1,
        1.1,
    )
    assert (float(second.volume), str(second.bar_type)) == (7.0, "6EH4.XCME-1-MINUTE-LAST-EXTERNAL")
    assert (account.rows, account.first_ns, account.last_ns) == (2, NOON_NS + MINUTE, NOON_NS + 2 * MINUTE)


@pytest.mark.parametrize(
    ("header", "at"),
    [
        ("open_time,open,high,low,close,volume", ["2024-01-01 12:00:00+00:00", "2024-01-01 12:01:00+00:00"]),
        ("open_time,open,high,low,close,volume", ["2024-01-01T13:00:00+01:00", "2024-01-01T13:01:00+01:00"]),
        ("Open_Time,open,high,low,close,volume", ["1704110400000", "1704110460000"]),  # ms
        ("time,open,high,low,close,volume", ["1704110460", "1704110520"]),  # s
        ("close_time,open,high,low,close,volume", ["1704110460000000", "1704110520000000"]),  # µs
        ("timestamp_utc,open,high,low,close,volume", ["1704110460000000000", "1704110520000000000"]),  # ns
    ],
)
def test_the_name_of_the_time_says_which_end_it_is_and_its_size_the_unit(bars: Any, header: str, at: list[str]) -> None:
    found, _ = read(bars(*(f"{time},1.1,1.1,1.1,1.1,1" for time in at), header=header))
    assert [each.ts_init for each in found] == [NOON_NS + MINUTE, NOON_NS + 2 * MINUTE]


def test_other_columns_and_their_order_do_not_matter(bars: Any) -> None:
    (first, _), _ = read(
        bars(
            "9,1.1001,1.1,x,1.0999,1.1002,2024-01-01 12:01:00",
            "8,1.1001,1.1,y,1.0999,1.1002,2024-01-01 12:02:00",
            header="volume,close,open,note,low,high,timestamp",
        )
    )
    assert (float(first.high), float(first.volume)) == (1.1002, 9.0)


def test_what_is_wrong_is_dropped_by_cause(bars: Any) -> None:
    found, account = read(
        bars(
            bar(1),
            bar(1),  # again
            bar(2, "1.1,1.0998,1.0999,1.1001"),  # a high below the low
            bar(3, "1.1,1.10021,1.0999,1.1001"),  # between two ticks
            bar(4, "0,1.1,0,1.1"),
            bar(5),
            bar(3),  # back
        )
    )
    assert [each.ts_init for each in found] == [NOON_NS + MINUTE, NOON_NS + 5 * MINUTE]
    assert account.dropped == {
        "bar repeated or back in time": 2,
        "bar that contradicts itself": 1,
        "bar off the grid or at zero": 2,
    }
    assert account.rows == len(found) + account.dropped.total()
    assert account.gap_counts == {"bars": 1}
    assert [(gap.missing, gap.ts_ns) for gap in account.gaps] == [(3, NOON_NS + 5 * MINUTE)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2024-01-01 12:03:00,1.1,1.1,1.1,1.1", "has 5 columns, not 6"),
        ("noon,1.1,1.1,1.1,1.1,1", "noon"),
        ("2024-01-01 12:03:00,x,1.1,1.1,1.1,1", "'x' is no number"),
        ("2024-01-01 12:03:00,-1,1.1,1.1,1.1,1", "'-1' is no number"),
        ("12,1.1,1.1,1.1,1.1,1", "'12' is no time"),
    ],
)
def test_a_damaged_row_is_named_by_its_line(bars: Any, line: str, problem: str) -> None:
    with pytest.raises(DataError, match=rf"bars\.csv: line 4: .*{problem}.*; repair or remove the line"):
        read(bars(bar(1), bar(2), line))


def test_files_that_are_no_bars_are_refused(bars: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no csv of bars: it needs columns"):
        read(bars(header="a,b,c", name="other.csv"))
    with pytest.raises(DataError, match="has fewer than two bars"):
        read(bars(bar(1), name="one.csv"))
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="is empty; leave it out"):
        read(tmp_path / "empty.csv")
    with pytest.raises(DataError, match="of another length than other files"):
        read(bars(bar(1), bar(2), name="a.csv"), bars(bar(10), bar(15), name="b.csv"))
    with pytest.raises(DataError, match="say it with --instrument"):
        BarsRecording([bars(bar(1), bar(2))])


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_truncated_file_is_named(bars: Any, tmp_path: Path, pack: Any) -> None:
    file = bars(*(bar(number % 60).replace("01 12", f"{1 + number // 60:02d} 12") for number in range(1_700)))
    packed = pack(file.read_bytes())
    (tmp_path / "cut").write_bytes(packed[: len(packed) * 2 // 3])
    with pytest.raises(DataError, match=r"cut: (line \d+|is no readable csv)"):
        read(tmp_path / "cut")


@pytest.mark.integration
@recorded
def test_the_real_bars_come_out_as_they_went_in(tmp_path: Path) -> None:
    summary = import_recording(BarsRecording([EURO], "6EH4.XCME"), tmp_path / "catalog")
    raw = pd.read_csv(EURO)
    assert summary.rows == summary.kept["bars"] == len(raw)
    found = ParquetDataCatalog(tmp_path / "catalog").bars()
    assert [each.ts_init for each in found] == [pd.Timestamp(each, tz="UTC").value for each in raw.timestamp_utc]
    for column in ("open", "high", "low", "close"):
        assert [float(getattr(each, column)) for each in found] == pytest.approx(raw[column].tolist(), rel=1e-12)
    assert [float(each.volume) for each in found] == raw.volume.astype(float).tolist()
    (held,) = holdings(tmp_path / "catalog")
    assert (held.kind, held.rows) == ("bars", len(raw))
    (verdict,) = verify(tmp_path / "catalog")
    assert verdict.sound
    assert verdict.bars == len(raw)
    again = import_recording(BarsRecording([EURO], "6EH4.XCME"), tmp_path / "catalog")
    assert again.already_imported


@pytest.mark.integration
@recorded
def test_a_pair_whose_instrument_is_stated_in_a_file(tmp_path: Path) -> None:
    stated = tmp_path / "btcusdt.yaml"
    stated.write_text("{kind: pair, base: BTC, quote: USDT, tick: 0.01, lot: 0.000001}")
    recording = open_recording("bars", [PAIR, stated], "BTCUSDT.BINANCEUS")
    summary = import_recording(recording, tmp_path / "catalog")
    raw = pd.read_csv(PAIR)
    assert summary.rows == len(raw)
    assert summary.kept["bars"] + sum(summary.dropped.values()) == len(raw)
    first = ParquetDataCatalog(tmp_path / "catalog").bars()[0]
    assert first.ts_init == pd.Timestamp(raw.open_time[0]).value + MINUTE
    assert float(first.close) == raw.close[0]


@pytest.mark.integration
def test_a_backtest_on_bars_alone_is_refused_with_the_reason(bars: Any, tmp_path: Path) -> None:
    config = tmp_path / "bars.yaml"
    config.write_text(f"""
mode: backtest
name: bars
venues:
  XCME:
    adapter: replay
    instruments: [6EH4]
    params: {{kind: bars, files: ["{bars(bar(1), bar(2))}"], cache: "{tmp_path}/cache"}}
    paper: {{starting_balances: [1000000 USD], account: margin}}
strategies:
  - use: market-maker
    name: mm
    instruments: [6EH4.XCME]
    params: {{order_size: 1, max_position: 3, half_spread_bps: 1}}
""")
    with pytest.raises(DataError, match=r"holds bars only of 6EH4\.XCME: a bar is no book"):
        run_backtest(resolve(read_config(config)))
