"""A journal as Parquet: every record of it, in columns that others can read."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from journal_records import records

from ultramm.errors import DataError
from ultramm.journal import export as module
from ultramm.journal.export import MAKERS, export
from ultramm.journal.records import KINDS, RunEnded, RunStarted, Status
from ultramm.journal.runs import Run, last_sequence, require_run, runs_of
from ultramm.journal.store import Journal, kind_of

S = 1_000_000_000


@pytest.fixture
def filled(journal: Journal) -> Journal:
    """Two runs, of which the second has everything twice."""
    journal.append([("first", number * S, record) for number, record in enumerate(records()[:4])])
    journal.append([("second", number * S, record) for number, record in enumerate([*records(), *records()])])
    return journal


def test_each_kind_is_a_file_and_each_record_a_row(filled: Journal, tmp_path: Path) -> None:
    read: list[int] = []
    rows = export(filled, tmp_path / "out", on_read=read.append)
    everything = filled.read(limit=10_000)
    for kind in KINDS:
        mine = [entry for entry in everything if kind_of(entry.record) == kind]
        table = pq.read_table(tmp_path / "out" / f"{kind}.parquet")
        assert rows[kind] == table.num_rows == len(mine)
        assert table.column("sequence").to_pylist() == [entry.sequence for entry in mine]
        assert table.column("run").to_pylist() == [entry.run for entry in mine]
        assert table.schema.field("ts").type == pa.timestamp("ns", tz="UTC")
        assert table.column("ts").cast(pa.int64()).to_pylist() == [entry.ts_ns for entry in mine]
    assert read[-1] == last_sequence(filled)
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_numbers_stay_numbers_unknown_ones_are_null_and_parts_are_json(filled: Journal, tmp_path: Path) -> None:
    export(filled, tmp_path, run="second")
    fill = pq.read_table(tmp_path / "fill.parquet").to_pylist()[0]
    assert (fill["price"], fill["size"], fill["fee"], fill["position"]) == (0.1 + 0.2, 1e-8, -0.0001, -5.0)
    assert (fill["mid"], fill["maker"], fill["side"]) == (None, False, "BUY")
    (started, _) = pq.read_table(tmp_path / "run-started.parquet").to_pylist()
    assert msgspec.json.decode(started["configuration"]) == {"a": [1, 2.5, None, True, {"b": "ü\n"}]}


def test_what_each_maker_was_at_each_status_is_a_table_of_its_own(filled: Journal, tmp_path: Path) -> None:
    export(filled, tmp_path)
    row, again = pq.read_table(tmp_path / f"{MAKERS}.parquet").to_pylist()
    status = filled.last("status")[0].record
    assert isinstance(status, Status)
    (maker,) = status.makers
    assert (row["strategy"], row["instrument"], row["position"]) == ("mm", "X.SIM", 0.1)
    assert row["pnl"] == maker.score.pnl.total
    assert row["pnl"] == pytest.approx(row["spread_capture"] + row["inventory_pnl"] - row["fees"])
    assert row["ask"] == maker.ask.orders[0].price
    assert {**row, "sequence": 0, "ts": 0} == {**again, "sequence": 0, "ts": 0}


def test_only_a_run_that_is_asked_for(filled: Journal, tmp_path: Path) -> None:
    rows = export(filled, tmp_path, run="first")
    assert rows == {"maker-started": 1, "order": 2, "run-started": 1}
    assert set(pq.read_table(tmp_path / "order.parquet").column("run").to_pylist()) == {"first"}


def test_a_long_journal_is_read_in_parts(filled: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = export(filled, tmp_path / "whole")
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 2)
    assert export(filled, tmp_path / "parts") == whole
    for kind in whole:
        one, other = (pq.read_table(tmp_path / folder / f"{kind}.parquet") for folder in ("whole", "parts"))
        assert one.equals(other)


def test_an_empty_journal_has_no_files(journal: Journal, tmp_path: Path) -> None:
    assert export(journal, tmp_path / "out") == {}
    assert list((tmp_path / "out").iterdir()) == []


# -- runs --------------------------------------------------------------------------------------------------------


def began(name: str) -> RunStarted:
    return RunStarted(name=name, mode="paper", version="1", pid=1, configuration={})


def test_runs_come_latest_first_with_their_ends(journal: Journal) -> None:
    assert runs_of(journal) == []
    assert last_sequence(journal) == 0
    journal.append([("a", 1, began("demo")), ("a", 5, RunEnded(reason="stop by operator", open_orders=0))])
    journal.append([("b", 7, began("demo"))])
    assert runs_of(journal) == [
        Run(run="b", name="demo", mode="paper", version="1", began_ns=7),
        Run(
            run="a",
            name="demo",
            mode="paper",
            version="1",
            began_ns=1,
            ended_ns=5,
            reason="stop by operator",
            open_orders=0,
        ),
    ]
    assert require_run(journal, "a").ended_ns == 5
    with pytest.raises(DataError, match="no run c; the latest are b, a"):
        require_run(journal, "c")
