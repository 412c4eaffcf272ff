"""A server on a free port of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.threaded import ThreadedServer


@pytest.fixture
def served() -> Iterator[ThreadedServer]:
    """One member with 100,000 USDT and 2 BTC, and 100,000 USDT for futures."""
    funds = {"USDT": Decimal(100_000), "BTC": Decimal(2)}
    with ThreadedServer([Account.funded("emulator-key", "emulator-secret", funds, Decimal(100_000))]) as server:
        yield server
