"""Files of hummingbot's pure market making: every key has a fate, and the result is a configuration that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ultramm.config.hummingbot import Imported, import_file
from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.errors import ConfigError

# As hummingbot writes it, with all keys of the strategy.
FILE = """
template_version: 24
strategy: pure_market_making
exchange: binance_paper_trade
market: BTC-USDT
bid_spread: 0.05
ask_spread: 0.08
minimum_spread: -100
order_refresh_time: 15.0
max_order_age: 1800.0
order_refresh_tolerance_pct: 0.02
order_amount: 0.01
price_ceiling: -1
price_floor: -1
moving_price_band_enabled: true
price_ceiling_pct: 1
price_floor_pct: -1
price_band_refresh_time: 86400
ping_pong_enabled: false
order_levels: 3
order_level_amount: 0
order_level_spread: 0.02
inventory_skew_enabled: true
inventory_target_base_pct: 50
inventory_range_multiplier: 1
inventory_price: 1
filled_order_delay: 60
hanging_orders_enabled: false
hanging_orders_cancel_pct: 10.0
order_optimization_enabled: true
ask_order_optimization_depth: 0
bid_order_optimization_depth: 0
add_transaction_costs: false
price_source: current_market
price_type: mid_price
price_source_exchange:
price_source_market:
price_source_custom_api:
custom_api_update_interval: 5
take_if_crossed: false
order_override:
should_wait_order_cancel_confirmation: true
split_order_levels_enabled: false
bid_order_level_spreads:
ask_order_level_spreads:
bid_order_level_amounts:
ask_order_level_amounts:
"""

# Names of the strategy's keys, from hummingbot's documentation.
VOCABULARY = """
bid_spread ask_spread minimum_spread order_refresh_time max_order_age order_refresh_tolerance_pct
price_ceiling price_floor moving_price_band_enabled price_ceiling_pct price_floor_pct price_band_refresh_time
ping_pong_enabled order_amount order_levels order_level_amount order_level_spread inventory_skew_enabled
inventory_target_base_pct inventory_range_multiplier inventory_price filled_order_delay hanging_orders_enabled
hanging_orders_cancel_pct order_optimization_enabled ask_order_optimization_depth bid_order_optimization_depth
add_transaction_costs price_source price_type take_if_crossed order_override
should_wait_order_cancel_confirmation split_order_levels_enabled bid_order_level_spreads
ask_order_level_spreads bid_order_level_amounts ask_order_level_amounts
""".split()  # noqa: SIM905 - a list of words


@pytest.fixture
def conf(tmp_path: Path) -> Any:
    """Import the file with some keys changed; None takes a key out."""

    def build(**changes: Any) -> Imported:
        keys = {**yaml.safe_load(FILE), **changes}
        path = tmp_path / "conf_pmm.yml"
        path.write_text(yaml.safe_dump({key: value for key, value in keys.items() if value != "out"}))
        return import_file(path)

    return build


def params(imported: Imported) -> dict[str, Any]:
    (strategy,) = imported.config["strategies"]
    return dict(strategy["params"])


def fate(imported: Imported, name: str) -> tuple[str, str]:
    (key,) = [key for key in imported.keys if key.key == name]
    return key.fate, key.note


def test_what_has_an_equal_becomes_it_in_our_units(conf: Any) -> None:
    imported = conf()
    assert params(imported) == {
        "half_spread_bps": 5.0,
        "ask_half_spread_bps": 8.0,
        "refresh_ms": 15_000.0,
        "max_order_age_s": 1800.0,
        "tolerance_bps": 2.0,
        "order_size": 0.01,
        "band_bps": 100.0,
        "band_refresh_s": 86_400.0,
        "ping_pong": False,
        "levels": 3,
        "level_step_bps": 2.0,
        "skew": 0.0,
        "size_skew": 1.0,
        "hanging_orders": False,
        "placement": "improve",
        "placement_depth": 0.0,
        "ask_placement_depth": 0.0,
        "take_if_crossed": False,
        "fill_pause_s": 60,
        "cover_fees": False,
        "fair_value": "mid",
        "max_position": 0.15,
    }
    assert imported.config["venues"]["BINANCE"]["instruments"] == ["BTCUSDT"]


def test_the_result_is_a_good_configuration(conf: Any, tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump(conf().config))
    assert resolve(read(path)).strategies[0].settings.instruments == ["BTCUSDT.BINANCE"]


@pytest.mark.parametrize("key", VOCABULARY)
def test_every_key_of_the_vocabulary_has_a_fate_of_its_own(conf: Any, key: str) -> None:
    switches = ["inventory_skew", "hanging_orders", "order_optimization"]
    if "order_level_" not in key or key.startswith(("bid", "ask")):
        switches.append("split_order_levels")
    lists = {f"{side}_order_level_{what}": "1" for side in ("bid", "ask") for what in ("spreads", "amounts")}
    _, note = fate(conf(**{**{f"{name}_enabled": True for name in switches}, **lists, key: _on(key)}), key)
    assert "that we know" not in note
    assert note != "nothing to do"


def _on(key: str) -> Any:
    if key.endswith("_enabled") or key in ("add_transaction_costs", "take_if_crossed"):
        return True
    override = {"order_1": ["buy", 0.5, 0.01], "order_2": ["sell", 0.5, 0.01]}
    return {
        "price_type": "last_price",
        "price_source": "custom_api",
        "price_floor_pct": -2,
        "order_override": override,
    }.get(key, 2)


def test_what_was_switched_off_needs_nothing(conf: Any) -> None:
    off = conf(inventory_skew_enabled=False, moving_price_band_enabled=False, order_optimization_enabled=False)
    for key in ("minimum_spread", "price_ceiling", "inventory_target_base_pct", "order_optimization_enabled"):
        assert fate(off, key)[0] == "was off", key
    assert "band_bps" not in params(off)
    assert params(off)["skew"] == 0.0


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("minimum_spread", 0.1, "tolerance_bps"),
        ("order_override", {"order_1": ["buy", 0.5, 1]}, "one side only"),
        ("price_source", "external_market", "set fair_value: reference"),
        ("price_source", "custom_api", "an adapter can bring"),
        ("price_type", "inventory_cost", "around mid, weighted-mid or last"),
        ("from_the_future", 3, "is no key of pure_market_making that we know"),
    ],
)
def test_what_has_no_equal_says_why(conf: Any, key: str, value: Any, why: str) -> None:
    verdict, note = fate(conf(**{key: value}), key)
    assert verdict == "no equal"
    assert why in note


def test_hanging_orders_and_optimisation_become_ours(conf: Any) -> None:
    got = params(conf(hanging_orders_enabled=True, hanging_orders_cancel_pct=2.5, bid_order_optimization_depth=0.4))
    assert got["hanging_orders"] is True
    assert got["hanging_cancel_bps"] == 250.0
    assert (got["placement"], got["placement_depth"], got["ask_placement_depth"]) == ("improve", 0.4, 0.0)
    assert "placement" not in params(conf(order_optimization_enabled=False))


def test_amounts_that_grow_by_an_amount_become_levels_one_by_one(conf: Any) -> None:
    got = params(conf(order_level_amount=0.005))
    assert got["bid_levels"] == [
        {"at_bps": 5.0, "size": 0.01},
        {"at_bps": 7.0, "size": 0.015},
        {"at_bps": 9.0, "size": 0.02},
    ]
    assert [level["at_bps"] for level in got["ask_levels"]] == [8.0, 10.0, 12.0]
    assert got["max_position"] == pytest.approx(5 * 0.045)


def test_split_levels_become_levels_one_by_one(conf: Any) -> None:
    got = params(
        conf(
            split_order_levels_enabled=True,
            bid_order_level_spreads="0.3, 0.1",
            bid_order_level_amounts="2,1",
            ask_order_level_spreads=[0.2],
            ask_order_level_amounts=[3],
        )
    )
    assert got["bid_levels"] == [{"at_bps": 10.0, "size": 1.0}, {"at_bps": 30.0, "size": 2.0}]
    assert got["ask_levels"] == [{"at_bps": 20.0, "size": 3.0}]


def test_overridden_orders_become_levels_one_by_one(conf: Any, tmp_path: Path) -> None:
    orders = {"a": ["buy", 0.5, 0.1], "b": ["buy", 0.2, 0.3], "c": ["sell", 0.4, 0.2]}
    imported = conf(order_override=orders, order_level_amount=1)
    got = params(imported)
    assert got["bid_levels"] == [{"at_bps": 20.0, "size": 0.3}, {"at_bps": 50.0, "size": 0.1}]
    assert got["ask_levels"] == [{"at_bps": 40.0, "size": 0.2}]
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump(imported.config))
    assert len(resolve(read(path)).strategies[0].params.bid_levels) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"hanging_orders_enabled": True, "hanging_orders_cancel_pct": 0},
        {"price_ceiling": 0, "price_floor": 0, "max_order_age": 0},
        {"exchange": "binance.us"},
        {"exchange": "gate_io_paper_trade"},
        {"price_ceiling_pct": 1, "price_floor_pct": 0.5},
        {"price_ceiling_pct": -1, "price_floor_pct": 1},
    ],
)
def test_values_at_the_edge_give_a_good_configuration_too(conf: Any, changes: dict[str, Any], tmp_path: Path) -> None:
    imported = conf(**changes)
    path = tmp_path / "ours.yaml"
    path.write_text(yaml.safe_dump(imported.config))
    resolve(read(path))
    if "price_ceiling_pct" in changes:
        becomes = changes["price_ceiling_pct"] > 0
        assert fate(imported, "moving_price_band_enabled")[0] == ("becomes" if becomes else "no equal")


def test_a_band_of_two_widths_becomes_the_nearer(conf: Any) -> None:
    imported = conf(price_ceiling_pct=3, price_floor_pct=-2)
    assert params(imported)["band_bps"] == 200.0
    assert "the nearer" in fate(imported, "moving_price_band_enabled")[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "avellaneda_market_making"}, "strategy: is 'avellaneda_market_making'; only pure_market_making"),
        ({"market": "BTCUSDT"}, "market: 'BTCUSDT' is no pair such as BTC-USDT"),
        ({"exchange": "out"}, "exchange: is missing"),
        ({"order_amount": "out"}, "order_amount: is missing; write such as 0.5"),
        ({"bid_spread": "wide"}, "bid_spread: 'wide' is no number"),
        ({"price_ceiling": "high"}, "price_ceiling: 'high' is no number"),
        ({"order_override": {"a": ["hold", 1, 1]}}, "order_override: is no list of orders"),
        ({"split_order_levels_enabled": True}, "bid_order_level_spreads: None is no list of numbers"),
        (
            {"split_order_levels_enabled": True, "bid_order_level_spreads": "1,2", "bid_order_level_amounts": "1"},
            "bid_order_level_amounts: has 1 values, the spreads are 2",
        ),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_its_key(conf: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        conf(**changes)


@pytest.mark.parametrize(
    ("text", "message"), [(None, "cannot be read"), ("a: [", "is no YAML"), ("- 1", "holds no keys")]
)
def test_what_is_no_such_file_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "conf.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        import_file(path)
