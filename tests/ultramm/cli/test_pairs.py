"""``ultramm pairs scan``: from files of bars to what belongs together, kept with its window."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ultramm.config.pairs import read_pairs
from ultramm.errors import ConfigError, DataError
from ultramm.selection.prices import read_prices

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def universe(tmp_path: Path) -> Path:
    """Two that belong together and one that does not, 1,500 minutes, in three kinds of times."""
    rng = np.random.default_rng(4)
    walk, other = np.cumsum(rng.normal(0.0, 1e-3, (2, 1_500)), axis=1)
    left, keep = np.zeros(1_500), 0.5 ** (1 / 8)
    for i in range(1, 1_500):
        left[i] = keep * left[i - 1] + rng.normal(0.0, 5e-4)
    begins = 1_700_000_040
    series = {
        "one": ("open_time", [begins + 60 * i for i in range(1_500)], walk),
        "two": ("close_time", [1_000 * (begins + 60 * (i + 1)) for i in range(1_500)], 0.9 * walk + left),
        "far": ("timestamp", [f"{np.datetime64(begins + 60 * (i + 1), 's')}Z" for i in range(1_500)], other),
    }
    for name, (column, times, logs) in series.items():
        rows = "\n".join(f"{time},{100.0 * math.exp(x):.8f}" for time, x in zip(times, logs, strict=True))
        (tmp_path / f"{name}.csv").write_text(f"{column},close\n{rows}\n")
    text = {
        "name": "three",
        "prices": {name: f"{tmp_path}/{name}.csv" for name in series},
        "baskets": [["one", "two", "far"]],
        "keep": str(tmp_path / "kept"),
    }
    path = tmp_path / "three.yaml"
    path.write_text(json.dumps(text))
    return path


@pytest.mark.integration
def test_what_belongs_together_is_found_shown_and_kept(universe: Path, ultramm: Any, tmp_path: Path) -> None:
    done = ultramm("pairs", "scan", str(universe), "--json", "--report", str(tmp_path / "page.html"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["bars"] == 1_500
    chosen = [pair for pair in found["pairs"] if not pair["reason"]]
    assert [{pair["y"], pair["x"]} for pair in chosen] == [{"one", "two"}]
    assert found["baskets"][0]["rank"] == 1
    (kept,) = (tmp_path / "kept").iterdir()
    assert json.loads(kept.read_text()) == found
    assert kept.name == "three-2023-11-14T2215-2023-11-15T2314.json"
    page = (tmp_path / "page.html").read_text()
    assert "1 of 3 pairs were chosen" in page
    assert "http-equiv" in page

    shown = ultramm("pairs", "scan", str(universe))
    assert "chosen" in shown.stdout
    assert "is below 0.6" in " ".join(shown.stdout.split())


def test_all_are_looked_at_at_the_same_moments(universe: Path) -> None:
    config = read_pairs(universe)
    prices = read_prices(config.files, 60.0)
    assert {len(each) for each in prices.closes.values()} == {1_500}
    assert np.all(np.diff(prices.times) == 60_000_000_000)
    hours = read_prices(config.files, 3_600.0)
    assert len(hours.times) == 25 + 1
    part = read_prices(config.files, 60.0, "2023-11-15", "2023-11-15T01:00")
    assert len(part.times) == 60


@pytest.mark.integration
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prices": {"one": "nowhere.csv"}}, "prices"),
        ({"baskets": [], "prices": {"one": "nowhere.csv", "two": "b.csv"}}, "nowhere.csv: cannot be read as csv"),
        ({"filters": {"max_hurts": 1}}, "filters.max_hurts"),
        ({"baskets": [["one", "nobody"]]}, "baskets[0]: nobody: not among prices"),
        ({"baskets": [["one"]]}, "baskets[0]: names fewer than two"),
        ({"begins": "yesterday or so"}, "yesterday or so: is no date"),
        ({"begins": "2030-01-01"}, "no moment at which all have a price"),
        ({"ends": "2023-11-14T22:20"}, "at least 200 are needed"),
        ({"prices": {"one": "${NOT_SET}/a.csv", "two": "b.csv"}}, "environment variable NOT_SET is not set"),
    ],
)
def test_bad_input_is_one_line(universe: Path, ultramm: Any, change: dict[str, Any], words: str) -> None:
    universe.write_text(json.dumps({**json.loads(universe.read_text()), **change}))
    done = ultramm("pairs", "scan", str(universe))
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (universe.parent / "kept").exists()


def test_a_file_that_is_no_bars_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,price\n1,2\n")
    with pytest.raises(DataError, match=r"a\.csv: needs a column close and one of open_time, close_time"):
        read_prices({"a": tmp_path / "a.csv"}, 60.0)


def test_the_example_is_read() -> None:
    config = read_pairs(PROJECT / "config" / "pairs" / "stable-coins.yaml", {"SHARED_DATA": "/data"})
    assert config.files["BTCUSD"].parent == Path("/data/pairs")
    with pytest.raises(ConfigError, match="cannot read"):
        read_pairs(PROJECT / "config" / "nothing.yaml")
