"""The emulator as a node's own venue."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ultramm import plugin
from ultramm.errors import UserError
from ultramm_binance_emulator.adapter import EmulatedVenue, EmulatorParams
from ultramm_binance_emulator.plugin import PLUGIN

CONFIG = Path(__file__).parents[3] / "config" / "live-demo.yaml"


def test_it_comes_through_the_door_as_anybodys_adapter() -> None:
    assert plugin.record("adapter", "binance-emulator") is PLUGIN
    assert plugin.load(PLUGIN.params) is EmulatorParams
    assert plugin.load(PLUGIN.live) is EmulatedVenue


@pytest.mark.parametrize(("product", "amends"), [("spot", False), ("usdm", True)])
def test_what_it_can_do_is_the_products(product: str, amends: bool) -> None:
    capabilities = EmulatorParams(product=product).capabilities  # type: ignore[arg-type]
    assert ("amend" in capabilities) is amends
    assert capabilities <= PLUGIN.capabilities


@pytest.mark.integration
def test_what_the_emulator_refuses_is_said_in_one_line() -> None:
    with pytest.raises(UserError, match=r"--funds lots: an amount and an asset are expected"):
        EmulatedVenue("BINANCE", ["BTCUSDT"], EmulatorParams(funds="lots"))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ([], ("BINANCE BTC:", "BINANCE USDT:")),
        (
            [
                "venues.BINANCE.params.product=usdm",
                "venues.BINANCE.instruments=[BTCUSDT-PERP]",
                "strategies.0.instruments=[BTCUSDT-PERP.BINANCE]",
            ],
            ("BINANCE USDT:",),
        ),
    ],
    ids=["spot", "usdm"],
)
def test_a_node_trades_there_in_one_command_and_leaves_nothing(
    tmp_path: Path, settings: list[str], lines: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "ultramm.cli.main", "node", "start", str(CONFIG), "--live", "--no-dashboard"]
    seed = random.getrandbits(48)  # by which it is known among those of other tests
    settings = [*settings, f"venues.BINANCE.params.seed={seed}"]
    command += ["--duration", "4s", *[part for each in settings for part in ("--set", each)]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "quoting on both sides" in done.stdout
    assert "open orders: 0" in done.stdout
    for line in lines:
        (found,) = [each for each in done.stdout.splitlines() if each.startswith(line)]
        assert found.endswith("at the venue, the same by our fills")
    assert not [process.pid for process in psutil.process_iter(["cmdline"]) if f"--seed={seed}" in arguments(process)]


def arguments(process: psutil.Process) -> list[str]:
    found: list[str] = process.info["cmdline"] or []
    return found
