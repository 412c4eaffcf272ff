"""``ultramm venue``: an account is swept without a node; and what keeps a node from trading real money by mistake."""

from __future__ import annotations

import json
import time

import pytest
from binance_venue import KEY, SECRET, Served
from live_node import CONFIG, LiveNode, quoting

pytestmark = pytest.mark.integration


def names(served: Served) -> set[str]:
    return {order.client_id for order in served.open_orders()}


def killed(node: LiveNode, served: Served) -> set[str]:
    """A node that died with orders at the venue: their ids."""
    quoting(node, served)
    node.kill()
    return names(served)


# -- sweep ---------------------------------------------------------------------------------------------------------


def test_what_a_dead_node_left_is_cancelled_and_told_and_what_is_of_others_is_not(
    node: LiveNode, served: Served
) -> None:
    served.place("web-1", price="45000")
    left = killed(node, served) - {"web-1"}
    done = node.ultramm("venue", "sweep", str(CONFIG))
    assert done.returncode == 0, done.stderr
    assert names(served) == {"web-1"}
    assert f"BINANCE: {len(left)} orders cancelled, none of ours is left" in done.stdout
    assert all(name in done.stdout for name in left)
    assert "BTCUSDT.BINANCE at 499" in done.stdout
    again = node.ultramm("venue", "sweep", str(CONFIG), "--json")
    assert json.loads(again.stdout) == {"BINANCE": []}


def test_the_node_that_comes_after_a_sweep_knows_what_became_of_its_orders(node: LiveNode, served: Served) -> None:
    killed(node, served)
    node.ultramm("venue", "sweep", str(CONFIG))
    quoting(node, served)
    assert set(node.ledger().open) == names(served)
    assert node.stop() == 0, node.output
    assert served.open_orders() == []


def test_everything_is_everything(node: LiveNode, served: Served) -> None:
    served.place("web-1", price="45000")
    done = node.ultramm("venue", "sweep", str(CONFIG), "--everything", "--json")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(done.stdout)["BINANCE"]
    assert told.startswith("BUY 0.01")
    assert told.endswith("web-1")
    assert names(served) == set()


def test_an_account_whose_node_runs_is_not_swept(node: LiveNode, served: Served) -> None:
    quoting(node, served)
    done = node.ultramm("venue", "sweep", str(CONFIG))
    assert done.returncode == 2
    assert "another node keeps its orders here" in done.stderr
    assert node.stop() == 0


def test_a_venue_that_answers_now_and_then_is_swept(node: LiveNode, served: Served) -> None:
    killed(node, served)
    served.fault("swallow_before", "", share=0.4)
    done = node.ultramm("venue", "sweep", str(CONFIG))
    assert done.returncode == 0, done.stderr
    assert served.open_orders() == []


def test_a_dead_venue_is_told_of_within_the_commands_patience(node: LiveNode, served: Served) -> None:
    served.stop()
    served.stop = lambda: None  # type: ignore[method-assign]
    began = time.monotonic()
    done = node.ultramm("venue", "sweep", str(CONFIG))
    assert time.monotonic() - began < 60
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ultramm: BINANCE: orders may still be open: ")
    assert KEY not in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("command", [("venue", "sweep"), ("node", "start", "--live")])
def test_a_key_that_is_missing_is_named_with_its_remedy(node: LiveNode, command: tuple[str, ...]) -> None:
    setting = "venues.BINANCE.params.api_key=${NO_SUCH_KEY:-}"
    done = node.ultramm(*command, str(CONFIG), "--set", setting)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"{CONFIG}: venues.BINANCE.params.api_key" in done.stderr
    assert "${BINANCE_API_KEY}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_market_that_is_played_has_nothing_to_sweep(node: LiveNode) -> None:
    assert node.ultramm("config", "init", "paper.yaml").returncode == 0
    done = node.ultramm("venue", "sweep", "paper.yaml")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "paper.yaml: venues." in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- real money only on purpose ------------------------------------------------------------------------------------


def test_without_live_on_the_command_line_nothing_is_asked_of_the_venue(node: LiveNode, served: Served) -> None:
    served.fault("delay", seconds=0)  # meets every request
    node.start(live=False)
    assert node.wait() == 2
    assert "--live" in node.output
    assert f"{CONFIG}: mode: live trades real money" in node.output
    assert served.met() == 0
    assert not node.ledger_path.exists()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("venues.BINANCE.params.product=margin", "venues.BINANCE.params.product: "),
        ("venues.BINANCE.params.base_url=127.0.0.1:9001", "venues.BINANCE.params.base_url: "),
        ("venues.BINANCE.params.recv_window_ms=10", "venues.BINANCE.params.recv_window_ms: "),
        ("venues.BINANCE.params.window=10", "venues.BINANCE.params.window: unknown key"),
        ("venues.BINANCE.params.api_key=plain", "venues.BINANCE.params.api_key: a secret in a file"),
        ("venues.BINANCE.params.dead_man_s=601", "venues.BINANCE.params.dead_man_s: "),
        ("venues.BINANCE.params.weight_per_minute=1", "venues.BINANCE.params.weight_per_minute: "),
    ],
)
def test_a_wrong_parameter_is_named_with_file_and_key(node: LiveNode, setting: str, said: str) -> None:
    node.start(setting)
    assert node.wait() == 2
    (line,) = node.output.splitlines()
    assert line.startswith(f"ultramm: {CONFIG}: {said}")


def test_a_future_at_a_spot_venue_is_refused(node: LiveNode) -> None:
    node.start("venues.BINANCE.instruments=[BTCUSDT-PERP]", "strategies.0.instruments=[BTCUSDT-PERP.BINANCE]")
    assert node.wait() == 2
    assert f"{CONFIG}: venues.BINANCE.instruments: BTCUSDT-PERP is a future; params.product says spot" in node.output


def test_a_symbol_that_the_venue_does_not_list_is_named(node: LiveNode) -> None:
    node.start("venues.BINANCE.instruments=[NIXUSDT]", "strategies.0.instruments=[NIXUSDT.BINANCE]")
    assert node.wait(120) == 1
    assert "NIXUSDT" in node.output
    assert "Traceback" not in node.output
