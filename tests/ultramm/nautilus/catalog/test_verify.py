"""`data verify`: a sound catalog, and each way of not being one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from nautilus_trader.model.data import TradeTick

from ultramm.errors import DataError
from ultramm.nautilus.catalog import verify as catalog_verify
from ultramm.nautilus.catalog.manifest import Manifest
from ultramm.nautilus.catalog.synthetic import generate
from ultramm.nautilus.catalog.verify import verify


def test_a_sound_catalog_is_found_so_and_counted(tmp_path: Path) -> None:
    summary = generate(tmp_path / "c", "BTCUSDT.SIM", "benign", seed=1, duration_s=30)
    seen: list[tuple[int, int]] = []
    (verdict,) = verify(tmp_path / "c", progress=lambda *done: seen.append(done))
    assert verdict.sound
    assert (verdict.batches, verdict.trades) == (summary.kept["batches"], summary.kept["trades"])
    assert (verdict.back_in_time, verdict.crossed, verdict.miscounted) == (0, 0, {})
    assert summary.first_ns < verdict.first_ns < verdict.last_ns == summary.last_ns
    assert all(done <= total for done, total in seen)


def test_crossed_one_sided_and_silent_markets_are_counted_but_sound(tape: Any, tmp_path: Path) -> None:
    tape.book(0, ("bid", 99, 5))
    tape.book(1_000, ("ask", 101, 5))
    tape.book(90_000, ("bid", 101, 1))
    tape.book(90_500, ("bid", 102, 1))
    tape.book(91_000, ("bid", 101, 0), ("bid", 102, 0))
    tape.trade(200_000, 101, 1, "buy")
    (verdict,) = verify(tape.write(tmp_path / "c"), gap_s=60)
    assert (verdict.one_sided, verdict.crossed, verdict.gaps) == (1, 2, 2)
    assert verdict.longest_gap_s == pytest.approx(109.0)
    assert verdict.sound


def test_rows_that_were_lost_are_told(tmp_path: Path) -> None:
    generate(tmp_path, "BTCUSDT.SIM", "benign", seed=1, duration_s=30)
    (trades,) = (tmp_path / "data" / "trade_tick").rglob("*.parquet")
    trades.unlink()
    (verdict,) = verify(tmp_path)
    (record,) = Manifest.read(tmp_path).imports
    assert verdict.miscounted == {"trades": (record.summary.kept["trades"], 0)}
    assert not verdict.sound


def test_time_that_goes_back_is_told(tape: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tape.book(0, ("bid", 99, 5), ("ask", 101, 5))
    tape.trade(5, 101, 1, "buy")
    tape.trade(9, 101, 1, "buy")
    catalog = tape.write(tmp_path / "c")
    events = [*tape.events[:1], *(e for e in reversed(tape.events) if isinstance(e, TradeTick))]
    monkeypatch.setattr(catalog_verify, "load", lambda *_: iter(events))
    (verdict,) = verify(catalog)
    assert verdict.back_in_time == 1
    assert not verdict.sound


def test_what_is_no_catalog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such directory"):
        verify(tmp_path / "nowhere")
    (tmp_path / "something").write_text("else")
    with pytest.raises(DataError, match="is no catalog"):
        verify(tmp_path)


def test_a_verdict_can_be_written_as_json(tmp_path: Path) -> None:
    generate(tmp_path, "BTCUSDT.SIM", "benign", seed=1, duration_s=5)
    assert b'"instrument_id":"BTCUSDT.SIM"' in msgspec.json.encode(verify(tmp_path))
