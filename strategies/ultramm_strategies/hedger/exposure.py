"""What there is to hedge: the makers' positions by their ratios, and how they are pushed about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ultramm.features.flow import DecayingSum
from ultramm.market import Instrument
from ultramm.risk.exposures import Position
from ultramm.risk.hedging import (
    ReturnCovariance,
    basket_ratio,
    effectiveness,
    minimum_variance_ratio,
    unit_exposure,
)
from ultramm_strategies.hedger.params import HedgerParams

# One fill in the first second is not one a second.
_LEAST_SEEN_S = 60.0
_SIGMA_HORIZONS = 4.0


class Covered:
    """What the makers hold, as an exposure to the hedge: worth in its quote currency, signed.

    Parameters
    ----------
    params : HedgerParams
        Whom to cover, and how.
    instrument : Instrument
        The hedge.

    Attributes
    ----------
    problem : str
        In words why the exposure is not known; empty when it is.
    exposure : float
        What is left: the makers' positions times their ratios, and the hedge itself.
    ratio, effectiveness : float
        Of the largest position, or of the first maker: exposure of the hedge for one of the maker's, and the share of
        variance that all legs take away; NaN while unknown.
    """

    def __init__(self, params: HedgerParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._returns: ReturnCovariance | None = None
        # The markets whose returns are compared: the legs, this hedge first, then the makers'.
        self._legs: tuple[str, ...] = ()
        self._targets: tuple[str, ...] = ()
        self._ratios: dict[str, float] = {}
        self._shares: dict[str, float] = {}
        self._held: dict[tuple[str, str], float] = {}
        self._pushes = DecayingSum(params.memory_s)
        self._first_ns = -1
        self.problem = "waits for the makers"
        self.exposure = math.nan
        self.ratio = math.nan
        self.effectiveness = math.nan

    def update(self, ts_ns: int, own: Position, others: Iterable[Position]) -> None:
        """What is held now, and where the mids are."""
        everyone = tuple(others)
        covered = [each for each in everyone if each.strategy in self._params.makers]
        siblings = [each for each in everyone if each.strategy in self._params.basket]
        if self._first_ns < 0:
            self._first_ns = ts_ns
        self._compare(ts_ns, own, siblings, covered)
        self._count_pushes(ts_ns, covered)
        self.problem = self._problem(covered)
        if self.problem:
            self.exposure = math.nan
            return
        parts = [self._weight(each) * each.size for each in covered if each.size]
        self.exposure = math.fsum([unit_exposure(self._instrument, own.mid) * own.size if own.size else 0.0, *parts])
        if covered:
            largest = max(covered, key=lambda each: abs(self._weight(each) * each.size) if each.size else 0.0)
            self.ratio = self._ratio(largest)
            self.effectiveness = self._shares.get(largest.instrument.id, math.nan)

    def _weight(self, position: Position) -> float:
        """Exposure to the hedge of one unit of a maker's position."""
        instrument = position.instrument
        return self._ratio(position) * self._rate(instrument) * unit_exposure(instrument, position.mid)

    def _rate(self, instrument: Instrument) -> float:
        same = instrument.quote_currency == self._instrument.quote_currency
        return 1.0 if same else self._params.rates.get(instrument.quote_currency, math.nan)

    def _ratio(self, position: Position) -> float:
        params, instrument = self._params, position.instrument
        if params.ratio is not None:
            return params.ratio
        if position.ratio is not None:
            return position.ratio
        found = self._ratios.get(instrument.id)
        if found is not None:
            return found
        if params.start_ratio is not None:
            return params.start_ratio
        base = instrument.base_currency
        return 1.0 if not params.basket and base and base == self._instrument.base_currency else math.nan

    def _problem(self, covered: Sequence[Position]) -> str:
        """In words what of the positions is not known; of a maker that holds nothing only what will not come."""
        missing = set(self._params.makers) - {each.strategy for each in covered}
        if missing:
            return f"waits for {', '.join(sorted(missing))}"
        for position in covered:
            instrument = position.instrument
            if math.isnan(self._rate(instrument)):
                mine, theirs = self._instrument.quote_currency, instrument.quote_currency
                return f"what {theirs} is worth in {mine} is not stated: params.rates: {{{theirs}: ...}}"
            if position.ratio is not None and not position.size:
                continue
            if math.isnan(self._ratio(position)):
                seen = 0.0 if self._returns is None else self._returns.horizons
                wanted = self._params.warm_horizons
                return f"the ratio to {instrument.id} is not known yet: {seen:.0f} of {wanted:g} horizons seen"
            if position.size and math.isnan(position.mid):
                return f"{instrument.id} has no mid"
        return ""

    # -- estimates -------------------------------------------------------------------------------------------

    @property
    def sigma(self) -> float:
        """Volatility of the hedge, relative, 1 / sqrt(second); NaN until warm, which is sooner than ratios are."""
        returns = self._returns
        return math.nan if returns is None or returns.horizons < _SIGMA_HORIZONS else returns.sigma(0)

    def variance_rate(self, ts_ns: int) -> float:
        """At which the makers' fills push the exposure about, exposure^2 / second."""
        memory_s = self._params.memory_s
        seen_s = max(_LEAST_SEEN_S, (ts_ns - self._first_ns) * 1e-9)
        return self._pushes.at(ts_ns) / (-memory_s * math.expm1(-seen_s / memory_s))

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        if self._returns is not None:
            self._returns.interrupted()

    @property
    def _warm(self) -> bool:
        return self._returns is not None and self._returns.horizons >= self._params.warm_horizons

    def _compare(self, ts_ns: int, own: Position, siblings: Iterable[Position], covered: Iterable[Position]) -> None:
        mids = {own.instrument.id: own.mid}
        mids |= {each.instrument.id: each.mid for each in siblings}
        legs = tuple(mids)
        mids |= {each.instrument.id: each.mid for each in covered}
        targets = tuple(mids)[len(legs) :]
        if not (set(targets) <= set(self._targets) and set(legs) <= set(self._legs)):
            self._legs, self._targets = legs, targets
            self._returns = ReturnCovariance(len(mids), self._params.horizon_s, self._params.memory_s)
            self._ratios, self._shares = {}, {}
        returns = self._returns
        markets = (*self._legs, *self._targets)
        if returns is None or not all(market in mids for market in markets):
            return  # a node that starts again has not started all of them yet
        if returns.update(ts_ns, [mids[market] for market in markets]) and self._warm:
            self._estimate(returns)

    def _estimate(self, returns: ReturnCovariance) -> None:
        """Ratios and effectiveness of each maker's market; what stands still leaves them as they were."""
        matrix, count = returns.matrix, len(self._legs)
        most = self._params.max_ratio
        for place, market in enumerate(self._targets, start=count):
            shared, variance = matrix[:count, place], float(matrix[place, place])
            if count == 1:
                ratio = minimum_variance_ratio(float(shared[0]), float(matrix[0, 0]))
                share = effectiveness(float(shared[0]), variance, float(matrix[0, 0]))
            else:
                try:
                    legs = basket_ratio(matrix[:count, :count], shared, self._params.ridge, most)
                except ValueError:
                    continue
                ratio = float(legs[0])
                left = variance - 2.0 * float(legs @ shared) + float(legs @ matrix[:count, :count] @ legs)
                share = 1.0 - left / variance if variance > 0.0 else math.nan
            if not math.isnan(ratio):
                self._ratios[market] = max(-most, min(most, ratio))
                self._shares[market] = share

    def _count_pushes(self, ts_ns: int, covered: Iterable[Position]) -> None:
        """The square of what each change of a position adds to the exposure: those are the makers' fills."""
        for each in covered:
            key = each.strategy, each.instrument.id
            traded = each.size - self._held.get(key, each.size)
            self._held[key] = each.size
            push = self._weight(each) * traded if traded else 0.0
            if push and not math.isnan(push):
                self._pushes.add(ts_ns, push * push)
