"""The file of strategies that meet: read in order, refused in one line, and put in a market's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ultramm.config.contest import Contestant, entered, read_contestants
from ultramm.config.load import read
from ultramm.errors import ConfigError

MARKET = """
mode: backtest
name: market
seed: 7
venues:
  SIM: {adapter: synthetic, instruments: [BTCUSDT], paper: {starting_balances: [1000 USDT]}}
strategies:
  - {use: market-maker, name: mm, instruments: [BTCUSDT.SIM], params: {order_size: 0.02, max_position: 0.1, skew: 3}}
"""


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    return path


def test_strategies_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, "b: {use: glft}\na: {use: market-maker, keep: [order_size], params: {skew: 0}}\n")
    assert read_contestants(path) == {
        "b": Contestant(use="glft"),
        "a": Contestant(use="market-maker", keep=["order_size"], params={"skew": 0}),
    }
    assert list(read_contestants(path)) == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: {use: glft}\n", "names 1 strategies; a comparison takes two or more"),
        ("a: {use: glft}\nb: {params: {}}\n", "b"),
        ("a: {use: glft}\nb: {use: glft, keeps: []}\n", "keeps"),
        ("a: {use: glft}\nb: {use: 3}\n", "b.use"),
        ("[1, 2]\n", "mapping"),
        ("a: {\n", "no valid YAML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_contestants(file(tmp_path, text))
    assert says in str(caught.value)
    assert "file.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_contestant_takes_the_place_of_the_own_strategy(tmp_path: Path) -> None:
    loaded = read(file(tmp_path, MARKET))
    contestant = Contestant(
        use="glft", keep=["order_size", "max_position", "refresh_ms"], params={"max_position": 0.5, "levels": 2}
    )
    other = entered(loaded, contestant, 9)
    (strategy,) = other.config.strategies
    assert other.config.seed == 9
    assert (strategy.use, strategy.name, strategy.instruments) == ("glft", "mm", ["BTCUSDT.SIM"])
    # What the own strategy has and is kept, with the contestant's own parameters above it.
    assert strategy.params == {"order_size": 0.02, "max_position": 0.5, "levels": 2}
    assert loaded.config.strategies[0].params["skew"] == 3


def test_a_market_with_two_strategies_is_refused(tmp_path: Path) -> None:
    second = "  - {use: market-maker, name: two, instruments: [BTCUSDT.SIM], params: {}}\n"
    with pytest.raises(ConfigError, match="strategies: has 2; a comparison replaces just one"):
        entered(read(file(tmp_path, MARKET + second)), Contestant(use="glft"), 1)
