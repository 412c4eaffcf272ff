"""``ultramm plugins check``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def test_an_adapter_that_conforms_is_said_to(ultramm: Any) -> None:
    done = ultramm("plugins", "check", "synthetic")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "adapter synthetic conforms\n"
    listed = ultramm("plugins", "check", "binance", "--json")
    assert json.loads(listed.stdout) == {"name": "binance", "problems": []}


def test_what_is_wrong_ends_with_exit_code_1(ultramm: Any, tmp_path: Path) -> None:
    info = tmp_path / "site" / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ultramm.adapters]\nacme = acme_adapter:PLUGIN\n")
    record = 'AdapterPlugin(name="acme", summary="a test", params="nowhere:P", live="nowhere:V")'
    (tmp_path / "site" / "acme_adapter.py").write_text(
        f"from ultramm.plugin import AdapterPlugin\n\nPLUGIN = {record}\n"
    )
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    done = ultramm("plugins", "check", "acme", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stdout.startswith("params: cannot load nowhere:P")


def test_a_wrong_name_is_one_line(ultramm: Any) -> None:
    done = ultramm("plugins", "check", "binanse")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean binance?" in done.stderr
    done = ultramm("plugins", "check", "glft")
    assert done.returncode == 2
    assert "glft is a strategy; there are checks of adapters only" in done.stderr
