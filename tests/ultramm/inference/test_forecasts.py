"""A model beside orders, the next one in its shadow: swapped while it runs, doubted where it must be."""

from __future__ import annotations

import json
import math
import pickle
import random
import re
from pathlib import Path
from typing import Any

import pytest
from stored_models import keep

from ultramm.features.regime import Regimes
from ultramm.inference.exported import Linear
from ultramm.inference.forecasts import Forecasts, Source
from ultramm.market import Book, Instrument, Level, Side

S, STEP_NS = 1_000_000_000, 100_000_000
ONE = Linear(coefficients=(1.0,), intercept=0.0)
BTC = Instrument(
    id="BTCUSDT.SIM",
    tick_size=1.0,
    lot_size=0.001,
    price_precision=0,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def following(folder: Path, trading: str, shadow: str = "", **params: Any) -> Forecasts:
    made = Forecasts(BTC, params.pop("leader", None), params.pop("max_age_h", 1e9), **params)
    made.use(Source(str(folder), trading, shadow, ""))
    return made


class Tape:
    """A market whose imbalance says where the mid goes within a second: by `worth` basis points a deviation."""

    def __init__(self, forecasts: Forecasts, seed: int = 1) -> None:
        self.forecasts, self.rng = forecasts, random.Random(seed)
        self.now_ns, self.mid = 0, 50_000.0
        self.pushes = [0.0] * 10
        self.imbalance = 0.0

    def play(self, seconds: float, worth: float = 1.0) -> float:
        """Give the weight at the end."""
        for _ in range(round(10 * seconds)):
            self.now_ns += STEP_NS
            self.pushes = [*self.pushes[1:], worth * self.imbalance]
            self.mid *= 1.0 + 1e-4 * (sum(self.pushes) / 10.0 + self.rng.gauss(0.0, 0.1))
            self.imbalance = self.rng.gauss(0.0, 1.0)
            sizes = math.exp(0.3 * self.imbalance), math.exp(-0.3 * self.imbalance)
            touch = (Level(self.mid - 2.0, sizes[0]),), (Level(self.mid + 2.0, sizes[1]),)
            self.forecasts.on_book(Book(self.now_ns, *touch))
            self.forecasts.on_time(self.now_ns, self.mid)
        self.forecasts.look(self.now_ns)
        return self.forecasts.weight


def test_a_model_earns_its_weight_and_tells(folder: Path) -> None:
    tape = Tape(following(folder, keep(folder).id))
    assert tape.play(1.0) == 0.0
    assert tape.play(150.0) > 0.5
    (state,) = tape.forecasts.states
    assert (state.trades, state.doubt, state.outcomes) == (True, "", 1_499)
    assert state.weights == {"move": tape.forecasts.weight}
    told = tape.forecasts.move_bps
    assert abs(told) > 0.0
    assert tape.forecasts.doubt == ""


def test_one_in_the_shadow_foretells_and_moves_nothing_and_then_goes_on_with_what_it_has_earned(folder: Path) -> None:
    about = keep(folder, promoted=False)
    forecasts = Forecasts(BTC, None, 1e9)
    forecasts.use(Source(str(folder), "", about.id, f"model {about.id} was not promoted"))
    tape = Tape(forecasts)
    tape.play(150.0)
    assert forecasts.move_bps == forecasts.weight == 0.0
    assert forecasts.doubt == f"model {about.id} was not promoted"
    (state,) = forecasts.states
    assert not state.trades
    assert state.weights["move"] > 0.5
    forecasts.use(Source(str(folder), about.id, "", ""))
    assert forecasts.weight == state.weights["move"]
    assert forecasts.move_bps != 0.0
    assert forecasts.doubt == ""


def test_two_are_at_work_and_are_exchanged_between_two_events(folder: Path) -> None:
    good, bad = keep(folder), keep(folder, slope=-1.0, last_ns=2)
    tape = Tape(following(folder, bad.id, good.id))
    assert tape.play(150.0) == 0.0
    trading, shadow = tape.forecasts.states
    assert (trading.id, shadow.id) == (bad.id, good.id)
    assert "what the model foretold did not come" in trading.doubt
    tape.forecasts.use(Source(str(folder), good.id, "", ""))
    assert tape.forecasts.weight == shadow.weights["move"] > 0.5
    assert [state.id for state in tape.forecasts.states] == [good.id]


def test_one_that_is_foreign_to_what_it_sees_is_not_believed(folder: Path) -> None:
    tape = Tape(following(folder, keep(folder, last_ns=1).id, max_age_h=1e-3))
    tape.play(150.0)
    assert tape.forecasts.weight == 0.0
    assert "h are allowed" in tape.forecasts.doubt
    assert tape.forecasts.strange == tape.forecasts.doubt


def test_parts_that_are_not_wanted_say_nothing(folder: Path) -> None:
    always = Linear(coefficients=(0.0,), intercept=0.5)
    others = {
        "volatility": (always, ("volatility_30_s_log",)),
        "adverse": (always, ("queue_imbalance",)),
        "arrivals": (always, ("queue_imbalance",)),
    }
    regimes = Regimes(stay_calm=0.9, stay_restless=0.9, calm=1.0, restless=2.0)
    about = keep(folder, others=others, regimes=regimes)
    whole, alone = following(folder, about.id), following(folder, about.id, parts=frozenset({"volatility"}))
    for made in (whole, alone):
        Tape(made).play(10.0)
        (model,) = made._at_work
        assert model.adverse is not None
        assert model.arriving is not None
        # Believed whole: all came just as it was foretold.
        for belief in (model.move.belief, model.adverse.belief, model.arriving.belief):
            for ts_ns in range(1, 601):
                belief.learn(ts_ns * S, 1.0, 1.0)
    assert whole.move_bps != 0.0
    assert whole.adverse_bps(Side.BUY) == 0.5
    assert whole.arrivals(Side.BUY) == 1.5
    assert alone.move_bps == alone.adverse_bps(Side.BUY) == 0.0
    assert alone.arrivals(Side.BUY) == 1.0
    assert 0.0 < whole.restless < 1.0
    assert whole.toxicity == "as usual"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"instrument": "ETHUSDT.SIM"}, "is of ETHUSDT.SIM, not of BTCUSDT.SIM"),
        ({"features_version": 7}, "is of features version 7, this is version 1; train the model anew"),
        ({"model_sha256": "0" * 64}, "its hash differs"),
        ({"features": ("phase_of_the_moon",)}, "part move goes by features phase_of_the_moon nobody knows"),
        ({"others": {"moon": (ONE, ("queue_imbalance",))}}, "part moon goes by what nobody knows"),
        (
            {"features": ("leader_queue_imbalance",), "leader": "BTCUSDT.FAR"},
            "needs the leader BTCUSDT.FAR; state reference: BTCUSDT.FAR",
        ),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_foretold(folder: Path, changes: dict[str, Any], why: str) -> None:
    tape = Tape(following(folder, keep(folder, **changes).id))
    assert tape.play(20.0) == 0.0
    assert why in tape.forecasts.doubt
    assert tape.forecasts.move_bps == 0.0
    assert tape.forecasts.states == ()


def test_one_that_cannot_be_held_in_the_shadow_is_told_of_and_what_trades_goes_on(folder: Path) -> None:
    about, other = keep(folder), keep(folder, slope=2.0, last_ns=2)
    model = folder / other.id / "model.json"
    whole = model.read_bytes()
    model.write_text("{}")
    tape = Tape(following(folder, about.id, other.id))
    tape.play(150.0)
    trading, shadow = tape.forecasts.states
    assert (trading.id, trading.doubt) == (about.id, "")
    assert (shadow.id, shadow.weights) == (other.id, {"move": 0.0})
    assert "its hash differs" in shadow.doubt
    assert tape.forecasts.weight > 0.5
    model.write_bytes(whole)
    tape.forecasts.use(Source(str(folder), about.id, other.id, ""))
    assert [state.doubt for state in tape.forecasts.states] == ["", ""]


@pytest.mark.parametrize(
    ("key", "value"),
    [("horizon_s", 0.0), ("horizon_s", 1e300), ("latency_s", -1.0), ("latency_s", 1e9)],
)
def test_figures_that_no_model_has_are_refused(folder: Path, key: str, value: float) -> None:
    about = keep(folder)
    path = folder / about.id / "about.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    tape = Tape(following(folder, about.id))
    assert tape.play(10.0) == 0.0
    assert f"$.{key}" in tape.forecasts.doubt
    assert "train the model anew" in tape.forecasts.doubt


def test_nested_without_end_it_is_refused(folder: Path) -> None:
    about = keep(folder)
    path = folder / about.id / "about.json"
    deep = '"validation": {"move": [{"x": ' + "[" * 5_000 + "]" * 5_000 + "}]}"
    path.write_text(re.sub(r'"validation": *\{\}', deep, path.read_text()))
    assert tape_doubt(folder, about.id)


def tape_doubt(folder: Path, name: str) -> str:
    tape = Tape(following(folder, name))
    tape.play(1.0)
    return tape.forecasts.doubt


def test_without_a_model_nothing_is_foretold(folder: Path) -> None:
    tape = Tape(following(folder, "none"))
    assert tape.play(10.0) == 0.0
    assert "none/about.json: cannot be read" in tape.forecasts.doubt
    assert tape.forecasts.volatility_ratio == tape.forecasts.arrivals(Side.SELL) == 1.0


def test_kept_and_read_back_it_goes_on_with_the_same_model(folder: Path) -> None:
    about, other = keep(folder), keep(folder, slope=2.0, last_ns=2)
    tape = Tape(following(folder, about.id, other.id))
    tape.play(150.0)
    again: Forecasts = pickle.loads(pickle.dumps(tape.forecasts))
    assert again.states == tape.forecasts.states
    tape.now_ns += STEP_NS
    for each in (again, tape.forecasts):
        each.on_time(tape.now_ns, tape.mid)
    assert again.move_bps == tape.forecasts.move_bps != 0.0


def test_kept_and_its_model_gone_meanwhile_it_says_so(folder: Path) -> None:
    about = keep(folder)
    tape = Tape(following(folder, about.id))
    tape.play(20.0)
    pickled = pickle.dumps(tape.forecasts)
    (folder / about.id / "model.json").unlink()
    again: Forecasts = pickle.loads(pickled)
    assert "model.json: cannot be read" in again.doubt
    assert again.states == ()
    again.on_time(tape.now_ns + S, tape.mid)
    assert again.move_bps == 0.0


def test_kept_and_what_was_in_its_shadow_gone_meanwhile_it_says_so(folder: Path) -> None:
    about, other = keep(folder), keep(folder, slope=2.0, last_ns=2)
    tape = Tape(following(folder, about.id, other.id))
    tape.play(20.0)
    pickled = pickle.dumps(tape.forecasts)
    (folder / other.id / "model.json").unlink()
    again: Forecasts = pickle.loads(pickled)
    trading, shadow = again.states
    assert trading == tape.forecasts.states[0]
    assert "model.json: cannot be read" in shadow.doubt
