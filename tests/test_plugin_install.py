"""A third party's plugin: built from a folder of its own, installed into a clean environment, it appears and runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[1]
TEMPLATE = PROJECT / "plugins" / "ultramm-plugin-template"


def run(*command: str | Path, cwd: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def wheel(source: Path, into: Path) -> Path:
    """Build a wheel from a copy of a source folder, so that nothing is left behind in it."""
    copy = into / f"{source.name}-source"
    ignored = shutil.ignore_patterns(".git", ".venv", "__pycache__", "data", "logs", ".*_cache", ".hypothesis")
    shutil.copytree(source, copy, ignore=ignored)
    target = into / f"{source.name}-wheel"
    code = "import sys\nfrom hatchling.build import build_wheel\nprint(build_wheel(sys.argv[1]))"
    target.mkdir()
    name = run(sys.executable, "-c", code, target, cwd=copy).stdout.strip().splitlines()[-1]
    return target / name


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("wheels")
    return wheel(PROJECT, directory), wheel(TEMPLATE, directory)


@pytest.fixture
def clean(tmp_path: Path, wheels: tuple[Path, Path]) -> Path:
    """A new environment with ultramm from its wheel.

    Only the third-party packages are borrowed from this environment, by a path file: they are the same pinned
    ones, and downloading them again would test the index instead of us.
    """
    home = tmp_path / "venv"
    venv.create(home, with_pip=True, symlinks=True)
    python = home / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheels[0], cwd=tmp_path)
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).stdout.strip()
    )
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_template_appears_and_trades(clean: Path, wheels: tuple[Path, Path], tmp_path: Path) -> None:
    listed = json.loads(run(clean.parent / "ultramm", "plugins", "list", "--json", cwd=tmp_path).stdout)
    # What else the environment that is borrowed from has installed is listed too.
    before = [item for item in listed if item["distribution"] == "ultramm"]
    assert {item["name"] for item in before} == {
        "adaptive-market-maker",
        "ai-market-maker",
        "avellaneda-stoikov",
        "binance",
        "bybit",
        "combined",
        "cross-exchange-maker",
        "deribit",
        "dydx",
        "flow",
        "glft",
        "hedger",
        "hyperliquid",
        "interactive-brokers",
        "kraken",
        "market-maker",
        "statistical-arbitrage",
        "okx",
        "poisson",
        "replay",
        "retrain",
        "reversion",
        "ridge",
        "synthetic",
        "trees",
        "trend",
    }
    assert all(item.get("error") is None for item in before)

    run(clean, "-m", "pip", "install", "--no-deps", "--no-index", wheels[1], cwd=tmp_path)
    after = json.loads(run(clean.parent / "ultramm", "plugins", "list", "--json", cwd=tmp_path).stdout)
    (touch,) = [item for item in after if item["name"] == "touch"]
    assert (touch["kind"], touch["distribution"]) == ("strategy", "ultramm-plugin-template")

    run(clean.parent / "ultramm", "config", "init", "touch.yaml", cwd=tmp_path)
    done = run(
        clean.parent / "ultramm",
        "backtest",
        "run",
        "touch.yaml",
        "--json",
        "--set",
        "venues.SIM.params.duration_s=20",
        "--set",
        "strategies.0.use=touch",
        "--set",
        "strategies.0.params={order_size: 0.01, max_position: 0.05}",
        cwd=tmp_path,
    )
    result = json.loads(done.stdout)
    assert result["fills"] > 0
    assert result["pnl"]["identity_residual"] < 1e-9
    _learns(clean, tmp_path)


def _learns(clean: Path, folder: Path) -> None:
    """What a plugin brings is tried beside the line, on the market of a node."""
    wanted = {
        "name": "toy",
        "market": "touch.yaml",
        "set": ["venues.SIM.params.duration_s=60"],
        "instrument": "BTCUSDT.SIM",
        "horizons_s": [1],
        "horizon_s": 1,
        "estimators": ["ridge", "small-network"],
    }
    (folder / "toy.json").write_text(json.dumps(wanted))
    made = json.loads(run(clean.parent / "ultramm", "model", "train", "toy.json", "--json", cwd=folder).stdout)
    tried = [each["candidate"] for each in made["results"]["move"]]
    assert tried == ["queue imbalance", "ridge, own market", "small-network"]


def test_the_wheel_holds_all_three_source_roots_and_the_default_configuration(wheels: tuple[Path, Path]) -> None:
    from zipfile import ZipFile

    with ZipFile(wheels[0]) as archive:
        names = set(archive.namelist())
    assert {
        "ultramm/config/default.yaml",
        "ultramm/py.typed",
        "ultramm_strategies/market_maker/strategy.py",
        "ultramm_adapters/synthetic/source.py",
    } <= names
    assert not {name for name in names if name.startswith(("tests/", "config/", "benchmarks/"))}


def test_the_templates_own_tests_pass(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATE, tmp_path / "template")
    source = tmp_path / "template" / "src"
    code = f"import sys; sys.path.insert(0, {str(source)!r}); import pytest; sys.exit(pytest.main(['-q', 'tests']))"
    run(sys.executable, "-c", code, cwd=tmp_path / "template")
