"""``ultramm report``: a past run from its journal, in tables, as JSON, as a page."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from journal_records import INSTRUMENT, S, busy_maker

from ultramm.journal.open import open_journal
from ultramm.journal.records import FillEvent, MakerStarted, RunStarted, Status

pytestmark = pytest.mark.integration

START_NS = 1_700_000_000 * S


def status(second: int) -> Status:
    """Two makers whose quotes are moved by something."""
    maker = busy_maker().status(61 * S)
    makers = [
        msgspec.structs.replace(
            maker,
            score=msgspec.structs.replace(maker.score, strategy=name, last_mid=100.0),
            effects={"trend_weight_pct": 40.0 + second},
        )
        for name in ("pair", "hedge")
    ]
    return Status(state="running", makers=tuple(makers), books=(), balances={})


def fill(strategy: str, side: str, price: float, position: float) -> FillEvent:
    return FillEvent(
        strategy=strategy,
        instrument=INSTRUMENT.id,
        order_id="o",
        side=side,
        price=price,
        size=1.0,
        fee=0.01,
        maker=True,
        mid=100.0,
        position=position,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A round trip of a pair: bought at 99 and sold at 101, hedged at 100."""
    path = tmp_path / "journal.db"
    records = [
        (0, RunStarted(name="demo", mode="paper", version="1", pid=7, configuration={})),
        (0, MakerStarted(strategy="pair", instrument=INSTRUMENT, max_position=1.0)),
        (0, MakerStarted(strategy="hedge", instrument=INSTRUMENT, max_position=1.0, covers=("pair",))),
        *[(second, status(second)) for second in range(1, 4)],
        (4, fill("pair", "BUY", 99.0, 1.0)),
        (5, fill("hedge", "SELL", 100.0, -1.0)),
        (6, status(6)),
        (7, fill("pair", "SELL", 101.0, 0.0)),
        (8, fill("hedge", "BUY", 100.0, 0.0)),
        (9, status(9)),
    ]
    with closing(open_journal(f"sqlite:///{path}", create=True)) as store:
        store.append([("demo-1", START_NS + second * S, record) for second, record in records])
    return path


def test_legs_and_round_trips_as_json(ultramm: Any, journal: Path) -> None:
    done = ultramm("report", str(journal), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    (group,) = told["together"]
    assert [leg["strategy"] for leg in group["legs"]] == ["pair", "hedge"]
    assert group["totals"]["USDT"]["total"] == pytest.approx(2.0 - 0.04)
    (trip,) = group["trips"]
    assert (trip["net"], trip["cost"]) == (pytest.approx(1.96), pytest.approx(0.04))
    (weight,) = told["effects"]["pair on X.SIM"]
    assert (weight["name"], weight["lowest"], weight["highest"]) == ("trend weight", 41.0, 49.0)


def test_the_same_in_tables_and_on_a_page(ultramm: Any, journal: Path, tmp_path: Path) -> None:
    done = ultramm("report", str(journal), "--report", str(tmp_path / "page.html"))
    assert done.returncode == 0, done.stderr
    for words in ("what moved the quotes", "trend weight", "pair, with hedge", "round trips: 1", "foretold"):
        assert words in done.stdout
    page = (tmp_path / "page.html").read_text()
    assert "pair, with hedge" in page
    assert "ultramm report" in page


def test_a_run_that_is_not_there(ultramm: Any, journal: Path) -> None:
    done = ultramm("report", str(journal), "--run", "demo-9")
    assert done.returncode == 2
    assert "demo-9" in done.stderr
    assert done.stderr.count("\n") == 1
