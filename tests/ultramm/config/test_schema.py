import msgspec
import pytest

from ultramm.config.schema import Config

LEAST = {
    "mode": "paper",
    "name": "demo",
    "venues": {"SIM": {"adapter": "synthetic", "instruments": ["BTCUSDT"]}},
    "strategies": [{"use": "market-maker", "name": "mm", "instruments": ["BTCUSDT.SIM"]}],
}


def config(**values) -> Config:
    return msgspec.convert({**LEAST, **values}, Config)


def test_mode_name_venues_and_strategies_are_all_that_must_be_said():
    assert config().journal.to == "sqlite:///data/journal.db"
    for key in LEAST:
        with pytest.raises(msgspec.ValidationError, match=key):
            msgspec.convert({k: v for k, v in LEAST.items() if k != key}, Config)


def test_an_unsaid_account_is_none_and_limits_have_defaults():
    least = config()
    assert least.venues["SIM"].paper is None
    assert least.risk.max_notional is None
    assert least.risk.max_open_orders == 100


def test_two_configurations_share_nothing():
    config().venues["SIM"].params["preset"] = "tight"
    assert config().venues["SIM"].params == {}


@pytest.mark.parametrize("name", ["demo", "mm-btc", "a.b_c-2", "X"])
def test_names_that_people_choose_pass(name):
    assert config(name=name).name == name


@pytest.mark.parametrize("name", ["", "1st", "a b", "-x", "x-", "a--b", "x/y", "x" * 41, "ümlaut"])
def test_names_that_break_order_ids_or_paths_are_refused(name):
    with pytest.raises(msgspec.ValidationError):
        config(name=name)


@pytest.mark.parametrize("to", ["sqlite:///x.db", "redis://localhost", "rediss://localhost:7000/1"])
def test_a_file_or_a_redis_can_be_the_journal(to):
    assert config(journal={"to": to}).journal.to == to


@pytest.mark.parametrize("to", ["http://localhost", "redis://", "sqlite://x", "sqlite:///", "data/journal.db"])
def test_nothing_else_can_be_the_journal(to):
    with pytest.raises(msgspec.ValidationError):
        config(journal={"to": to})
