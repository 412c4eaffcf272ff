"""Measure imports of the real recordings, and of the same recordings repeated ten times.

::

    .venv/bin/python benchmarks/imports.py                     everything, some ten minutes
    .venv/bin/python benchmarks/imports.py --only "IBM"        one recording; may be repeated
    .venv/bin/python benchmarks/imports.py --json out.json     the numbers for a program

Each import is a fresh process of ``ultramm data import``; its processor time (user and system) and its peak resident
memory are those that the kernel tells when it has ended, the start of the process included. The longer recordings have
the same rows again, later in time and with new ids; they are written to a temporary folder.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from nautilus_trader.model.data import OrderBookDelta, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ultramm.nautilus.recordings.importing import Account
from ultramm.nautilus.recordings.kinds import KINDS, open_recording

DATA = Path(__file__).parents[1].parent / "shared" / "data"
TIMES = 10
NOISE = 1.15  # of the peaks of two processes
MB = 1024 * (1 if sys.platform == "linux" else 1024)  # ru_maxrss is in KB on Linux, in bytes on macOS

Repeat = Callable[[Sequence[Path], Path, int], list[Path]]


# -- the same again, later: files, folder for the new ones, how many times --------------------------------------------

_BINANCE_NUMBER = re.compile(rb'"(lastUpdateId|pu|[ETUut])":(\d+)')


def binance(files: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """Local times, exchange times, ids of updates and trades; each part but the first has its snapshot first."""
    (file,) = files
    with gzip.open(file) as capture:
        lines = list(capture)
    numbers = [{key: int(value) for key, value in _BINANCE_NUMBER.findall(line)} for line in lines]
    begin = next(index for index, found in enumerate(numbers) if b"lastUpdateId" in found)
    last_update = max(found[b"u"] for found in numbers if b"u" in found)
    trades = [found[b"t"] for found in numbers if b"t" in found]
    shift_ms = (int(lines[-1][:19]) - int(lines[0][:19])) // 10**6 + 1_000
    shift_ids = last_update - numbers[begin][b"lastUpdateId"] + 1
    shifts = {b"E": shift_ms, b"T": shift_ms, b"t": trades[-1] - trades[0] + 1}
    snapshot = lines[0][:19] + lines[begin][19:]
    again = [snapshot, *lines[:begin], *lines[begin + 1 :]]
    longer = folder / "capture.gz"
    with gzip.open(longer, "wb", compresslevel=1) as out:
        for part in range(times):

            def shifted(match: re.Match[bytes], part: int = part) -> bytes:
                return b'"%b":%d' % (match[1], int(match[2]) + part * shifts.get(match[1], shift_ids))

            for line in again if part else lines:
                stamp = int(line[:19]) + part * shift_ms * 10**6
                out.write(b"%d%b" % (stamp, _BINANCE_NUMBER.sub(shifted, line[19:])))
    return [longer]


def bitstamp(files: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """Times and ids; orders that live at the end of a part are cancelled there, else they would pile up."""
    (file,) = files
    with lzma.open(file, "rt") as text:
        header, *lines = text
    rows = [line.split(",", 3) for line in lines]  # id, time, exchange's time, the rest
    shift_ids = max(int(row[0]) for row in rows) - min(int(row[0]) for row in rows) + 1
    shift_ms = int(rows[-1][1]) - int(rows[0][1]) + 1_000
    last = {row[0]: row for row in rows}
    living = [row for row in last.values() if ",deleted," not in row[3]]
    rows += [[key, rows[-1][1], at, re.sub("created|changed", "deleted", rest)] for key, _, at, rest in living]
    longer = folder / "orders.csv"
    with longer.open("w") as out:
        out.write(header)
        for part in range(times):
            for key, ms, at, rest in rows:
                shift = part * shift_ms
                out.write(f"{int(key) + part * shift_ids},{int(ms) + shift},{int(at) + shift},{rest}")
    return [longer]


def quotes(files: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """Times, by whole days."""
    longer = folder / "quotes.parquet"
    days_ms = 86_400_000 * len(files)
    with pq.ParquetWriter(longer, pq.read_schema(files[0])) as out:
        for part in range(times):
            for file in files:
                table = pq.read_table(file)
                column = table.schema.get_field_index("timestamp")
                field = table.schema.field(column)
                shifted = pc.add(table[column].cast(pa.int64()), part * days_ms).cast(field.type)
                out.write_table(table.set_column(column, field, shifted))
    return [longer]


def lean(files: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """Days, in the names of the files."""
    longer = []
    for file in files:
        for part in range(times):
            longer.append(folder / f"{part}_{file.name}")
            with zipfile.ZipFile(file) as archive, zipfile.ZipFile(longer[-1], "w", zipfile.ZIP_DEFLATED) as out:
                for name in archive.namelist():
                    day = datetime.strptime(name[:8], "%Y%m%d") + timedelta(days=part)
                    out.writestr(f"{day:%Y%m%d}{name[8:]}", archive.read(name))
    return longer


def databento(files: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """Times, by whole days; each part begins with its snapshot."""
    longer = []
    for file in files:
        for part in range(times):
            longer.append(folder / f"{part}_{file.name}")
            shift_ns = part * len(files) * 86_400 * 10**9
            with pa.CompressedOutputStream(pa.OSFile(str(longer[-1]), "wb"), "zstd") as out:
                for record in _dbn_records(file):
                    out.write(bytes(_later(record, shift_ns)))
    return longer


def bars(files: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """Times, by whole months of 31 days."""
    (file,) = files
    with gzip.open(file, "rt") as text:
        header, *lines = text
    longer = folder / "bars.csv.gz"
    with gzip.open(longer, "wt", compresslevel=1) as out:
        out.write(header)
        for part in range(times):
            for line in lines:
                at, _, rest = line.partition(",")
                out.write(f"{datetime.fromisoformat(at) + timedelta(days=31 * part)},{rest}")
    return [longer]


def tardis(files: Sequence[Path], folder: Path, times: int) -> list[Path]:
    """A Binance capture as Tardis would have it: each part begins with a snapshot, trades have ids of their own."""
    book, trades, stated = (folder / name for name in ("book.csv.gz", "trades.csv.gz", "instrument.yaml"))
    stated.write_text("{kind: pair, base: BTC, quote: USDT, tick: 0.01, lot: 0.00001}")
    recording = open_recording("binance", files)
    data = list(recording.data(Account(), lambda _done, _total: None))
    shift_us = (data[-1].ts_init - data[0].ts_init) // 1_000 + 1_000_000
    first_ns = data[0].ts_init
    with gzip.open(book, "wt", compresslevel=1) as levels, gzip.open(trades, "wt", compresslevel=1) as told:
        levels.write("exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n")
        told.write("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n")
        for part in range(times):
            for item in data:
                times_us = ",".join(str(ns // 1_000 + part * shift_us) for ns in (item.ts_event, item.ts_init))
                where = f"binance,btcusdt,{times_us}"
                if isinstance(item, TradeTick):
                    side = "buy" if item.aggressor_side == AggressorSide.BUYER else "sell"
                    told.write(f"{where},{part}-{item.trade_id},{side},{item.price},{item.size}\n")
                elif isinstance(item, OrderBookDelta) and item.action != BookAction.CLEAR:
                    side = "bid" if item.order.side == OrderSide.BUY else "ask"
                    snapshot = str(item.ts_init == first_ns).lower()
                    amount = 0 if item.action == BookAction.DELETE else item.order.size
                    levels.write(f"{where},{snapshot},{side},{item.order.price},{amount}\n")
    return [book, trades, stated]


def _dbn_records(file: Path) -> Iterator[Any]:
    decoder = dbn.DBNDecoder()
    with pa.CompressedInputStream(pa.OSFile(str(file)), "zstd") as source:
        while chunk := source.read(1 << 16):
            decoder.write(chunk)
            yield from decoder.decode()


def _later(record: Any, shift_ns: int) -> Any:
    if isinstance(record, dbn.Metadata):
        return record
    return dbn.MBOMsg(
        publisher_id=record.publisher_id,
        instrument_id=record.instrument_id,
        ts_event=record.ts_event + shift_ns,
        order_id=record.order_id,
        price=record.price,
        size=record.size,
        action=record.action,
        side=record.side,
        ts_recv=record.ts_recv + shift_ns,
        flags=record.flags,
        channel_id=record.channel_id,
        ts_in_delta=record.ts_in_delta,
        sequence=record.sequence,
    )


# -- what is measured ------------------------------------------------------------------------------------------------


class Case(msgspec.Struct, frozen=True):
    """A real recording: its files below the data folder, and how to make it longer; `made` ones are so even once."""

    kind: str
    files: tuple[str, ...]
    repeat: Repeat
    instrument_id: str | None = None
    made: bool = False


CASES = {
    "Binance spot": Case("binance", ("crypto/spot_btcusdt_20240808.gz",), binance),
    "Binance USD-M": Case("binance", ("crypto/usdm_btcusdt_20240808.gz",), binance),
    "Binance COIN-M": Case("binance", ("crypto/cm_btcusd_perp_20240808.gz",), binance),
    "Bitstamp": Case("bitstamp", ("crypto/bitstamp_btcusd_l3_20150501.csv.xz",), bitstamp),
    "S&P future": Case(
        "databento", tuple(f"futures/esh4-glbx-mdp3-202312{d}.mbo.dbn.zst" for d in (24, 25)), databento
    ),
    "IBM": Case("lean", tuple(f"equities/lean_ibm_20131007_{what}.zip" for what in ("quote", "trade")), lean),
    "spot gold": Case("lean", ("futures/lean_oanda_xauusd_20140502_quote.zip",), lean),
    "gold future": Case(
        "lean",
        tuple(f"futures/lean_gc_{what}.zip" for what in ("tick_20131007_trade", "minute_20131007_quote")),
        lean,
        "GCZ3.XCEC",
    ),
    "EUR/USD": Case(
        "quotes", tuple(f"fx/eurusd_darwinex_l1_2021090{day}.parquet" for day in (7, 8)), quotes, "EURUSD.ECN"
    ),
    "euro future": Case("bars", ("futures/6EH4.XCME_1min_bars_20240101_20240131.csv.gz",), bars, "6EH4.XCME"),
    "Binance spot as of Tardis": Case(
        "tardis", ("crypto/spot_btcusdt_20240808.gz",), tardis, "BTCUSDT.BINANCE", made=True
    ),
}


class Cost(msgspec.Struct, frozen=True):
    """What one import took; `cpu_s` is user and system time in seconds."""

    rows: int
    cpu_s: float
    peak_mb: float

    @property
    def rows_per_s(self) -> float:
        return self.rows / self.cpu_s


def spent(*command: str) -> tuple[bytes, float, float]:
    """Output, processor time in s and peak MB of a fresh process."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, *command], stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}: ended with {process.returncode}")
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert own < usage.ru_maxrss, "the peak may be the benchmark's own"
        output.seek(0)
        return output.read(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MB


def measure(case: Case, files: Sequence[Path], folder: Path) -> Cost:
    options = [f"--catalog={folder / 'catalog'}", "--json"]
    if case.instrument_id:
        options.append(f"--instrument={case.instrument_id}")
    output, cpu_s, peak_mb = spent("-m", "ultramm.cli.main", "data", "import", case.kind, *map(str, files), *options)
    return Cost(json.loads(output)["rows"], cpu_s, peak_mb)


def compare(case: Case) -> tuple[Cost, Cost]:
    """The recording as it is, and repeated."""
    files = [DATA / name for name in case.files]
    once, longer = (_measured(case, files, times) for times in (1, TIMES))
    return once, longer


def _measured(case: Case, files: Sequence[Path], times: int) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        if times > 1 or case.made:
            # In a process of its own, since a new process begins with the peak of the one that makes it.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                files = pool.submit(case.repeat, files, Path(folder), times).result()
        return measure(case, files, Path(folder))


def idle_mb() -> float:
    """Peak of a process that imports nothing but modules."""
    modules = {target.partition(":")[0] for target in KINDS.values()}
    return spent("-c", f"import {', '.join(sorted(modules))}")[2]


def show(costs: dict[str, tuple[Cost, Cost]], idle: float) -> None:
    title = f"imports on Python {platform.python_version()}, {platform.machine()}; without work {idle:.0f} MB"
    table = Table(title=title, title_justify="left")
    for column in ("recording", "kind"):
        table.add_column(column)
    for column in ("rows", "rows/s", "peak MB", f"rows x {TIMES}", "rows/s", "peak MB", "ratio of peaks"):
        table.add_column(column, justify="right")
    for name, (once, longer) in costs.items():
        ratio = longer.peak_mb / once.peak_mb
        numbers = chain.from_iterable(
            (f"{c.rows:,}", f"{c.rows_per_s:,.0f}", f"{c.peak_mb:.0f}") for c in (once, longer)
        )
        mark = "green" if ratio <= NOISE else "red"
        table.add_row(name, CASES[name].kind, *numbers, f"[{mark}]{ratio:.2f}[/]")
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    if missing := sorted(set(KINDS) - {case.kind for case in CASES.values()}):
        console.print(f"not measured: {', '.join(missing)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure speed and memory of imports.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    parser.add_argument("--only", choices=list(CASES), action="append", help="one recording; may be repeated")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"the recordings are not at {DATA}")
    idle, costs = idle_mb(), {}
    with Progress(console=Console(stderr=True)) as bar:
        for name in bar.track(arguments.only or list(CASES), description="importing"):
            costs[name] = compare(CASES[name])
    show(costs, idle)
    if arguments.json is not None:
        numbers = {"idle_mb": idle, "times": TIMES, "recordings": msgspec.to_builtins(costs)}
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(numbers)) + b"\n")


if __name__ == "__main__":
    main()
