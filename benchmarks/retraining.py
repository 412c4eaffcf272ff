"""What training a model beside a node costs it: from tick to order, with a training in the background and without.

::

    .venv/bin/python benchmarks/retraining.py --model synthetic --markdown       ten minutes, after a promotion

Nodes are played in turn, alone and beside a training that goes on all the time, each for some minutes of the built-in
market in real time: the first of them goes by until it quotes. What differs between two that were alone is noise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from learning import show
from ultramm.journal.records import Status
from ultramm.journal.sqlite import SqliteJournal

_TRAINING = """
import msgspec, os, tempfile
from pathlib import Path
from ultramm.config.model import read_model_config
from ultramm.nautilus.retrain import NICE
from ultramm.nautilus.train import train

os.nice(NICE)
while True:
    with tempfile.TemporaryDirectory() as folder:
        wanted, market = read_model_config(Path("config/models/synthetic.yaml"), ["venues.SIM.params.duration_s=1800"])
        train(msgspec.structs.replace(wanted, keep=folder), market)
"""


def node(model: str, seconds: int, folder: Path, *, beside: bool) -> tuple[int, float, float]:
    """Decisions that sent orders, and microseconds from tick to order: median and 99th percentile."""
    trainer = subprocess.Popen([sys.executable, "-c", _TRAINING]) if beside else None
    params = {"order_size": 0.01, "max_position": 0.1, "model": model, "max_age_h": 1e9, "refresh_ms": 50}
    settings = {
        "venues.SIM.params.preset": "tight",
        "strategies.0.use": "ai-market-maker",
        "strategies.0.params": json.dumps(params),
        "journal.to": f"sqlite:///{folder}/journal.db",
    }
    changes = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "ultramm.cli.main", "node", "start", "--duration", f"{seconds}s", "--no-dashboard"]
    try:
        subprocess.run([*command, *changes], check=True, stdout=subprocess.DEVNULL)
    finally:
        if trainer is not None:
            trainer.terminate()
            trainer.wait()
    journal = SqliteJournal(folder / "journal.db")
    (entry,) = journal.last("status")
    journal.close()
    assert isinstance(entry.record, Status)
    latency = entry.record.makers[0].latency
    assert latency is not None
    assert latency.p50_us is not None
    assert latency.p99_us is not None
    return latency.count, latency.p50_us, latency.p99_us


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", required=True, help="a name, of a model that was promoted")
    parser.add_argument("--seconds", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    lines = []
    for number in range(1, arguments.rounds + 1):
        for beside in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                count, p50_us, p99_us = node(arguments.model, arguments.seconds, Path(folder), beside=beside)
            how = "beside a training" if beside else "alone"
            lines.append((f"{number}", how, f"{count:,}", f"{p50_us:,.0f}", f"{p99_us:,.0f}"))
    show(("round", "the node is", "sent", "p50, us", "p99, us"), lines, markdown=arguments.markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
