"""Between the kernel's fills, the ledger's exact ones, and those in floats that a maker counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nautilus_trader.model.enums import LiquiditySide

from ultramm.custody.records import Filled
from ultramm.maker import Maker
from ultramm.market import Fill, Instrument
from ultramm.nautilus.convert import to_side


def to_filled(event: Any, strategy: str) -> Filled:
    """The kernel's event for the ledger, every number as the venue wrote it."""
    commission = event.commission
    return Filled(
        # Our clock, as for books and trades: the venue's may be seconds away from it.
        ts_ns=event.ts_init,
        order_id=event.client_order_id.value,
        strategy=strategy,
        instrument=event.instrument_id.value,
        side=to_side(event.order_side),
        trade_id=event.trade_id.value,
        price=event.last_px.as_decimal(),
        size=event.last_qty.as_decimal(),
        fee=commission.as_decimal(),
        fee_currency=commission.currency.code,
        maker=event.liquidity_side == LiquiditySide.MAKER,
    )


def to_fill(filled: Filled, instrument: Instrument) -> Fill:
    """For a maker: a fee in the coin that was bought lessens it; one in a third currency is no part of its P&L."""
    fee = float(filled.fee)
    return Fill(
        ts_ns=filled.ts_ns,
        order_id=filled.order_id,
        side=filled.side,
        price=float(filled.price),
        size=float(filled.size),
        fee=fee if filled.fee_currency == instrument.settlement_currency else 0.0,
        maker=filled.maker,
        base_fee=fee if _is_coin(filled, instrument) else 0.0,
    )


def _is_coin(filled: Filled, instrument: Instrument) -> bool:
    """Whether its fee was taken in what changed hands, and not in what it is settled in."""
    return filled.fee_currency == instrument.base_currency != instrument.settlement_currency


def gone_on(build: Callable[[str], Maker], fills: Iterable[Filled], now_ns: int) -> Maker:
    """A maker with its fills of earlier runs, each at the mid of its time; where that is not known, at its price.

    Parameters
    ----------
    build : callable
        Makes it; with words, those say why its strategy may not be that of an earlier run.
    """
    maker = build("")
    done = [
        (to_fill(filled, maker.instrument), float(filled.price) if filled.mid is None else filled.mid)
        for filled in fills
    ]
    try:
        maker.restore(done, now_ns)
    except Exception as exc:
        # A strategy of an earlier run that cannot bear what it missed; a new one is told of nothing.
        maker = build(f"{type(exc).__name__}: {exc}")
        maker.restore(done, now_ns)
    return maker
