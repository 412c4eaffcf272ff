"""Keys and secrets come from the environment: never from a file, and never shown."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ultramm.config.load import masked, read, resolved
from ultramm.config.resolve import Resolved, resolve
from ultramm.errors import ConfigError

KEY, SECRET = "K3y-0f-th1s-t3st", "S3cr3t-0f-th1s-t3st"
FILE = """
mode: live
name: secret
venues:
  BINANCE:
    adapter: binance
    instruments: [BTCUSDT]
    params:
      api_key: {key}
      api_secret: {secret}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.BINANCE]
    params: {{half_spread_bps: 2, order_size: 0.01, max_position: 0.1}}
"""
Build = Callable[..., Path]


@pytest.fixture
def file(tmp_path: Path) -> Build:
    def build(key: str = '"${A_KEY}"', secret: str = '"${A_SECRET}"') -> Path:
        path = tmp_path / "secret.yaml"
        path.write_text(FILE.format(key=key, secret=secret))
        return path

    return build


def opened(path: Path, *overrides: str, **environment: str) -> Resolved:
    return resolve(read(path, overrides, environment))


@pytest.mark.parametrize("name", ["api_key", "api_secret"])
def test_one_that_is_written_in_the_file_is_refused_with_file_and_key_and_without_its_value(
    file: Build, name: str
) -> None:
    path = file(**{name.removeprefix("api_"): SECRET})
    with pytest.raises(ConfigError) as refusal:
        opened(path, A_KEY=KEY, A_SECRET=KEY)
    text = str(refusal.value)
    assert f"{path}: venues.BINANCE.params.{name}: " in text
    assert "${NAME}" in text
    assert SECRET not in text
    assert KEY not in text


def test_one_that_is_given_by_set_is_refused_too(file: Build) -> None:
    with pytest.raises(ConfigError, match=r"params\.api_secret") as refusal:
        opened(file(), f"venues.BINANCE.params.api_secret={SECRET}", A_KEY=KEY, A_SECRET=SECRET)
    assert SECRET not in str(refusal.value)


def test_one_that_an_anchor_brings_from_elsewhere_in_the_file_is_refused(file: Build) -> None:
    path = file(key=f"&anchor {SECRET}", secret="*anchor")
    with pytest.raises(ConfigError, match=r"params\.api_key"):
        opened(path)


@pytest.mark.parametrize("wrong", [f"[{SECRET}]", f"{{a: {SECRET}}}"])
def test_one_of_a_wrong_kind_is_refused_without_its_value(file: Build, wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"params\.api_secret") as refusal:
        opened(file(secret=wrong), A_KEY=KEY)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("text", ['"${A_SECRET}"', '"${A_SECRET:-}"', '"${A_SECRET:-a-default}"'])
def test_one_that_names_a_variable_is_taken_from_it(file: Build, text: str) -> None:
    params = opened(file(secret=text), A_KEY=KEY, A_SECRET=SECRET).venues["BINANCE"].params
    assert (params.api_key, params.api_secret) == (KEY, SECRET)


def test_a_default_is_taken_where_the_variable_is_not_set_or_empty(file: Build) -> None:
    path = file(secret='"${A_SECRET:-for-an-emulator}"')
    for environment in ({}, {"A_SECRET": ""}):
        params = opened(path, A_KEY=KEY, **environment).venues["BINANCE"].params
        assert params.api_secret == "for-an-emulator"


def test_a_variable_that_is_not_set_is_named(file: Build) -> None:
    with pytest.raises(ConfigError, match=r"params\.api_secret: environment variable A_SECRET is not set"):
        opened(file(), A_KEY=KEY)


def test_none_at_all_is_no_secret_in_a_file(file: Build) -> None:
    assert opened(file(key='""', secret='""')).venues["BINANCE"].params.api_key == ""


def test_what_came_from_the_environment_is_masked_wherever_it_is_shown(file: Build) -> None:
    loaded = read(file(), (), {"A_KEY": KEY, "A_SECRET": SECRET})
    shown = str(resolved(loaded))
    assert KEY not in shown
    assert SECRET not in shown
    assert shown.count("****") == 2
    assert masked({"said": [f"{SECRET} of {KEY}"]}, loaded) == {"said": ["**** of ****"]}


def test_one_that_contains_the_other_leaves_nothing_of_either(file: Build) -> None:
    loaded = read(file(), (), {"A_KEY": "abc", "A_SECRET": "abcdef"})
    assert masked("abcdef", loaded) == "****"


@pytest.mark.integration
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_config_show_masks_them(file: Build, form: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ultramm.cli.main", "config", "show", str(file()), *form],
        env={**os.environ, "A_KEY": KEY, "A_SECRET": SECRET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "****" in done.stdout
    for each in (KEY, SECRET):
        assert each not in done.stdout + done.stderr
