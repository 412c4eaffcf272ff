"""Profit and loss split into what the quotes earned, what the inventory did, and what the venue took."""

from __future__ import annotations

import math

import msgspec

from ultramm.market import Fill, Instrument

_COIN_DECIMALS = 12


class PnL(msgspec.Struct, frozen=True, kw_only=True):
    """Profit and loss in settlement currency.

    ``total = spread_capture + inventory - fees`` and ``total`` is the change of equity computed from cash and
    inventory alone; `identity_residual` is the gap between the two relative to the equity change (to a millionth of
    the turnover and the gross of its parts, where they cancel out to less than that).

    `realised` is what would be left if the position were worth its average entry: total less
    ``position * (V(mid) - entry)``, fees included; None in records of versions that did not tell it.
    """

    total: float
    spread_capture: float
    inventory: float
    fees: float
    identity_residual: float
    currency: str
    realised: float | None = None


class Attribution:
    """Exact split of the P&L of one instrument, updated at each fill.

    A fee that is taken in the coin bought lessens the position, and is a fee of what that is worth at the mid.

    Spread capture of a fill is what it earned against the mid at that moment, ``side * (V(mid) - V(price)) *
    size``; inventory P&L is ``position * (V(mid now) - V(mid at the last fill))`` summed over the times between
    fills; ``V`` is `Instrument.value`, so that coin-margined contracts split as exactly as linear ones.

    Parameters
    ----------
    instrument : Instrument
        Whose fills these are.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._value_at_last_fill = 0.0
        self._inventory_terms = 0.0
        self._capture_terms = 0.0
        self._cash = 0.0
        self._cash_lost = 0.0
        self.fees = 0.0
        self._cash_fees = 0.0
        self.position = 0.0
        self._entry_value = 0.0
        self.volume = 0.0
        self._turnover = 0.0
        self._decimals = instrument.size_precision

    def on_fill(self, fill: Fill, mid: float) -> float | None:
        """Take one fill; `mid` is the mid of the market when it happened, price.

        Gives what it brought against the average entry, fees off, if it made the position smaller; else None.
        """
        instrument = self._instrument
        value_mid, value_fill = instrument.value(mid), instrument.value(fill.price)
        self._inventory_terms += self.position * (value_mid - self._value_at_last_fill)
        self._value_at_last_fill = value_mid
        self._capture_terms += fill.side * (value_mid - value_fill) * fill.size
        self._add_cash(-fill.side * value_fill * fill.size)
        self.fees += fill.fee + fill.base_fee * value_mid
        self._cash_fees += fill.fee
        self._turnover += abs(value_fill) * fill.size
        if fill.base_fee:
            self._decimals = _COIN_DECIMALS
        before = self.position
        self.position = round(before + fill.side * fill.size - fill.base_fee, self._decimals)
        closed = min(abs(before), fill.size) if before * fill.side < 0.0 else 0.0
        gain = math.copysign(closed, before) * (value_fill - self._entry_value) - fill.fee - fill.base_fee * value_mid
        self._enter(before, value_fill)
        self.volume += instrument.notional(fill.price, fill.size)
        return gain if closed else None

    def _enter(self, before: float, value: float) -> None:
        """The average value at which the position was entered: what lessens it leaves that as it was."""
        if self.position == 0.0:
            self._entry_value = 0.0
        elif before * self.position <= 0.0:  # opened, or turned
            self._entry_value = value
        elif abs(self.position) > abs(before):
            self._entry_value += (value - self._entry_value) * (1.0 - before / self.position)

    @property
    def cash(self) -> float:
        """Settlement currency taken in less paid out, fees included, since the beginning."""
        return self._cash + self._cash_lost - self._cash_fees

    def equity_change(self, mid: float) -> float:
        """`PnL.total` alone: cash, and the inventory valued at `mid`."""
        return self.cash + (self.position * self._instrument.value(mid) if self.position else 0.0)

    def pnl(self, mid: float) -> PnL:
        """The split with the inventory valued at `mid`."""
        if self.position == 0.0 or not math.isfinite(mid):
            value = self._value_at_last_fill
        else:
            value = self._instrument.value(mid)
        inventory = self._inventory_terms + self.position * (value - self._value_at_last_fill)
        equity_change = math.fsum([self._cash, self._cash_lost, self.position * value, -self._cash_fees])
        parts = self._capture_terms + inventory - self.fees
        gross = abs(self._capture_terms) + abs(inventory) + abs(self.fees)
        return PnL(
            total=equity_change,
            spread_capture=self._capture_terms,
            inventory=inventory,
            fees=self.fees,
            identity_residual=_relative(
                equity_change - parts, max(abs(equity_change), 1e-6 * (gross + self._turnover))
            ),
            currency=self._instrument.settlement_currency,
            realised=equity_change - self.position * (value - self._entry_value),
        )

    def _add_cash(self, amount: float) -> None:
        """Compensated sum (Neumaier): cash is the difference of large flows, and must not lose its cents."""
        total = self._cash + amount
        if abs(self._cash) >= abs(amount):
            lost = (self._cash - total) + amount
        else:
            lost = (amount - total) + self._cash
        self._cash = total
        self._cash_lost += lost


def _relative(gap: float, scale: float) -> float:
    return abs(gap) / scale if gap else 0.0
