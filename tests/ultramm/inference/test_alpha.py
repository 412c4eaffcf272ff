"""A forecast is believed as far as it works, and fades by itself where it does not."""

from __future__ import annotations

import math
import pickle
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ultramm.inference.alpha import Alpha
from ultramm.inference.exported import Linear
from ultramm.inference.stored import Golden, ModelAbout, sha256
from ultramm.learning.registry import Registry, encoded
from ultramm.market import Book, Instrument, Level

S, STEP_NS = 1_000_000_000, 100_000_000
BTC = Instrument(
    id="BTCUSDT.SIM",
    tick_size=1.0,
    lot_size=0.001,
    price_precision=0,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)
FEATURES = ("queue_imbalance",)


def kept(folder: Path, slope: float = 1.0, **changes: Any) -> Path:
    """A model whose forecast is so many basis points for each deviation of the imbalance."""
    model = Linear(coefficients=(slope,), intercept=0.0)
    given: dict[str, Any] = {
        "name": "toy",
        "kind": "queue imbalance",
        "instrument": BTC.id,
        "leader": None,
        "features": FEATURES,
        "features_version": 1,
        "horizon_s": 1.0,
        "latency_s": 0.0,
        "first_ns": 0,
        "last_ns": 1,
        "rows": 1,
        "data": {},
        "seed": 0,
        "libraries": {},
        "validation": [],
        "deviation_bps": abs(slope),
        "golden": (Golden(row=(2.0,), value=2.0 * slope),),
        "model_sha256": sha256(encoded(model)),
    }
    return Registry(folder).add(ModelAbout(**(given | changes)), encoded(model))


class Tape:
    """A market whose imbalance says where the mid goes within a second: by `worth` basis points a deviation."""

    def __init__(self, alpha: Alpha, seed: int = 1) -> None:
        self.alpha, self.rng = alpha, random.Random(seed)
        self.now_ns, self.mid = 0, 50_000.0
        self.pushes = [0.0] * 10
        self.imbalance = 0.0
        self.lost_bps = 0.0

    def play(self, seconds: float, worth: float) -> float:
        """Give the weight at the end."""
        weight = 0.0
        for _ in range(round(10 * seconds)):
            self.now_ns += STEP_NS
            self.pushes = [*self.pushes[1:], worth * self.imbalance]
            self.mid *= 1.0 + 1e-4 * (sum(self.pushes) / 10.0 + self.rng.gauss(0.0, 0.1))
            self.imbalance = self.rng.gauss(0.0, 1.0)
            sizes = math.exp(0.3 * self.imbalance), math.exp(-0.3 * self.imbalance)
            touch = (Level(self.mid - 2.0, sizes[0]),), (Level(self.mid + 2.0, sizes[1]),)
            self.alpha.on_book(Book(self.now_ns, *touch))
            self.told = self.alpha.move_bps(self.now_ns, self.mid)
            weight = self.alpha.weight
        return weight


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_a_forecast_earns_its_weight(folder: Path) -> None:
    tape = Tape(Alpha(kept(folder), BTC))
    assert tape.play(1.0, 1.0) == 0.0
    assert tape.play(300.0, 1.0) > 0.7
    assert tape.alpha.doubt == ""


def test_one_that_says_too_much_is_believed_in_part(folder: Path) -> None:
    tape = Tape(Alpha(kept(folder, slope=4.0), BTC))
    assert tape.play(600.0, 1.0) == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("worth", "within_s"), [(-1.0, 300.0), (0.0, 1_500.0)], ids=["flipped", "noise"])
def test_what_stops_working_fades_by_itself(folder: Path, worth: float, within_s: float, seed: int) -> None:
    """Flipped, it is below a tenth within five minutes, and made noise within twenty-five, on each of 20 seeds."""
    tape = Tape(Alpha(kept(folder), BTC), seed)
    assert tape.play(400.0, 1.0) > 0.7
    assert tape.play(within_s, worth) < 0.1
    assert "what the model foretold did not come" in tape.alpha.doubt


def test_and_comes_back_once_it_works_again(folder: Path) -> None:
    tape = Tape(Alpha(kept(folder), BTC))
    tape.play(400.0, 1.0)
    tape.play(600.0, -1.0)
    assert tape.alpha.doubt
    assert tape.play(2_400.0, 1.0) > 0.2
    assert tape.alpha.doubt == ""


def test_what_is_told_is_no_more_than_five_deviations_by_its_weight(folder: Path) -> None:
    alpha = Alpha(kept(folder, deviation_bps=0.01), BTC)
    tape = Tape(alpha)
    tape.play(400.0, 1.0)
    assert 0.0 < abs(tape.told) <= 0.05


def test_a_market_as_it_never_was_is_not_believed(folder: Path) -> None:
    alpha = Alpha(kept(folder), BTC)
    tape = Tape(alpha)
    tape.play(400.0, 1.0)
    alpha._clipped.value = 0.5
    assert alpha.weight == 0.0
    assert alpha.doubt == "50 % of what the model sees is beyond what it learned from"


def test_forecasts_that_are_further_off_than_usual_are_less_certain(folder: Path) -> None:
    alpha = Alpha(kept(folder), BTC)
    tape = Tape(alpha)
    tape.play(600.0, 1.0)
    calm = alpha.uncertainty
    real = tape.rng.gauss
    tape.rng.gauss = lambda mean, deviation: real(mean, 40.0 * deviation if deviation < 1.0 else deviation)  # type: ignore[method-assign]
    tape.play(60.0, 1.0)
    assert alpha.uncertainty > calm + 0.5


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"instrument": "ETHUSDT.SIM"}, "is of ETHUSDT.SIM, not of BTCUSDT.SIM"),
        ({"features_version": 7}, "is of features version 7, this is version 1; train the model anew"),
        ({"model_sha256": "0" * 64}, "its hash differs"),
        (
            {"features": ("leader_queue_imbalance",), "leader": "BTCUSDT.FAR"},
            "needs the leader BTCUSDT.FAR; state reference: BTCUSDT.FAR",
        ),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_foretold(folder: Path, changes: dict[str, Any], why: str) -> None:
    tape = Tape(Alpha(kept(folder, **changes), BTC))
    assert tape.play(100.0, 1.0) == 0.0
    assert why in tape.alpha.doubt
    assert tape.told == 0.0


def test_without_a_model_nothing_is_foretold(folder: Path) -> None:
    tape = Tape(Alpha(folder / "none", BTC))
    assert tape.play(10.0, 1.0) == 0.0
    assert "none/about.json: cannot be read" in tape.alpha.doubt


def test_after_an_interruption_what_fell_due_meanwhile_counts_for_nothing(folder: Path) -> None:
    alpha = Alpha(kept(folder), BTC)
    tape = Tape(alpha)
    weight = tape.play(400.0, 1.0)
    alpha.interrupted()
    tape.now_ns += 600 * S
    tape.mid *= 1.5
    assert tape.play(2.0, 1.0) > weight - 0.3


def test_kept_and_read_back_it_goes_on_with_the_same_model_and_begins_anew_with_another(folder: Path) -> None:
    place = kept(folder)
    tape = Tape(Alpha(place, BTC))
    weight = tape.play(400.0, 1.0)
    again = pickle.loads(pickle.dumps(tape.alpha))
    assert again.weight == weight
    assert again.move_bps(tape.now_ns + S, tape.mid) == tape.alpha.move_bps(tape.now_ns + S, tape.mid) != 0.0
    pickled = pickle.dumps(tape.alpha)
    about = msgspec.json.decode((place / "about.json").read_bytes())
    (place / "about.json").write_bytes(msgspec.json.encode(about | {"name": "other"}))
    assert pickle.loads(pickled).weight == 0.0
