"""Which sockets hear of a member's own orders, and the keys that open them."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable

from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.connections import Delivery
from ultramm_binance_emulator.orders import Json

Tell = Callable[[Json], None]
_KEY_LIFE_MS = 60 * 60_000


class UserStreams:
    """Members' own events, by listen key or by session.

    Parameters
    ----------
    now_ms : callable
        The clock.
    delivery : Delivery
        How messages go; these are of the stream ``user``.
    """

    def __init__(self, now_ms: Callable[[], int], delivery: Delivery) -> None:
        self._now_ms = now_ms
        self._delivery = delivery
        self._told: dict[str, set[Tell]] = defaultdict(set)
        self._keys: dict[str, tuple[Account, int]] = {}

    def add(self, account: Account, tell: Tell) -> None:
        """Tell `tell` of a member's events."""
        self._told[account.key].add(tell)

    def remove(self, account: Account, tell: Tell) -> None:
        self._told[account.key].discard(tell)

    def tell(self, account: Account, event: Json) -> None:
        """Something happened to a member."""

        def deliver() -> None:
            for tell in list(self._told[account.key]):
                tell(event)

        self._delivery.send("user", deliver)

    # -- keys ------------------------------------------------------------------------------------------------

    def new_key(self, account: Account) -> str:
        """A key that opens a member's stream for an hour."""
        key = secrets.token_urlsafe(48)
        self._keys[key] = (account, self._now_ms() + _KEY_LIFE_MS)
        return key

    def key_of(self, account: Account) -> str | None:
        """The last key that a member was given, while it is good."""
        keys = [key for key in self._keys if self.listener(key) is account]
        return keys[-1] if keys else None

    def keep_key(self, key: str) -> bool:
        """Another hour; False for a key that is not known."""
        account = self.listener(key)
        if account is not None:
            self._keys[key] = (account, self._now_ms() + _KEY_LIFE_MS)
        return account is not None

    def drop_key(self, key: str) -> None:
        self._keys.pop(key, None)

    def listener(self, key: str) -> Account | None:
        """Whose stream a key opens, if it still does."""
        account, until_ms = self._keys.get(key, (None, 0))
        return account if self._now_ms() < until_ms else None

    def elapse(self) -> None:
        """Keys whose time is over expire."""
        self._expire([key for key, (_, until_ms) in self._keys.items() if self._now_ms() >= until_ms])

    def expire_all(self) -> None:
        """All keys expire at once."""
        self._expire(list(self._keys))

    def _expire(self, keys: list[str]) -> None:
        """Tell who listens by a key that it is over, and forget it."""
        for key in keys:
            account, _ = self._keys.pop(key)
            self.tell(account, {"e": "listenKeyExpired", "E": self._now_ms(), "listenKey": key})
