import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from distributions import write_distribution

from ultramm.errors import PluginError
from ultramm.plugin import GROUPS, KINDS, AdapterPlugin, Installed, StrategyPlugin, installed, load, record

RECORD = """
from ultramm.plugin import {cls}

PLUGIN = {cls}(name="{name}", summary="a test", {arguments})
"""
ARGUMENTS = {
    "StrategyPlugin": 'params="nowhere:P", strategy="nowhere:S"',
    "AdapterPlugin": 'params="nowhere:P", source="nowhere:S"',
    "ActorPlugin": 'params="nowhere:P", actor="nowhere:A"',
    "ServicePlugin": 'params="nowhere:P", serve="nowhere:S"',
    "ViewPlugin": 'params="nowhere:P", view="nowhere:V"',
    "SignalPlugin": 'params="nowhere:P", source="nowhere:S"',
}

Distribution = Callable[..., Path]


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distribution:
    """Installs a distribution: a real dist-info folder and its modules, in a folder of its own on the path."""
    before = set(sys.modules)

    def install(name: str, *arguments: Any, version: str = "1.2.3", **more: Any) -> Path:
        site = write_distribution(tmp_path / f"site-{name}-{version}", name, *arguments, version=version, **more)
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        return site

    yield install
    for module in set(sys.modules) - before:
        del sys.modules[module]


def strategy_module(name: str, cls: str = "StrategyPlugin") -> str:
    return RECORD.format(cls=cls, name=name, arguments=ARGUMENTS[cls])


def found(kind: str, name: str) -> list[Installed]:
    return [plugin for plugin in installed(kind) if plugin.name == name]


# -- finding -------------------------------------------------------------------------------------------------


def test_the_built_ins_come_through_the_same_door():
    assert isinstance(record("strategy", "market-maker"), StrategyPlugin)
    assert isinstance(record("adapter", "synthetic"), AdapterPlugin)
    assert {plugin.distribution for plugin in found("strategy", "market-maker")} == {"ultramm"}


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        ("strategy", "StrategyPlugin"),
        ("adapter", "AdapterPlugin"),
        ("plugin", "ActorPlugin"),
        ("plugin", "ServicePlugin"),
        ("plugin", "ViewPlugin"),
        ("plugin", "SignalPlugin"),
    ],
)
def test_a_third_partys_plugin_of_each_kind_is_found(distribution, kind, cls):
    distribution("third", {KINDS[kind]: {"zig": "third_mod:PLUGIN"}}, {"third_mod": strategy_module("zig", cls)})
    (plugin,) = found(kind, "zig")
    assert (plugin.kind, plugin.distribution, plugin.version, plugin.error) == (kind, "third", "1.2.3", None)
    assert isinstance(plugin.record, GROUPS[KINDS[kind]])
    assert record(kind, "zig") == plugin.record


def test_a_listing_is_sorted_and_can_be_of_one_kind(distribution):
    distribution(
        "third",
        {"ultramm.strategies": {"zz": "third_mod:PLUGIN", "aa": "third_mod:PLUGIN"}},
        {"third_mod": strategy_module("zz")},
    )
    every = installed()
    assert [(p.kind, p.name) for p in every] == sorted((p.kind, p.name) for p in every)
    assert {"aa", "zz", "market-maker"} <= {plugin.name for plugin in installed("strategy")}
    assert {plugin.kind for plugin in installed("strategy")} == {"strategy"}
    assert {plugin.kind for plugin in every} >= {"strategy", "adapter"}


def test_listing_imports_no_implementation(distribution):
    distribution("third", {"ultramm.strategies": {"zig": "third_mod:PLUGIN"}}, {"third_mod": strategy_module("zig")})
    assert found("strategy", "zig")[0].error is None  # "nowhere" is no module


# -- broken --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise ImportError('needs libfoo\\nand libbar')", ["ImportError", "needs libfoo and libbar"]),
        ("1 / 0", ["ZeroDivisionError"]),
        ("def broken(:", ["SyntaxError"]),
        ("import not_installed_anywhere", ["not_installed_anywhere"]),
        ("", ["AttributeError", "PLUGIN"]),
        ("PLUGIN = 7", ["int", "StrategyPlugin"]),
        ("from ultramm.plugin import StrategyPlugin as PLUGIN", ["not a StrategyPlugin"]),
        ("from ultramm.plugin import StrategyPlugin\nPLUGIN = StrategyPlugin(name='x')", ["TypeError", "summary"]),
        ("import sys\nsys.exit('runs on Linux only')", ["SystemExit", "runs on Linux only"]),
    ],
)
def test_a_broken_plugin_is_listed_with_its_cause_and_hides_no_other(distribution, source, words):
    distribution("sick", {"ultramm.strategies": {"sick": "sick_mod:PLUGIN"}}, {"sick_mod": source})
    (plugin,) = found("strategy", "sick")
    assert plugin.record is None
    assert "\n" not in plugin.error
    assert all(word in plugin.error for word in words)
    assert found("strategy", "market-maker")[0].error is None
    with pytest.raises(PluginError) as caught:
        record("strategy", "sick")
    assert "sick 1.2.3" in str(caught.value)
    assert words[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_record_of_another_kind_is_refused_by_name(distribution):
    distribution(
        "mixed",
        {"ultramm.strategies": {"mixed": "mixed_mod:PLUGIN"}},
        {"mixed_mod": strategy_module("mixed", "AdapterPlugin")},
    )
    (plugin,) = found("strategy", "mixed")
    assert plugin.error == "mixed_mod:PLUGIN is a AdapterPlugin, not a StrategyPlugin"


@pytest.mark.parametrize("metadata", [None, "Metadata-Version: 2.1\n"], ids=["no METADATA", "no name in METADATA"])
def test_a_damaged_installation_hides_no_other_plugin(distribution, metadata):
    """What an interrupted pip leaves behind."""
    distribution(
        "damaged",
        {"ultramm.strategies": {"zig": "damaged_mod:PLUGIN"}},
        {"damaged_mod": strategy_module("zig")},
        metadata=metadata,
    )
    assert found("strategy", "market-maker")[0].error is None
    assert len(found("strategy", "zig")) == 1


# -- twice ---------------------------------------------------------------------------------------------------


def test_two_distributions_with_one_name_are_both_refused_by_both_names(distribution):
    for name in ("alpha-maker", "beta-maker"):
        module = name.replace("-", "_")
        distribution(name, {"ultramm.strategies": {"zig": f"{module}:PLUGIN"}}, {module: strategy_module("zig")})
    plugins = found("strategy", "zig")
    assert [plugin.distribution for plugin in plugins] == ["alpha-maker", "beta-maker"]
    assert all(plugin.record is None for plugin in plugins)
    with pytest.raises(PluginError, match="alpha-maker and beta-maker"):
        record("strategy", "zig")
    assert found("strategy", "market-maker")[0].error is None


def test_a_third_party_cannot_take_the_place_of_a_built_in(distribution):
    distribution(
        "thief", {"ultramm.strategies": {"market-maker": "thief_mod:PLUGIN"}}, {"thief_mod": strategy_module("x")}
    )
    with pytest.raises(PluginError, match="thief and ultramm"):
        record("strategy", "market-maker")


def test_one_distribution_found_twice_is_one_plugin(distribution):
    for version in ("1.0", "2.0"):
        distribution(
            "twice",
            {"ultramm.strategies": {"zig": "twice_mod:PLUGIN"}},
            {"twice_mod": strategy_module("zig")},
            version=version,
        )
    assert len(found("strategy", "zig")) == 1
    assert record("strategy", "zig").name == "zig"


def test_one_name_in_two_kinds_is_no_conflict(distribution):
    distribution(
        "both",
        {"ultramm.strategies": {"zig": "both_s:PLUGIN"}, "ultramm.adapters": {"zig": "both_a:PLUGIN"}},
        {"both_s": strategy_module("zig"), "both_a": strategy_module("zig", "AdapterPlugin")},
    )
    assert isinstance(record("strategy", "zig"), StrategyPlugin)
    assert isinstance(record("adapter", "zig"), AdapterPlugin)


# -- missing -------------------------------------------------------------------------------------------------


def test_a_misspelt_name_suggests_the_nearest():
    with pytest.raises(PluginError, match=r"no strategy named 'market-makr'; did you mean market-maker\?"):
        record("strategy", "market-makr")


def test_a_strange_name_lists_what_there_is():
    with pytest.raises(PluginError, match=r"no adapter named 'xyzzy'; installed: .*synthetic"):
        record("adapter", "xyzzy")


# -- loading -------------------------------------------------------------------------------------------------


def test_load_gives_the_object_itself():
    assert load("ultramm.plugin:StrategyPlugin") is StrategyPlugin


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("ultramm.nowhere:Thing", "ultramm.nowhere"),
        ("ultramm.plugin:Thing", "Thing"),
        ("ultramm.plugin", "ultramm.plugin"),
        ("", "Empty module name"),
        (":Thing", "Empty module name"),
        ("..relative:Thing", "relative"),
    ],
)
def test_what_cannot_be_loaded_is_named_in_one_line(path, word):
    with pytest.raises(PluginError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"cannot load {path}: ")
    assert word in text
    assert "\n" not in text


def test_an_implementation_that_fails_to_import_is_named_with_its_cause(distribution):
    distribution("sick", {}, {"sick_impl": "raise RuntimeError('two\\nlines')"})
    with pytest.raises(PluginError, match="cannot load sick_impl:Strategy: RuntimeError: two lines") as caught:
        load("sick_impl:Strategy")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_records_do_not_change():
    plugin = record("strategy", "market-maker")
    with pytest.raises(AttributeError):
        plugin.name = "other"
    assert msgspec.json.encode(plugin)
