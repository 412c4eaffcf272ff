"""A learned model beside orders: as far as it is believed, by itself less of it once it stops working; and the next one
in its shadow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ultramm.errors import DataError
from ultramm.features.alpha import LEADER, OWN, VERSION, AlphaFeatures
from ultramm.features.outcomes import EVERY_S, VolatilityOutcomes
from ultramm.inference.familiarity import Familiarity
from ultramm.inference.parts import ROW_S, Adverse, Arriving, Belief, Move, Volatility
from ultramm.inference.state import ModelState
from ultramm.inference.stored import ADVERSE, ARRIVALS, MOVE, PARTS, VOLATILITY, StoredModel, read_model
from ultramm.market import Book, Instrument, Side, Trade

ALL = frozenset(PARTS)


class Model:
    """One model at work, whether it trades or is in the shadow.

    Parameters
    ----------
    stored : StoredModel
    names : tuple of str
        Features of the rows that it gets.
    max_age_h : float
        See `Familiarity`.
    """

    def __init__(self, stored: StoredModel, names: tuple[str, ...], max_age_h: float) -> None:
        about = stored.about
        self.id, self.horizon_s = about.id, about.horizon_s
        moves = about.parts[MOVE]
        self._columns = [names.index(name) for name in moves.features]
        self._familiarity = Familiarity(about, max_age_h)
        self.move = Move(moves, stored.predict[MOVE], about.horizon_s, about.latency_s)
        of, predict = about.parts, stored.predict
        self.volatility = Volatility(of.get(VOLATILITY), predict.get(VOLATILITY), stored.content.regimes)
        self.adverse = (
            Adverse(of[ADVERSE], predict[ADVERSE], names, about.horizon_s, about.latency_s) if ADVERSE in of else None
        )
        self.arriving = Arriving(of[ARRIVALS], predict[ARRIVALS], names) if ARRIVALS in of else None
        self._next_ns = 0
        self._strange_row = False
        self._strange = ""

    def take_up(self, stored: StoredModel) -> None:
        """The functions of the same model: what is kept for a restart holds none."""
        for part, at_work in self._at_work():
            if part in stored.predict:
                at_work.predict = stored.predict[part]

    def _at_work(self) -> Iterator[tuple[str, Any]]:
        of = {MOVE: self.move, VOLATILITY: self.volatility, ADVERSE: self.adverse, ARRIVALS: self.arriving}
        return ((part, at_work) for part, at_work in of.items() if at_work is not None)

    # -- the market ------------------------------------------------------------------------------------------

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`."""
        self._familiarity.heard(ts_ns)
        self.move.on_mid(ts_ns, mid)
        self.volatility.on_mid(ts_ns, mid)
        if self.adverse is not None:
            self.adverse.on_mid(ts_ns, mid)

    def heard(self, ts_ns: int, leader: bool = False) -> None:
        """The market, or the one that leads it, said something."""
        self._familiarity.heard(ts_ns, leader)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self.heard(trade.ts_ns)
        if self.adverse is not None:
            self.adverse.on_trade(trade)
        if self.arriving is not None:
            self.arriving.on_trade(trade)

    def interrupted(self) -> None:
        """The market was not seen for a time: what falls due meanwhile is not known."""
        for _, at_work in self._at_work():
            at_work.interrupted()

    def on_row(self, ts_ns: int, row: list[float], clipped: float, mid: float) -> None:
        """What a decision sees; scaled and cut as when it learned."""
        own = [row[place] for place in self._columns]
        self._strange_row = not self._familiarity.on_row(ts_ns, own, clipped)
        self.move.on_row(ts_ns, own, mid)
        if self.adverse is not None:
            self.adverse.on_row(ts_ns, row, mid)
        if ts_ns >= self._next_ns:
            self._next_ns = ts_ns + round(EVERY_S * 1e9)
            self.volatility.on_time(ts_ns)
            if self.arriving is not None:
                self.arriving.on_time(ts_ns, row)

    def look(self, now_ns: int) -> None:
        """Bring up to date whether it sees what it learned from."""
        self._strange = self._familiarity.strange(now_ns)

    # -- what it says ----------------------------------------------------------------------------------------

    @property
    def weight(self) -> float:
        """Share of the forecast of moves that is believed."""
        return 0.0 if self._strange else self.move.belief.weight

    @property
    def move_bps(self) -> float:
        """How far the mid is expected to go, as far as that is believed."""
        return 0.0 if self._strange_row else self.weight * self.move.forecast

    @property
    def strange(self) -> str:
        """In words why it is not believed whatever came of it."""
        return self._strange

    @property
    def doubt(self) -> str:
        return self._strange or self.move.belief.failed

    def state(self, trades: bool) -> ModelState:
        """How it stands with it."""
        beliefs: dict[str, Belief | None] = {part: at_work.belief for part, at_work in self._at_work()}
        return ModelState(
            id=self.id,
            trades=trades,
            weights={part: belief.weight for part, belief in beliefs.items() if belief is not None},
            outcomes=self.move.belief.outcomes,
            doubt=self.doubt,
        )


class Source(msgspec.Struct, frozen=True):
    """Where models come from: plain, so that it can be kept.

    Parameters
    ----------
    folder : str
        Of models.
    trading, shadow : str
        Ids; of nothing where there is none.
    problem : str
        In words why none trades.
    """

    folder: str
    trading: str
    shadow: str
    problem: str


class Forecasts:
    """Follows a market, foretells it by a stored model, and keeps count of what that was worth.

    Without a model, or with one that cannot be used, nothing is foretold.

    Parameters
    ----------
    instrument : Instrument
        That is quoted.
    leader : str, optional
        The market that is followed as well.
    max_age_h : float
        Of a model: of the last row that it learned from.
    parts : frozenset of str
        That are used.

    Attributes
    ----------
    problem : str
        In words why no model trades; empty where one does.
    """

    def __init__(
        self, instrument: Instrument, leader: str | None, max_age_h: float, parts: frozenset[str] = ALL
    ) -> None:
        self._instrument, self._leader, self._max_age_h = instrument.id, leader, max_age_h
        self._parts = parts
        self._features = AlphaFeatures(instrument.tick_size, leads=leader is not None)
        self._source: Source | None = None
        self._trading: Model | None = None
        self._shadow: Model | None = None
        self._shadow_problem = ""
        self._at_work: tuple[Model, ...] = ()
        self._next_ns = 0
        self.problem = "no model was looked for yet"

    # -- models ----------------------------------------------------------------------------------------------

    def use(self, source: Source) -> None:
        """Trade by that model from now on, with that other in its shadow; one that is at work already goes on."""
        at_work = {model.id: model for model in self._at_work}
        if source == self._source and {source.trading, source.shadow} - {""} <= at_work.keys():
            return
        self._source = source
        self._trading, self.problem = self._model(source.folder, source.trading, at_work)
        self.problem = source.problem or self.problem
        self._shadow, self._shadow_problem = self._model(source.folder, source.shadow, at_work)
        self._at_work = tuple(model for model in (self._trading, self._shadow) if model is not None)

    def _model(self, folder: str, name: str, at_work: dict[str, Model]) -> tuple[Model | None, str]:
        """A model, or in words why there is none."""
        if not name:
            return None, ""
        if name in at_work:
            return at_work[name], ""
        try:
            stored = self._checked(read_model(Path(folder) / name, VERSION))
            return Model(stored, self._features.names, self._max_age_h), ""
        except DataError as exc:
            return None, str(exc)
        except Exception as exc:
            # Whatever is in its files: the maker goes on without it.
            return None, f"model {name} cannot be used: {type(exc).__name__}: {exc}; train the model anew"

    def _checked(self, stored: StoredModel) -> StoredModel:
        about = stored.about
        if about.instrument != self._instrument:
            raise DataError(f"model {about.id} is of {about.instrument}, not of {self._instrument}")
        seen = {name for part in about.parts.values() for name in part.features}
        if seen & set(LEADER) and about.leader != self._leader:
            raise DataError(f"model {about.id} needs the leader {about.leader}; state reference: {about.leader}")
        for name, part in about.parts.items():
            known = VolatilityOutcomes.names if name == VOLATILITY else OWN + LEADER
            unknown = sorted(set(part.features) - set(known))
            if name not in ALL or unknown:
                what = f"features {', '.join(unknown)}" if unknown else "what"
                raise DataError(f"model {about.id}: part {name} goes by {what} nobody knows; train the model anew")
        return stored

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Go on with the same models as they are in their folders now; without those that are there no more."""
        self.__dict__.update(state)
        if self._source is None:
            return
        for name in ("_trading", "_shadow"):
            model = getattr(self, name)
            if model is None:
                continue
            try:
                model.take_up(self._checked(read_model(Path(self._source.folder) / model.id, VERSION)))
            except DataError as exc:
                setattr(self, name, None)
                self._at_work = tuple(each for each in self._at_work if each is not model)
                if name == "_trading":
                    self.problem = str(exc)
                else:
                    self._shadow_problem = str(exc)

    # -- the market ------------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        """The touch changed."""
        self._features.on_book(book)
        if book.two_sided:
            for model in self._at_work:
                model.on_mid(book.ts_ns, book.mid)

    def on_depth(self, book: Book) -> None:
        """The book as deep as it is read, before a decision."""
        self._features.on_depth(book)
        for model in self._at_work:
            model.heard(book.ts_ns)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._features.on_trade(trade)
        for model in self._at_work:
            model.on_trade(trade)

    def on_leader(self, book: Book) -> None:
        """The touch of the leading market changed."""
        self._features.on_leader(book)
        for model in self._at_work:
            model.heard(book.ts_ns, leader=True)

    def interrupted(self) -> None:
        """The market was not seen for a time: what falls due meanwhile is not known."""
        self._features.interrupted()
        for model in self._at_work:
            model.interrupted()

    def on_time(self, now_ns: int, mid: float) -> None:
        """Before a decision: foretell anew, as often as when it was learned; scales would else be of busy moments."""
        if not self._features.known or now_ns < self._next_ns or not self._at_work:
            return
        self._next_ns = now_ns + round(ROW_S * 1e9)
        row = self._features.row(now_ns)
        for model in self._at_work:
            model.on_row(now_ns, row, self._features.clipped, mid)

    def look(self, now_ns: int) -> None:
        """Bring up to date whether the models see what they learned from; now and then."""
        for model in self._at_work:
            model.look(now_ns)

    # -- what it says ----------------------------------------------------------------------------------------

    @property
    def move_bps(self) -> float:
        """How far the mid is expected to go over the horizon, as far as that is believed."""
        return self._trading.move_bps if self._trading is not None and MOVE in self._parts else 0.0

    @property
    def horizon_s(self) -> float:
        """Of the move."""
        return 1.0 if self._trading is None else self._trading.horizon_s

    @property
    def uncertainty(self) -> float:
        """How much further off forecasts of moves are than usual, as a share, 0 .. 3."""
        return 0.0 if self._trading is None else self._trading.move.uncertainty

    @property
    def volatility_ratio(self) -> float:
        """What the volatility that is quoted by is to be multiplied by."""
        found = self._used(VOLATILITY)
        return 1.0 if found is None else found.volatility.ratio

    @property
    def restless(self) -> float:
        """Probability of the restless state of the market, 0 .. 1; 0 where it has but one."""
        return 0.0 if self._trading is None else self._trading.volatility.restless

    def adverse_bps(self, side: Side) -> float:
        """What a fill is to lose beyond the usual, as far as that is believed."""
        found = self._used(ADVERSE)
        return 0.0 if found is None or found.adverse is None else found.adverse.of(side)

    def arrivals(self, side: Side) -> float:
        """What the fill rate of a side that is quoted by is to be multiplied by."""
        found = self._used(ARRIVALS)
        return 1.0 if found is None or found.arriving is None else found.arriving.ratio(side)

    @property
    def toxicity(self) -> str:
        """What fills lost in the last minutes, next to the last hours: ``less``, ``more`` or ``as usual``."""
        model = self._trading
        return "as usual" if model is None or model.adverse is None else model.adverse.lately

    def _used(self, part: str) -> Model | None:
        model = self._trading
        return None if model is None or part not in self._parts or model.strange else model

    @property
    def weight(self) -> float:
        """Share of the forecasts of moves that is believed, 0 .. 1."""
        return 0.0 if self._trading is None else self._trading.weight

    @property
    def strange(self) -> str:
        """In words why the model is not believed whatever came of its forecasts."""
        return "" if self._trading is None else self._trading.strange

    @property
    def doubt(self) -> str:
        """In words why it is not believed; empty while it is, or has not shown yet what it is worth."""
        return self.problem if self._trading is None else self._trading.doubt

    @property
    def states(self) -> tuple[ModelState, ...]:
        """Of the model that trades, and of the one in its shadow, also where that cannot be used."""
        found = ((self._trading, True), (self._shadow, False))
        states = tuple(model.state(trades) for model, trades in found if model is not None)
        if self._source is None or not self._shadow_problem:
            return states
        doubt, nothing = self._shadow_problem, {MOVE: 0.0}
        return (*states, ModelState(id=self._source.shadow, trades=False, weights=nothing, outcomes=0, doubt=doubt))
