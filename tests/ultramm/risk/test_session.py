"""Around a session quotes wait, and before its end only what makes the position smaller is left."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from journal_records import INSTRUMENT

from ultramm.market import Side
from ultramm.risk.session import SessionEdges, SessionGuard

# New York's open and close on a Wednesday in October, and before a holiday, when it closes at 13:00.
NYSE = msgspec.structs.replace(INSTRUMENT, hours="XNYS")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2025-10-08T13:29:59", None),  # closed: nothing is quoted anyway
        ("2025-10-08T13:30:00", "pulled"),
        ("2025-10-08T13:30:59", "pulled"),
        ("2025-10-08T13:31:00", None),
        ("2025-10-08T19:54:59", None),
        ("2025-10-08T19:55:01", "reducing"),
        ("2025-10-08T19:59:59", "reducing"),
        ("2025-11-28T17:55:01", "reducing"),
    ],
)
def test_around_sessions(when: str, expected: str | None) -> None:
    held = SessionGuard(SessionEdges(), NYSE).cautions(at(when))
    if expected is None:
        assert held == []
        return
    assert [side for side, _ in held] == list(Side)
    assert {"pulled" if caution.pulled else "reducing" if caution.reducing else "" for _, caution in held} == {expected}


def test_an_expiry_is_a_close() -> None:
    expiring = msgspec.structs.replace(INSTRUMENT, expiry_ns=at("2025-10-08T12:00:00"))
    guard = SessionGuard(SessionEdges(before_close_s=60.0), expiring)
    assert guard.cautions(at("2025-10-08T11:58:59")) == []
    ((_, caution), _) = guard.cautions(at("2025-10-08T11:59:30"))
    assert caution.reason == "the market closes in 30 s: only what makes the position smaller"


def test_a_market_that_never_closes_has_no_edges() -> None:
    assert SessionGuard(SessionEdges(), INSTRUMENT).cautions(at("2025-10-08T13:30:00")) == []
