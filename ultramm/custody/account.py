"""Whether an account holds what our fills say it should, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from ultramm.custody.desk import Holdings, Terms
from ultramm.custody.records import Filled, Funded

_ZERO = Decimal(0)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an account holds: what the venue says, and what our fills say."""

    what: str
    venue: Decimal
    ours: Decimal

    @property
    def gap(self) -> Decimal:
        return self.venue - self.ours


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """What fills did: to currencies, fees included, and to positions, by instrument."""

    cash: dict[str, Decimal]
    positions: dict[str, Decimal]


def effects(fills: Iterable[Filled], terms: Mapping[str, Terms]) -> Effects:
    """What fills of one venue did to its account."""
    cash: defaultdict[str, Decimal] = defaultdict(Decimal)
    positions: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fill in fills:
        of = terms.get(fill.instrument)
        if of is None:
            continue
        side = int(fill.side)
        if of.cash:
            cash[of.base] += side * fill.size
            cash[of.quote] -= side * fill.price * fill.size
        else:
            cash[of.settlement] -= side * of.value(fill.price) * fill.size
            positions[fill.instrument] += side * fill.size
        if fill.fee:
            cash[fill.fee_currency] -= fill.fee
    return Effects(cash=dict(cash), positions=dict(positions))


def equity(held: Holdings, terms: Mapping[str, Terms]) -> defaultdict[str, Decimal]:
    """What an account holds by currency, without what its positions are worth at the venue's own mark.

    The wallet of a margin account knows realised profits only; together with those that are not, less the positions'
    worth, it moves by fills alone, wherever the market goes.
    """
    balances = defaultdict(Decimal, held.balances)
    for instrument, size in held.positions.items():
        of = terms[instrument]
        balances[of.settlement] += held.unrealised[instrument] - size * of.value(held.marks[instrument])
    return balances


def compare(funded: Funded, done: Effects, held: Holdings, terms: Mapping[str, Terms]) -> list[Difference]:
    """Each currency and position: the venue's beside ours, equal or not.

    Of a margin account the venue's wallet knows realised profits only: it is compared together with what positions
    have won at the venue's own mark, which both sides value alike.
    """
    positions = _added(funded.positions, done.positions)
    return [*_currencies(funded, done, held, positions, terms), *_positions(held, positions)]


def _added(first: Mapping[str, Decimal], second: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: first.get(name, _ZERO) + second.get(name, _ZERO) for name in {*first, *second}}


def _currencies(
    funded: Funded, done: Effects, held: Holdings, positions: Mapping[str, Decimal], terms: Mapping[str, Terms]
) -> list[Difference]:
    ours = defaultdict(Decimal, _added(funded.balances, done.cash))
    venues: defaultdict[str, Decimal] = defaultdict(Decimal, held.balances)
    for instrument, size in positions.items():
        if size:
            of = terms[instrument]
            ours[of.settlement] += size * of.value(held.marks[instrument])
    for instrument in held.positions:
        venues[terms[instrument].settlement] += held.unrealised[instrument]
    names = sorted({*ours, *venues})
    return [Difference(what=name, venue=venues[name], ours=ours[name]) for name in names if venues[name] or ours[name]]


def _positions(held: Holdings, ours: Mapping[str, Decimal]) -> list[Difference]:
    names = sorted({*ours, *held.positions})
    return [Difference(what=name, venue=held.positions.get(name, _ZERO), ours=ours.get(name, _ZERO)) for name in names]
