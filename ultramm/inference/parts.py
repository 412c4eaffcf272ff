"""Each part of a model beside orders: what it foretells, as far as what it foretold before came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ultramm.calibration.conformal import AdaptiveConformal
from ultramm.calibration.forecast import Trust
from ultramm.features.alpha import of_side, turns
from ultramm.features.average import EwAverage, SampleAverage
from ultramm.features.drift import AdaptiveWindow
from ultramm.features.maturing import Maturing
from ultramm.features.outcomes import EVERY_S, VOLATILITY_S, ArrivalOutcomes, FillOutcomes, VolatilityOutcomes
from ultramm.features.regime import Regimes
from ultramm.inference.exported import Predict
from ultramm.inference.stored import PartAbout
from ultramm.market import Side, Trade

ROW_S = 0.1
_MOST_DEVIATIONS = 5.0
_MOST_UNCERTAIN = 3.0
_USUAL = 36_000.0  # outcomes: an hour's
# Of a forecast: below the first it is doubted, above the second believed again, once a minute's outcomes are known.
_DOUBTED, _BELIEVED = 0.1, 0.2
_LARGEST_LOSS = 5.0
_LEAST_RATIO = 0.2
_LESS, _MORE = 0.8, 1.2


class Belief:
    """What forecasts of one kind were worth, and how far the next is believed.

    The slope of outcomes on forecasts less one error of it, between 0 and 1; nothing before there are enough outcomes
    to tell. What stops working, or turns, fades to nothing. Where it suddenly fares worse than it did, it begins anew.

    Parameters
    ----------
    about : PartAbout
    memory_s : float
        Of outcomes, seconds.
    overlap : float
        Outcomes that count as one, because their horizons overlap.
    least : int
        Outcomes before it is believed, or doubted.

    Attributes
    ----------
    outcomes : int
    failed : str
        In words why it is not believed; empty while it is, or has not shown yet what it is worth.
    """

    def __init__(self, about: PartAbout, memory_s: float, overlap: float, least: int) -> None:
        self._mean, self._most = about.mean, _MOST_DEVIATIONS * about.deviation
        self._memory_s, self._overlap, self._least = memory_s, overlap, least
        self._trust = Trust(overlap)
        self._fared = AdaptiveWindow()
        self._size = SampleAverage(max(100.0, memory_s))
        self._last_ns = 0
        self._judged = 0  # outcomes since it began, or began anew
        self.outcomes = 0
        self.failed = ""

    def centred(self, forecast: float) -> float:
        """Less what it foretells in the mean, and not further from it than five deviations."""
        return max(-self._most, min(self._most, forecast - self._mean))

    def learn(self, ts_ns: int, forecast: float, outcome: float, overlap: float = 0.0) -> None:
        """This came of that; both less the mean. Of so many outcomes at once, where that is not always the same."""
        if overlap:
            self._overlap = self._trust.overlap = max(1.0, overlap)
        keep = math.exp(-max(0, ts_ns - self._last_ns) * 1e-9 / self._memory_s) if self._last_ns else 1.0
        self._last_ns = ts_ns
        self._trust.update(forecast, outcome, keep)
        self.outcomes += 1
        self._judged += 1
        self._fare(forecast, outcome)
        if self.outcomes >= self._least and self.weight < _DOUBTED:
            self.failed = f"what the model foretold did not come: less than {100 * _DOUBTED:.0f} % of it is believed"
        elif self.weight > _BELIEVED:
            self.failed = ""

    def _fare(self, forecast: float, outcome: float) -> None:
        """Of outcomes that do not overlap: whether the forecast is now further off, next to none at all."""
        if self.outcomes % round(self._overlap):
            return
        self._size.update(outcome * outcome)
        if not self._size.value > 0.0:
            return
        loss = ((outcome - forecast) ** 2 - outcome * outcome) / self._size.value
        before = self._fared.mean
        if self._fared.update(max(-_LARGEST_LOSS, min(_LARGEST_LOSS, loss))) and self._fared.mean > before:
            self._trust, self._judged = Trust(self._overlap), 0

    @property
    def weight(self) -> float:
        """Share of a forecast that is believed, 0 .. 1."""
        return self._trust.value if self._judged >= self._least else 0.0


class _Foretelling:
    """What has a function of a model's, which is not kept for a restart."""

    predict: Predict

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "predict"}


class Move(_Foretelling):
    """Where the mid goes over the horizon, basis points.

    Attributes
    ----------
    forecast : float
        The last one, as far as it may go.
    """

    def __init__(self, about: PartAbout, predict: Predict, horizon_s: float, latency_s: float) -> None:
        self.belief = Belief(about, 600.0, max(1.0, horizon_s / ROW_S), 600)
        self._about = about
        self.predict = predict
        # The move is from when an order could be there: first its mid is waited for, then the one at its end.
        self._sent = Maturing[tuple[int, float]](latency_s)
        self._pending = Maturing[tuple[float, float]](horizon_s)
        self._latency_ns = round(1e9 * latency_s)
        self._errors = AdaptiveConformal()
        self._usual = SampleAverage(_USUAL)
        self.forecast = 0.0

    def on_row(self, ts_ns: int, row: Sequence[float], mid: float) -> None:
        """A decision sees this."""
        # Not centred: a mean of moves would be a drift of the past.
        most = _MOST_DEVIATIONS * self._about.deviation
        self.forecast = max(-most, min(most, self.predict(row)))
        if self._latency_ns:
            self._sent.add(ts_ns, (ts_ns + self._latency_ns, self.forecast))
        else:
            self._pending.add(ts_ns, (self.forecast, mid))

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`: takes what is known by now."""
        for (there_ns, told), then in self._sent.on_mid(ts_ns, mid):
            self._pending.add(there_ns, (told, then))
        for (forecast, before), after in self._pending.on_mid(ts_ns, mid):
            outcome = 1e4 * math.log(after / before)
            self.belief.learn(ts_ns, forecast, outcome)
            self._errors.update(outcome - forecast)
            if self.belief.outcomes >= 600 and math.isfinite(self._errors.bound):
                self._usual.update(self._errors.bound)

    def interrupted(self) -> None:
        """The market was not seen for a time: what falls due meanwhile is not known."""
        self._sent.interrupted()
        self._pending.interrupted()

    @property
    def uncertainty(self) -> float:
        """How much further off forecasts are than usual, as a share, 0 .. 3; 0 while that is not known."""
        bound, usual = self._errors.bound, self._usual.value
        # After one miss upon another the bound is infinite.
        return max(0.0, min(_MOST_UNCERTAIN, bound / usual - 1.0)) if usual > 0.0 else 0.0


class Volatility(_Foretelling):
    """Volatility of the next minute over what is quoted by without a forecast, as a logarithm."""

    def __init__(self, about: PartAbout | None, predict: Predict | None, regimes: Regimes | None) -> None:
        self.belief = None if about is None else Belief(about, 3_600.0, VOLATILITY_S / EVERY_S, 60)
        self._mean = 0.0 if about is None else about.mean
        names = VolatilityOutcomes.names
        self._columns = [names.index(name) for name in (() if about is None else about.features)]
        if predict is not None:
            self.predict = predict
        self._outcomes: VolatilityOutcomes[float] = VolatilityOutcomes(regimes)
        self._forecast = 0.0

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`."""
        self._outcomes.on_mid(ts_ns, mid)

    def on_time(self, ts_ns: int) -> None:
        """Learn what is known by now, and foretell anew."""
        if self.belief is None:
            return
        for forecast, outcome in self._outcomes.matured(ts_ns):
            self.belief.learn(ts_ns, forecast, outcome - self._mean)
        row = self._outcomes.row()
        if row is not None:
            self._forecast = self.belief.centred(self.predict([row[place] for place in self._columns]))
            self._outcomes.add(ts_ns, self._forecast)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._outcomes.interrupted()

    @property
    def ratio(self) -> float:
        """What the volatility that is quoted by is to be multiplied by."""
        return 1.0 if self.belief is None else math.exp(self.belief.weight * self._forecast)

    @property
    def restless(self) -> float:
        """Probability of the restless state, 0 .. 1; 0 where the market has but one."""
        return self._outcomes.restless


class Adverse(_Foretelling):
    """What a fill of either side loses to the mid, beyond what fills lose in the mean, basis points."""

    def __init__(
        self, about: PartAbout, predict: Predict, names: tuple[str, ...], horizon_s: float, latency_s: float
    ) -> None:
        self.belief = Belief(about, 1_800.0, 1.0, 100)
        self._open = SampleAverage(1_000.0)
        self._mean = about.mean
        self._columns = [names.index(name) for name in about.features]
        self.predict = predict
        self._turns = turns(names)
        self._outcomes: FillOutcomes[float] = FillOutcomes(names, horizon_s, latency_s)
        self._row: Sequence[float] = ()
        self._lately, self._usually = EwAverage(300.0), EwAverage(7_200.0)

    def on_row(self, ts_ns: int, row: Sequence[float], mid: float) -> None:
        """A decision sees this."""
        self._row = row
        self._outcomes.on_row(ts_ns, row, mid)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded: had it been with us, what would it have lost?"""
        told = self._outcomes.on_trade(trade)
        if told is not None:
            side, row, mid = told
            self._outcomes.add(trade.ts_ns, side, mid, self._foretold(row))

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`."""
        for forecast, outcome in self._outcomes.matured(ts_ns, mid):
            self._open.update(float(self._outcomes.open))
            self.belief.learn(ts_ns, forecast, outcome - self._mean, self._open.value)
            self._lately.update(ts_ns, outcome)
            self._usually.update(ts_ns, outcome)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._outcomes.interrupted()

    @property
    def lately(self) -> str:
        """What fills lost in the last minutes, next to the last hours: ``less``, ``more`` or ``as usual``."""
        usual = self._usually.value
        if not usual > 0.0 or _LESS * usual <= self._lately.value <= _MORE * usual:
            return "as usual"
        return "less" if self._lately.value < usual else "more"

    def _foretold(self, row: Sequence[float]) -> float:
        return self.belief.centred(self.predict([row[place] for place in self._columns]))

    def of(self, side: Side) -> float:
        """As far as it is believed."""
        return self.belief.weight * self._foretold(of_side(side, self._row, self._turns)) if self._row else 0.0


class Arriving(_Foretelling):
    """Trades against each side in the next seconds, as a share of the usual."""

    def __init__(self, about: PartAbout, predict: Predict, names: tuple[str, ...]) -> None:
        self.belief = Belief(about, 1_800.0, 1.0, 100)
        self._columns = [names.index(name) for name in about.features]
        self.predict = predict
        self._outcomes: ArrivalOutcomes[float] = ArrivalOutcomes()
        self._turns = turns(names)
        self._mean = about.mean
        self._foretold = dict.fromkeys(Side, 0.0)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._outcomes.on_trade(trade)

    def on_time(self, ts_ns: int, row: Sequence[float]) -> None:
        """Learn what is known by now, and foretell anew."""
        for forecast, share, _ in self._outcomes.matured(ts_ns):
            self.belief.learn(ts_ns, forecast, share - self._mean)
        for side in Side:
            turned = of_side(side, row, self._turns)
            self._foretold[side] = self.belief.centred(self.predict([turned[place] for place in self._columns]))
            self._outcomes.add(ts_ns, side, self._foretold[side])

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._outcomes.interrupted()

    def ratio(self, side: Side) -> float:
        """What the fill rate that is quoted by is to be multiplied by."""
        return max(_LEAST_RATIO, 1.0 + self.belief.weight * self._foretold[side])
