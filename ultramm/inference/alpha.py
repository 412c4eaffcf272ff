"""A learned forecast beside orders: as far as it is believed, and by itself less of it once it stops working."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ultramm.calibration.conformal import AdaptiveConformal
from ultramm.calibration.forecast import Trust
from ultramm.errors import DataError
from ultramm.features.alpha import LEADER, VERSION, AlphaFeatures
from ultramm.features.average import EwAverage, SampleAverage
from ultramm.features.maturing import Maturing
from ultramm.inference.stored import StoredModel, read_model
from ultramm.market import Book, Instrument, Trade

_EVERY_S = 0.1
_MEMORY_S = 600.0
_MOST_CLIPPED = 0.2
_CLIPPED_S = 60.0
_MOST_DEVIATIONS = 5.0
_MOST_UNCERTAIN = 3.0
_USUAL = 36_000.0  # outcomes: an hour's
# Of a forecast: below the first it is doubted, above the second believed again, once a minute's outcomes are known.
_DOUBTED, _BELIEVED, _LEAST_OUTCOMES = 0.1, 0.2, 600


class Alpha:
    """Follows a market, forecasts its next move by a stored model, and keeps count of what that was worth.

    A model is believed by the slope of outcomes on its forecasts less one error of it, between 0 and 1, over the last
    ten minutes: it begins with nothing, and what stops working, or turns, fades to nothing. It is not believed at all
    while more than a fifth of what it sees is beyond what was seen when it learned. Without one nothing is forecast.

    Parameters
    ----------
    folder : Path
        Of the model.
    instrument : Instrument
        That is quoted.
    leader : str, optional
        The market that is followed as well.

    Attributes
    ----------
    problem : str
        In words why there is no model; empty where there is one.
    """

    def __init__(self, folder: Path, instrument: Instrument, leader: str | None = None) -> None:
        # As text: what is kept for a restart holds no object of any other package.
        self._from = str(folder), instrument, leader
        self._features = AlphaFeatures(instrument.tick_size, leads=leader is not None)
        self._model, self.problem = self._read()
        about = None if self._model is None else self._model.about
        self._id = "" if about is None else about.id
        self.horizon_s = 1.0 if about is None else about.horizon_s
        self._columns = [] if about is None else [self._features.names.index(name) for name in about.features]
        self._most_bps = math.inf if about is None else _MOST_DEVIATIONS * about.deviation_bps
        self._pending = Maturing[tuple[float, float]](self.horizon_s + (0.0 if about is None else about.latency_s))
        self._trust = Trust(max(1.0, self.horizon_s / _EVERY_S))
        self._errors = AdaptiveConformal()
        self._usual = SampleAverage(_USUAL)
        self._clipped = EwAverage(_CLIPPED_S)
        self._last_ns, self._next_ns = 0, 0
        self._forecast_bps = 0.0
        self._outcomes = 0
        self._failed = ""

    def _read(self) -> tuple[StoredModel | None, str]:
        """The model as it is in its folder now, or in words why there is none."""
        folder, instrument, leader = self._from
        try:
            return self._checked(read_model(Path(folder), VERSION), instrument, leader), ""
        except DataError as exc:
            return None, str(exc)

    def __getstate__(self) -> dict[str, Any]:
        """All but the model, which is a function."""
        return {name: value for name, value in self.__dict__.items() if name != "_model"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on with the same model; with another one, begin anew."""
        self.__dict__.update(state)
        self._model, problem = self._read()
        if (problem or self.problem) or self._model is None or self._model.about.id != self._id:
            folder, instrument, leader = self._from
            self.__init__(Path(folder), instrument, leader)  # type: ignore[misc]

    @staticmethod
    def _checked(stored: StoredModel, instrument: Instrument, leader: str | None) -> StoredModel:
        about = stored.about
        if about.instrument != instrument.id:
            raise DataError(f"model {about.id} is of {about.instrument}, not of {instrument.id}")
        if set(about.features) & set(LEADER) and about.leader != leader:
            raise DataError(f"model {about.id} needs the leader {about.leader}; state reference: {about.leader}")
        return stored

    # -- the market ------------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        """The touch changed."""
        self._features.on_book(book)
        for (forecast, before), after in self._pending.on_mid(book.ts_ns, book.mid):
            self._learn(book.ts_ns, forecast, 1e4 * math.log(after / before))

    def on_depth(self, book: Book) -> None:
        """The book as deep as it is read, before a decision."""
        self._features.on_depth(book)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._features.on_trade(trade)

    def on_leader(self, book: Book) -> None:
        """The touch of the leading market changed."""
        self._features.on_leader(book)

    def interrupted(self) -> None:
        """The market was not seen for a time: what falls due meanwhile is not known."""
        self._features.interrupted()
        self._pending.interrupted()

    def _learn(self, ts_ns: int, forecast: float, outcome: float) -> None:
        keep = math.exp(-max(0, ts_ns - self._last_ns) * 1e-9 / _MEMORY_S) if self._last_ns else 1.0
        self._last_ns = ts_ns
        self._trust.update(forecast, outcome, keep)
        self._outcomes += 1
        believed = self._trust.value
        if self._outcomes >= _LEAST_OUTCOMES and believed < _DOUBTED:
            self._failed = f"what the model foretold did not come: less than {100 * _DOUBTED:.0f} % of it is believed"
        elif believed > _BELIEVED:
            self._failed = ""
        self._errors.update(outcome - forecast)
        if self._outcomes >= _LEAST_OUTCOMES and math.isfinite(self._errors.bound):
            self._usual.update(self._errors.bound)

    # -- what it says ----------------------------------------------------------------------------------------

    def move_bps(self, now_ns: int, mid: float) -> float:
        """How far the mid is expected to go over the horizon, as far as that is believed, basis points."""
        if self._model is None or not self._features.known:
            return 0.0
        if now_ns >= self._next_ns:
            # As often as when it learned: scales would else be those of busy moments.
            self._next_ns = now_ns + round(_EVERY_S * 1e9)
            row = self._features.row(now_ns)
            self._clipped.update(now_ns, self._features.clipped)
            found = self._model.predict([row[place] for place in self._columns])
            self._forecast_bps = max(-self._most_bps, min(self._most_bps, found))
            self._pending.add(now_ns, (self._forecast_bps, mid))
        return self.weight * self._forecast_bps

    @property
    def weight(self) -> float:
        """Share of the forecast that is believed, 0 .. 1."""
        return 0.0 if self._foreign else self._trust.value

    @property
    def _foreign(self) -> str:
        """In words why it is not believed at all, whatever came of it."""
        if self.problem:
            return self.problem
        if self._clipped.value > _MOST_CLIPPED:
            return f"{100 * self._clipped.value:.0f} % of what the model sees is beyond what it learned from"
        return ""

    @property
    def doubt(self) -> str:
        """In words why it is not believed; empty while it is, or has not shown yet what it is worth."""
        return self._foreign or self._failed

    @property
    def uncertainty(self) -> float:
        """How much further off forecasts are than usual, as a share, 0 .. 3; 0 while that is not known."""
        bound, usual = self._errors.bound, self._usual.value
        # After one miss upon another the bound is infinite.
        return max(0.0, min(_MOST_UNCERTAIN, bound / usual - 1.0)) if usual > 0.0 else 0.0
