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


def compare(funded: Funded, done: Effects, held: Holdings, terms: Mapping[str, Terms]) -> list[Difference]:
    """Each currency and position: the venue's beside ours, equal or not.

    Of a margin account the venue's wallet knows realised profits only: it is compared together with what positions
    have won at the venue's own mark, which both sides value alike.
    """
    return [*_currencies(funded, done, held, terms), *_positions(funded, done, held)]


def _currencies(funded: Funded, done: Effects, held: Holdings, terms: Mapping[str, Terms]) -> list[Difference]:
    ours: defaultdict[str, Decimal] = defaultdict(Decimal, funded.balances)
    venues: defaultdict[str, Decimal] = defaultdict(Decimal, held.balances)
    for currency, amount in done.cash.items():
        ours[currency] += amount
    for instrument, size in done.positions.items():
        if size:
            of = terms[instrument]
            ours[of.settlement] += size * of.value(held.marks[instrument])
            venues[of.settlement] += held.unrealised.get(instrument, _ZERO)
    names = sorted({*ours, *venues})
    return [Difference(what=name, venue=venues[name], ours=ours[name]) for name in names if venues[name] or ours[name]]


def _positions(funded: Funded, done: Effects, held: Holdings) -> list[Difference]:
    names = sorted({*funded.positions, *done.positions, *held.positions})
    found = []
    for name in names:
        ours = funded.positions.get(name, _ZERO) + done.positions.get(name, _ZERO)
        found.append(Difference(what=name, venue=held.positions.get(name, _ZERO), ours=ours))
    return found
