"""A campaign of faults finds nothing wrong with a node that is right, and something with one that is not."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from ultramm.config.load import read
from ultramm.custody.records import Filled, encode
from ultramm.market import Side
from ultramm_binance_emulator.campaign import run as module
from ultramm_binance_emulator.campaign.emulator import KEY, SECRET, Emulator
from ultramm_binance_emulator.campaign.node import Node
from ultramm_binance_emulator.campaign.run import Campaign, Result, table, work_folder
from ultramm_binance_emulator.campaign.scripts import KILL, PATHS, Script, scripts
from ultramm_binance_emulator.faults import AT_ONCE
from ultramm_binance_emulator.orders import Order

CONFIGS = Path(__file__).resolve().parents[3] / "config"
CONFIG = {"spot": CONFIGS / "binance-emulator.yaml", "usdm": CONFIGS / "binance-emulator-usdm.yaml"}
SLOW = ("hang", "refuse for 3 s", "skew", "ban", "delay")
QUIET = Script(name="quiet")


@pytest.fixture
def product() -> str:
    return "spot"


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch, product: str) -> Iterator[Emulator]:
    with Emulator(seed=1, pace=20.0, product=product) as served:
        for name, value in {"EMULATOR_URL": served.url, "EMULATOR_KEY": KEY, "EMULATOR_SECRET": SECRET}.items():
            monkeypatch.setenv(name, value)
        yield served


Build = Callable[..., Node]


@pytest.fixture
def build(tmp_path: Path, product: str) -> Iterator[Build]:
    """A node of a class."""
    nodes: list[Node] = []

    def make(kind: type[Node] = Node, *settings: str) -> Node:
        config = CONFIG[product]
        params = ["strategies.0.params.refresh_ms=200", *settings]
        nodes.append(kind(config, read(config).config.name, tmp_path, params))
        return nodes[0]

    yield make
    for node in nodes:
        node.close()


def played(
    emulator: Emulator, node: Node, played: list[Script], meanwhile: Callable[[], None] = lambda: None
) -> list[Result]:
    """What came of scripts; `meanwhile` happens after the first."""
    told: list[Result] = []

    def tell(result: Result) -> None:
        if not told:
            meanwhile()
        told.append(result)

    return Campaign(emulator, node, tell).run(played)


def until(there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def problems(results: list[Result]) -> str:
    return "; ".join(f"{result.name}: {result.problem}" for result in results if result.problem)


# -- a node that is right ------------------------------------------------------------------------------------------


@pytest.mark.integration
def test_a_short_campaign_of_every_quick_class_and_two_kills_finds_nothing(emulator: Emulator, build: Build) -> None:
    drawn = [script for script in scripts(17, 2, "spot", 3, long=False) if script.name not in SLOW]
    assert len({script.name for script in drawn}) == 13
    results = played(emulator, build(), drawn)
    assert problems(results) == ""
    assert [result.name for result in results] == ["start", *[script.name for script in drawn], "end"]
    assert all(result.recovered_s is not None for result in results)
    assert sum(result.met > 0 for result in results) >= 11, "faults met somebody"
    assert emulator.do(emulator.fills), "it traded"


@pytest.mark.integration
def test_a_stray_order_under_the_nodes_name_is_cancelled_by_it_and_no_problem(emulator: Emulator, build: Build) -> None:
    node = build()
    results = played(emulator, node, [QUIET, QUIET], lambda: rogue(emulator, price="45000"))
    assert problems(results) == ""
    strays = [order for order in emulator.do(emulator.orders) if order.client_id.endswith("rogue")]
    assert [order.status for order in strays] == ["CANCELED"]


@pytest.mark.integration
@pytest.mark.parametrize("product", ["usdm"])
def test_orders_of_a_node_that_is_dead_are_cancelled_by_the_venue(emulator: Emulator, build: Build) -> None:
    node = build(Node, "venues.BINANCE.params.dead_man_s=5")

    def open_orders() -> list[Order]:
        return [order for order in emulator.do(emulator.orders) if order.open]

    node.start()
    until(lambda: len(open_orders()) >= 2, "it quotes")
    # Longer than the switch's time: while it lives it asks for more.
    time.sleep(7)
    until(lambda: len(open_orders()) >= 2, "it still quotes")
    node.kill()
    killed = open_orders()
    until(lambda: not open_orders(), "the venue has cancelled them")
    assert {order.status for order in killed} <= {"CANCELED", "FILLED"}


# -- and one that is not -------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGREES_WITHIN_S", 15.0)


def rogue(emulator: Emulator, order_id: str = "", price: str = "") -> None:
    """An order of the member's, under the node's name, that the node never sent."""
    prefix = "-".join(emulator.do(emulator.orders)[0].client_id.split("-")[:2])
    request = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "quantity": "0.01",
        "newClientOrderId": order_id or f"{prefix}-rogue",
    }
    request |= {"type": "LIMIT_MAKER", "price": price} if price else {"type": "MARKET"}
    emulator.do(lambda: emulator.venue.place(emulator.member, request))


@pytest.mark.integration
@pytest.mark.usefixtures("impatient")
def test_a_trade_under_the_nodes_name_that_it_does_not_book_is_reported(emulator: Emulator, build: Build) -> None:
    node = build()
    results = played(emulator, node, [QUIET, QUIET], lambda: rogue(emulator))
    assert results[2].recovered_s is None
    assert results[2].problem != "", "whatever was seen last"
    assert re.fullmatch(r"the journal lacks [1-9] fills and has 0 that never happened", results[-1].problem)


@pytest.mark.integration
@pytest.mark.usefixtures("impatient")
def test_an_id_that_is_given_twice_is_reported(emulator: Emulator, build: Build) -> None:
    node = build()

    def again() -> None:
        while not (ended := [order for order in emulator.do(emulator.orders) if not order.open]):
            time.sleep(0.1)
        rogue(emulator, ended[0].client_id, price="45000")

    results = played(emulator, node, [QUIET, QUIET], again)
    assert results[2].recovered_s is None
    assert results[2].problem != "", "whatever was seen last"


class Tampered(Node):
    """Somebody writes a fill that never was into its ledger while it is dead."""

    def kill(self) -> None:
        super().kill()
        order = next(iter(self.ledger.read().open.values()))
        invented = Filled(
            ts_ns=order.sent.ts_ns,
            order_id=order.id,
            strategy=order.sent.strategy,
            instrument=order.sent.instrument,
            side=Side.BUY,
            trade_id="invented",
            price=order.sent.price,
            size=Decimal("0.001"),
            fee=Decimal(0),
            fee_currency="USDT",
            maker=True,
        )
        path = next(self._folder.rglob("*.orders"))
        with path.open("ab") as file:
            file.write(encode(invented))


@pytest.mark.integration
@pytest.mark.usefixtures("impatient")
def test_a_fill_that_never_happened_is_reported(emulator: Emulator, build: Build) -> None:
    results = played(emulator, build(Tampered), [Script(name=KILL)])
    assert results[1].problem != "", "whatever was seen last"
    assert results[1].recovered_s is None
    assert "1 that never happened" in results[-1].problem


class Forgetful(Node):
    """Its journal loses a fill."""

    def stop(self, patience_s: float = 60.0) -> int:
        code = super().stop(patience_s)
        database = sqlite3.connect(self._folder / "data" / "journal.db")
        database.execute("DELETE FROM records WHERE sequence = (SELECT max(sequence) FROM records WHERE kind = 'fill')")
        database.commit()
        database.close()
        return code


@pytest.mark.integration
def test_a_fill_that_the_journal_lacks_is_reported(emulator: Emulator, build: Build) -> None:
    node = build(Forgetful)

    def wait() -> None:
        while not emulator.do(emulator.fills):
            time.sleep(0.1)

    results = played(emulator, node, [QUIET, QUIET], wait)
    assert results[-1].problem == "the journal lacks 1 fills and has 0 that never happened"
    assert problems(results[:-1]) == ""


class Dying(Node):
    """It is gone as soon as it is there."""

    def start(self) -> None:
        super().start()
        self.kill()


@pytest.mark.integration
def test_a_node_that_ends_by_itself_is_reported_and_plays_no_more(emulator: Emulator, build: Build) -> None:
    results = played(emulator, build(Dying), [QUIET, QUIET, QUIET])
    assert [(result.name, result.problem) for result in results] == [
        ("start", "the node ended"),
        ("quiet", "the node ended"),
        ("end", "the node had ended"),
    ]


# -- what is played ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", ["spot", "usdm"])
def test_the_same_seed_plays_the_same_campaign(product: str) -> None:
    assert scripts(40, 5, product, 1, long=True) == scripts(40, 5, product, 1, long=True)
    assert scripts(40, 5, product, 1, long=True) != scripts(40, 5, product, 2, long=True)


@pytest.mark.parametrize(("product", "classes"), [("spot", 17), ("usdm", 18)])
def test_every_class_has_its_turn_and_kills_are_among_them(product: str, classes: int) -> None:
    counts = Counter(script.name for script in scripts(2 * classes, 4, product, 7, long=False))
    assert counts.pop(KILL) == 4
    assert set(counts.values()) == {2}
    assert len(counts) == classes


def test_the_longest_refusal_comes_last_and_only_on_demand() -> None:
    with_it, without = (scripts(20, 0, "spot", 1, long=long) for long in (True, False))
    assert with_it[:-1] == without
    assert (with_it[-1].name, with_it[-1].lasts_s) == ("refuse for 60 s", 60.0)


@pytest.mark.parametrize("product", list(PATHS))
def test_every_fault_ends_by_itself_or_is_cleared(product: str) -> None:
    for script in scripts(200, 0, product, 5, long=True):
        for fault in script.faults:
            bounded = fault.count is not None or fault.kind in (*AT_ONCE, "refuse")
            assert bounded, f"{script.name}: {fault}"


def test_results_are_told_by_class_with_the_median_and_the_longest_recovery() -> None:
    def result(name: str, recovered_s: float | None, problem: str = "") -> Result:
        return Result(name=name, met=2, recovered_s=recovered_s, problem=problem)

    rows = table([result("b", 3.0), result("a", None, "broken"), result("b", 1.0), result("b", 2.0)])
    assert rows == [("a", 1, 2, None, None, 1), ("b", 3, 6, 2.0, 3.0, 0)]


def test_a_folder_with_something_in_it_is_not_taken(tmp_path: Path) -> None:
    assert work_folder(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "new" / "x").touch()
    with pytest.raises(ValueError, match=r"--folder .*: it is not empty"):
        work_folder(tmp_path / "new")


def test_results_can_be_written_as_json() -> None:
    result = Result(name="x", met=1, recovered_s=None, problem="p")
    assert msgspec.json.decode(msgspec.json.encode(result), type=Result) == result
