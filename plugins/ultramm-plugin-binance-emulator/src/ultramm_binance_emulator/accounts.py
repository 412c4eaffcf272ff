"""Who trades here, and what they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ultramm_binance_emulator.errors import no_funds
from ultramm_binance_emulator.symbols import ZERO, plain
from ultramm_binance_emulator.wallets import Wallet


@dataclass(slots=True)
class Balance:
    """Of one asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(slots=True, eq=False)
class Account:
    """A member: the key it signs with, and what it has, to the last digit.

    Parameters
    ----------
    key, secret : str
        What requests carry, and what they are signed with by HMAC.
    balances : dict of str to Balance
        At the spot venue.
    wallet : Wallet
        At the futures venue.
    """

    key: str
    secret: str
    balances: dict[str, Balance] = field(default_factory=dict)
    wallet: Wallet = field(default_factory=Wallet)
    updated_ms: int = 0

    @classmethod
    def funded(cls, key: str, secret: str, funds: Mapping[str, Decimal], margin: Decimal = ZERO) -> Account:
        """A member with something to trade on spot, and `margin` for futures."""
        balances = {asset: Balance(free=amount) for asset, amount in funds.items()}
        return cls(key, secret, balances, Wallet(margin))

    def balance(self, asset: str) -> Balance:
        return self.balances.setdefault(asset, Balance())

    def lock(self, asset: str, amount: Decimal) -> None:
        """Set aside for an order that rests."""
        balance = self.balance(asset)
        if balance.free < amount:
            raise no_funds()
        balance.free -= amount
        balance.locked += amount

    def release(self, asset: str, amount: Decimal) -> None:
        """Give back what an order no longer needs."""
        balance = self.balance(asset)
        balance.locked -= amount
        balance.free += amount

    def spend(self, asset: str, amount: Decimal) -> None:
        """Pay from what was set aside."""
        self.balance(asset).locked -= amount

    def receive(self, asset: str, amount: Decimal) -> None:
        self.balance(asset).free += amount

    def info(self, assets: Iterable[str] | None = None) -> list[dict[str, str]]:
        """Balances as the venue tells of them."""
        names = sorted(self.balances) if assets is None else list(dict.fromkeys(assets))
        return [
            {"asset": name, "free": plain(self.balance(name).free), "locked": plain(self.balance(name).locked)}
            for name in names
        ]
