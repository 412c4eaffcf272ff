"""Documentation that must stay true."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest

from ultramm import __version__
from ultramm.plugin import StrategyPlugin, installed, load

PROJECT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in PROJECT.rglob("*.md")
    if not {".venv", "data", "logs", "node_modules", ".pytest_cache"} & set(path.relative_to(PROJECT).parts)
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_local_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_parameter_of_a_strategy_is_in_its_readme() -> None:
    strategies = [plugin for plugin in installed("strategy") if plugin.distribution == "ultramm"]
    assert strategies
    for plugin in strategies:
        assert isinstance(plugin.record, StrategyPlugin)
        module = plugin.record.strategy.partition(":")[0].split(".")[1]
        readme = (PROJECT / "strategies" / "ultramm_strategies" / module / "README.md").read_text(encoding="utf-8")
        for field in msgspec.structs.fields(load(plugin.record.params)):
            assert f"| `{field.name}` |" in readme, field.name


def test_the_packages_version_is_said_once_and_in_the_changelog() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_is_pinned_exactly_and_without_an_address() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").split()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][^\s/]*", line) for line in lines)
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[<>=~! ;\[]", item)[0]).lower() for item in wanted}
    assert names <= pinned, names - pinned


def test_make_explains_its_targets() -> None:
    done = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True)
    for target in [
        "setup",
        "start",
        "test",
        "test-unit",
        "test-integration",
        "lint",
        "typecheck",
        "check",
        "bench",
        "help",
    ]:
        assert re.search(rf"^{target}\s+\S", done.stdout, re.MULTILINE), target


def test_a_machine_without_a_new_enough_python_is_told_what_to_install(tmp_path: Path) -> None:
    """Only an old python3 is on the path, and neither pyenv nor uv."""
    tools = tmp_path / "bin"
    tools.mkdir()
    old = tools / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo "Python 3.9.2"; exit 0; }\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(PROJECT / "scripts" / "make_venv.sh"), str(tmp_path / "venv")],
        cwd=PROJECT,
        env={"PATH": str(tools), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "needs Python 3.12, 3.13 or 3.14; this machine has Python 3.9.2" in done.stderr
    assert "apt install python3.12" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_pyenvs_versions_are_found_when_the_default_python_is_too_old(tmp_path: Path) -> None:
    tools, chosen = tmp_path / "bin", tmp_path / ".pyenv" / "versions" / "3.12.9" / "bin"
    for directory in (tools, chosen):
        directory.mkdir(parents=True)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    # A stand-in for a good Python: it says so, and shows what it was asked to make.
    (chosen / "python").write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "asked: $*"\nexit 7\n')
    for program in (tools / "python3", chosen / "python"):
        program.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(PROJECT / "scripts" / "make_venv.sh"), "somewhere"],
        cwd=PROJECT,
        env={"PATH": f"{tools}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "asked: -m venv --clear somewhere" in done.stdout, done.stderr
