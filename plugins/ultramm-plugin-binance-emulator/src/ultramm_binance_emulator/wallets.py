"""What a member has at the futures venue: a balance, and positions whose cost is known to the last digit."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from ultramm_binance_emulator.symbols import ZERO

_SMALLEST = Decimal("0.00000001")
_LEVERAGE = 20


@dataclass(slots=True)
class Position:
    """A net position in one contract.

    Attributes
    ----------
    quantity : Decimal
        Negative for a short one.
    cost : Decimal
        What it was entered for, of the same sign. Of a part that is closed, the share is rounded to the venue's last
        digit and the rest keeps the difference: profit that is realised and cost that is left always add up.
    realised : Decimal
        Profit so far, before fees.
    """

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    leverage: int = _LEVERAGE
    updated_ms: int = 0

    def trade(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Add a signed quantity; gives the profit of what it closed."""
        closed = ZERO
        if self.quantity * quantity < 0:
            closed = min(abs(quantity), abs(self.quantity)).copy_sign(quantity)
        released = self._cost_of(-closed)
        profit = -closed * price - released
        self.cost += (quantity - closed) * price - released
        self.quantity += quantity
        self.realised += profit
        return profit

    def _cost_of(self, part: Decimal) -> Decimal:
        if part == self.quantity:
            return self.cost
        return (self.cost * part / self.quantity).quantize(_SMALLEST)

    @property
    def entry_price(self) -> Decimal:
        """Cost of one, rounded; zero without a position."""
        return (self.cost / self.quantity).quantize(_SMALLEST) if self.quantity else ZERO

    def unrealised(self, mark: Decimal) -> Decimal:
        """Profit if it were closed at a price."""
        return self.quantity * mark - self.cost


@dataclass(slots=True)
class Wallet:
    """The one asset that margins every contract, and the positions in them."""

    balance: Decimal = ZERO
    positions: dict[str, Position] = field(default_factory=dict)
    updated_ms: int = 0

    def position(self, name: str) -> Position:
        return self.positions.setdefault(name, Position())
