import contextlib
import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ultramm.config.load import DEFAULT_PATH, json_schema, read, resolved
from ultramm.config.schema import Config
from ultramm.errors import ConfigError

TEXT = """
mode: paper
name: demo
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT, ETHUSDT]
    params: {preset: wide}
    paper: {starting_balances: [1000 USDT, 1 BTC], latency_ms: 5}
  OTHER:
    adapter: synthetic
    instruments: [BTCUSDT]
    paper: {starting_balances: [1000 USDT]}
strategies:
  - use: market-maker
    name: mm-btc
    instruments: [BTCUSDT.SIM]
    params: {order_size: 0.01, half_spread_bps: 5, max_position: 0.1}
  - use: market-maker
    name: mm-eth
    instruments: [ETHUSDT.SIM]
    params: {order_size: 0.01, half_spread_bps: 5, max_position: 0.1}
risk: {max_notional: 1000, max_open_orders: 5}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return path


def complaint(path: Path, *overrides: str, environment: dict[str, str] | None = None) -> str:
    """The one line that a wrong configuration gets, without the file's name where it has one."""
    with pytest.raises(ConfigError) as caught:
        read(path, overrides, environment or {})
    text = str(caught.value)
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def of_text(tmp_path: Path, text: str) -> str:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(path, (), {})
    assert str(caught.value).startswith(f"{path}: ")
    return complaint(path)


# -- what is right -------------------------------------------------------------------------------------------


def test_a_file_becomes_a_configuration(file):
    loaded = read(file, (), {})
    assert loaded.path == file
    assert loaded.config.mode == "paper"
    assert list(loaded.config.venues) == ["SIM", "OTHER"]
    assert [strategy.name for strategy in loaded.config.strategies] == ["mm-btc", "mm-eth"]
    assert loaded.config.risk.max_notional == 1000.0
    assert loaded.secrets == frozenset()


def test_without_a_file_the_packaged_default_is_read():
    loaded = read(None, (), {})
    assert loaded.path == DEFAULT_PATH
    assert loaded.config.mode == "paper"


# -- the file itself -----------------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path):
    assert "No such file" in complaint(tmp_path / "nowhere.yaml")


def test_a_folder_is_no_configuration(tmp_path):
    assert "Is a directory" in complaint(tmp_path)


def test_a_path_below_a_file_is_named(file):
    assert "cannot read" in complaint(file / "below.yaml")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n- b\n", "just words", "7", "null"])
def test_what_is_no_mapping_is_refused(tmp_path, text):
    assert "mapping of keys" in of_text(tmp_path, text)


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "a:\n\t- b", "{", "a: *nowhere", "a: !!python/name:os.system"])
def test_invalid_yaml_is_refused_with_its_place(tmp_path, text):
    message = of_text(tmp_path, text)
    assert "no valid YAML" in message
    assert "line" in message


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"name: \xff\xfe")
    assert "no valid YAML" in complaint(path)


def test_a_file_that_contains_itself_is_refused(tmp_path):
    assert of_text(tmp_path, TEXT.replace("{preset: wide}", "&again {preset: *again}"))


def test_a_date_that_is_none_is_refused_like_any_wrong_value(tmp_path):
    assert of_text(tmp_path, TEXT.replace("name: demo", "name: 2024-13-45")).startswith("name: ")


# -- the keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        # unknown keys: on top, nested, in a list, in a mapping of the user's own names
        ("nmae=x", "nmae: unknown key; did you mean name?"),
        ("risk.max_ntional=1", "risk.max_ntional: unknown key; did you mean max_notional?"),
        ("strategies.1.nane=x", "strategies[1].nane: unknown key; did you mean name?"),
        ("venues.OTHER.adaptor=x", "venues.OTHER.adaptor: unknown key; did you mean adapter?"),
        ("venues.SIM.paper.latency=1", "venues.SIM.paper.latency: unknown key; did you mean latency_ms?"),
        (
            "dashboard.zzz=1",
            "dashboard.zzz: unknown key; allowed: address, enabled, origins, password, port, viewer_password",
        ),
        # wrong types
        ("seed=1.5", "seed: expected `int`, got `float`"),
        ("name=7", "name: expected `str`, got `int`"),
        ("risk.max_notional=much", "risk.max_notional: expected `float | null`, got `str`"),
        ("dashboard.port=true", "dashboard.port: expected `int`, got `bool`"),
        ("strategies.1=x", "strategies[1]: expected `object`, got `str`"),
        ("venues.OTHER.instruments.0=5", "venues.OTHER.instruments[0]: expected `str`, got `int`"),
        ("venues.SIM.paper.starting_balances.1=5", "venues.SIM.paper.starting_balances[1]: expected `str`, got `int`"),
        ("venues.OTHER=x", "venues.OTHER: expected `object`, got `str`"),
        ("risk=null", "risk: expected `object`, got `null`"),
        # out of range
        ("risk.max_notional=0", "risk.max_notional: expected `float` > 0.0"),
        ("risk.max_notional=.nan", "risk.max_notional: expected `float` > 0.0"),
        ("risk.max_open_orders=0", "risk.max_open_orders: expected `int` >= 1"),
        ("dashboard.port=65536", "dashboard.port: expected `int` <= 65535"),
        ("venues.OTHER.paper.latency_ms=-1", "venues.OTHER.paper.latency_ms: expected `float` >= 0.0"),
        ("strategies.0.instruments=[]", "strategies[0].instruments: expected `array` of length >= 1"),
        ("strategies=[]", "strategies: expected `array` of length >= 1"),
        # one of a few
        ("mode=papr", "mode: invalid enum value 'papr'; allowed: backtest, live, paper"),
        ("logging.level=LOUD", "logging.level: invalid enum value 'LOUD'; allowed: DEBUG, ERROR, INFO, WARNING"),
        (
            "venues.OTHER.paper.account=both",
            "venues.OTHER.paper.account: invalid enum value 'both'; allowed: auto, cash, margin",
        ),
    ],
)
def test_each_complaint_names_file_key_and_remedy(file, override, expected):
    assert complaint(file, override) == expected
    with pytest.raises(ConfigError) as caught:
        read(file, [override], {})
    assert str(caught.value) == f"{file}: {expected}"


def test_a_missing_key_is_named(tmp_path):
    message = of_text(tmp_path, TEXT.replace("    name: mm-eth\n", ""))
    assert message.startswith("strategies[1]: ")
    assert "missing required field `name`" in message


def test_the_name_of_a_venue_that_cannot_be_one_is_named(file):
    assert "sim" in complaint(file, "venues.sim={adapter: synthetic, instruments: [X]}")


def test_a_key_that_is_no_text_is_named(tmp_path):
    assert "8050" in of_text(tmp_path, TEXT + "8050: dashboard\n")


def test_numbers_in_scientific_notation_are_numbers(file):
    assert read(file, ["risk.max_notional=5e4"], {}).config.risk.max_notional == 50_000.0
    assert read(file, ["risk.price_collar_bps=1e-1"], {}).config.risk.price_collar_bps == 0.1


def test_a_key_given_twice_is_refused(tmp_path):
    """Of two limits one would win in silence."""
    message = of_text(tmp_path, TEXT + "risk: {max_notional: 1000000}\n")
    assert "risk" in message


# -- --set ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("name=other", lambda c: c.name == "other"),
        ("seed=11", lambda c: c.seed == 11),
        ("risk.max_open_orders=9", lambda c: c.risk.max_open_orders == 9),
        ("dashboard.enabled=false", lambda c: c.dashboard.enabled is False),
        ("strategies.1.name=second", lambda c: c.strategies[1].name == "second"),
        ("strategies.0.params.levels=3", lambda c: c.strategies[0].params.get("levels") == 3),
        ("strategies.0.instruments.0=X.SIM", lambda c: c.strategies[0].instruments == ["X.SIM"]),
        (
            "venues.SIM.paper.starting_balances=[5 USDT]",
            lambda c: c.venues["SIM"].paper.starting_balances == ["5 USDT"],
        ),
        ("venues.SIM.paper=null", lambda c: c.venues["SIM"].paper is None),
        ("venues.SIM.params={}", lambda c: c.venues["SIM"].params == {}),
        ("logging.directory=a=b", lambda c: c.logging.directory == "a=b"),
        ("journal.to=sqlite:///x.db", lambda c: c.journal.to == "sqlite:///x.db"),
    ],
)
def test_set_changes_exactly_what_it_names(file, override, value):
    changed, plain = read(file, [override], {}).config, read(file, (), {}).config
    assert value(changed)
    assert not value(plain)


def test_the_last_of_two_settings_wins(file):
    assert read(file, ["seed=1", "seed=2"], {}).config.seed == 2


def test_set_can_read_the_environment_as_the_file_does(file):
    loaded = read(file, ["name=${WHO:-nobody}"], {"WHO": "somebody"})
    assert loaded.config.name == "somebody"
    assert loaded.secrets == {"somebody"}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("", "KEY=VALUE"),
        ("name", "KEY=VALUE"),
        ("=x", "KEY=VALUE"),
        ("name=[", "no valid YAML"),
        ("name=*x", "no valid YAML"),
        ("strategies.7.name=x", "7 is no position in a list of 2"),
        ("strategies.7=x", "7 is no position in a list of 2"),
        ("strategies.-1.name=x", "-1 is no position in a list of 2"),
        ("strategies.first.name=x", "first is no position in a list of 2"),
        ("strategies.²=x", "² is no position in a list of 2"),
        ("name.x=1", "no keys"),
        ("name.x.y=1", "no keys"),
    ],
)
def test_a_wrong_setting_is_named_as_what_was_typed(file, override, words):
    message = complaint(file, override)
    assert message.startswith(f"--set {override}: ")
    assert words in message


@pytest.mark.parametrize(
    "override",
    ["a..b=1", ".a=1", "a.=1", ".=1", "..=", "name=2024-13-45", "name=\x00", "a\nb", "a\nb=1", "name=a\nb: c"],
)
def test_whatever_is_typed_is_answered_in_one_line(file, override):
    assert complaint(file, override)


@given(st.text(max_size=12))
def test_no_text_at_all_breaks_the_reader(text):
    with contextlib.suppress(ConfigError):
        read(DEFAULT_PATH, [text], {})


# -- the environment -----------------------------------------------------------------------------------------


def with_name(tmp_path: Path, name: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT.replace("name: demo", f"name: {name}"))
    return path


@pytest.mark.parametrize(
    ("written", "environment", "expected"),
    [
        ("${WHO}", {"WHO": "me"}, "me"),
        ("${WHO:-nobody}", {"WHO": "me"}, "me"),
        ("${WHO:-nobody}", {}, "nobody"),
        ("${WHO:-nobody}", {"WHO": ""}, "nobody"),
        ("x${WHO:-}y", {}, "xy"),
        ("${A}-${B:-b}", {"A": "a"}, "a-b"),
        ("${_a1}", {"_a1": "x"}, "x"),
    ],
)
def test_variables_are_filled_in(tmp_path, written, environment, expected):
    assert read(with_name(tmp_path, written), (), environment).config.name == expected


@pytest.mark.parametrize("environment", [{}, {"WHO": ""}])
def test_a_variable_that_is_not_set_is_named_with_its_key(tmp_path, environment):
    message = complaint(with_name(tmp_path, "${WHO}"), environment=environment)
    assert message == "name: environment variable WHO is not set; export WHO=..., or write ${WHO:-default}"


def test_the_key_of_a_missing_variable_is_its_whole_path(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(TEXT.replace("instruments: [ETHUSDT.SIM]", 'instruments: ["${SYMBOL}.SIM"]'))
    assert complaint(path).startswith("strategies[1].instruments[0]: environment variable SYMBOL")


def test_a_number_can_come_from_the_environment(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(TEXT + 'dashboard: {port: "${PORT:-8060}"}\n')
    assert read(path, (), {}).config.dashboard.port == 8060
    assert read(path, (), {"PORT": "9000"}).config.dashboard.port == 9000


def test_the_value_of_a_variable_is_no_yaml_and_not_read_again(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(TEXT + 'logging: {directory: "${DIR}"}\n')
    assert read(path, (), {"DIR": "${HOME}: [x"}).config.logging.directory == "${HOME}: [x"


def test_the_process_environment_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("ULTRAMM_TEST_WHO", "me")
    assert read(with_name(tmp_path, "${ULTRAMM_TEST_WHO}")).config.name == "me"
    assert "ULTRAMM_TEST_WHO" in os.environ


# -- secrets -------------------------------------------------------------------------------------------------


def test_what_came_from_the_environment_is_masked(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(TEXT.replace("{preset: wide}", '{key: "${KEY}", nested: [{url: "wss://me:${KEY}@host"}]}'))
    loaded = read(path, (), {"KEY": "hunter2"})
    assert loaded.config.venues["SIM"].params["key"] == "hunter2"
    plain = resolved(loaded)
    assert "hunter2" not in json.dumps(plain)
    assert plain["venues"]["SIM"]["params"] == {"key": "****", "nested": [{"url": "wss://me:****@host"}]}


def test_a_secret_that_contains_another_leaves_no_tail(tmp_path):
    secrets = {f"KEY{length}": "correct-horse-battery"[:length] for length in range(8, 21)}
    keys = ", ".join(f'k{name}: "${{{name}}}"' for name in secrets)
    path = tmp_path / "config.yaml"
    path.write_text(TEXT.replace("{preset: wide}", f"{{{keys}}}"))
    shown = resolved(read(path, (), secrets))["venues"]["SIM"]["params"]
    assert set(shown.values()) == {"****"}


def test_what_is_written_in_the_file_is_shown(file):
    plain = resolved(read(file, (), {"KEY": "hunter2"}))
    assert plain["name"] == "demo"
    assert plain["venues"]["SIM"]["params"] == {"preset": "wide"}
    assert plain["risk"]["max_notional"] == 1000.0


def test_the_password_of_a_redis_comes_from_the_environment_and_is_masked(file):
    override = "journal.to=redis://:${REDIS_PASSWORD}@host:6379/0"
    loaded = read(file, [override], {"REDIS_PASSWORD": "hush"})
    assert loaded.config.journal.to == "redis://:hush@host:6379/0"
    assert resolved(loaded)["journal"]["to"] == "redis://:****@host:6379/0"


def test_all_of_an_address_can_come_from_the_environment(file):
    loaded = read(file, ["journal.to=${WHERE}"], {"WHERE": "redis://me:hush@host"})
    assert loaded.config.journal.to == "redis://me:hush@host"
    assert resolved(loaded)["journal"]["to"] == "****"


@pytest.mark.parametrize("to", ["redis://:hush@host", "redis://:${X:-hush}@host", "redis://:hush@host:port"])
def test_a_password_that_is_written_down_is_refused_and_not_repeated(file, to):
    message = complaint(file, f"journal.to={to}")
    assert message.startswith("journal.to: ")
    assert "redis://:${REDIS_PASSWORD}@HOST:PORT" in message
    assert "hush" not in message


@pytest.mark.parametrize("to", ["redis://", "redis://host:port", "redis://host/name", "redis://host#name"])
def test_an_address_of_a_redis_that_is_none_is_named(file, to):
    assert complaint(file, f"journal.to={to}").startswith("journal.to: ")


def test_defaults_of_the_file_are_no_secrets(tmp_path):
    assert resolved(read(with_name(tmp_path, "${WHO:-nobody}"), (), {}))["name"] == "nobody"


def test_the_resolved_configuration_reads_as_itself(file, tmp_path):
    loaded = read(file, (), {})
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(resolved(loaded)))
    assert read(again, (), {}).config == loaded.config


# -- the schema ----------------------------------------------------------------------------------------------


def keys_of(struct: type) -> set[str]:
    return set(struct.__struct_fields__)


def test_the_schema_is_json_and_names_every_key():
    schema = json_schema()
    text = json.dumps(schema)
    for part in ("Config", "Venue", "Strategy", "Paper", "Risk", "Journal", "Dashboard", "Logging"):
        assert schema["$defs"][part]["additionalProperties"] is False
    assert set(schema["$defs"]["Config"]["properties"]) == keys_of(Config)
    for struct in ("risk", "journal", "dashboard", "logging"):
        section = type(getattr(read(None, (), {}).config, struct))
        assert set(schema["$defs"][section.__name__]["properties"]) == keys_of(section)
    assert '"backtest", "live", "paper"' in text


def test_every_key_of_the_packaged_default_is_in_the_schema():
    schema = json_schema()
    document = yaml.safe_load(DEFAULT_PATH.read_text())
    assert set(document) <= set(schema["$defs"]["Config"]["properties"])
