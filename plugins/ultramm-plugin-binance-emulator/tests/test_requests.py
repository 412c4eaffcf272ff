"""Histories, page by page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.requests import listed, page

# Numbers and times, as trades have them: several in a millisecond.
ITEMS = [(number, 1_000 + number // 3) for number in range(1, 3_001)]
DAY_MS = 86_400_000


def asked(**request: int) -> list[tuple[int, int]]:
    return page(ITEMS, {name: str(value) for name, value in request.items()}, lambda item: item, "fromId", DAY_MS)


def test_without_a_start_it_is_the_end_that_is_given() -> None:
    assert asked() == ITEMS[-500:]
    assert asked(limit=7) == ITEMS[-7:]
    assert asked(limit=5_000) == ITEMS[-1_000:]
    assert asked(endTime=1_001, limit=2) == [(4, 1_001), (5, 1_001)]


def test_from_a_number_or_a_time_on_it_is_the_beginning() -> None:
    assert asked(fromId=10, limit=3) == ITEMS[9:12]
    assert asked(startTime=1_002, limit=4) == [(6, 1_002), (7, 1_002), (8, 1_002), (9, 1_003)]
    assert asked(startTime=1_002, endTime=1_002) == ITEMS[5:8]


@settings(deadline=None)
@given(size=st.integers(50, 1_000), start=st.integers(0, 2_100))
def test_pages_that_go_on_from_number_to_number_give_all(size: int, start: int) -> None:
    """As a client asks: from a time first, and then from the number after the last one."""
    found = last = asked(startTime=start, limit=size)
    while len(last) == size and len(found) < 3_000:
        last = asked(fromId=last[-1][0] + 1, limit=size)
        found = found + last
    assert found == [item for item in ITEMS if item[1] >= start]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"fromId": 1, "startTime": 5}, "-1128"),
        ({"fromId": 1, "endTime": 5}, "-1128"),
        ({"startTime": 0, "endTime": DAY_MS + 1}, "-1127: More than 24 hours"),
        ({"startTime": -1}, "-1100"),
        ({"limit": -1}, "-1100"),
    ],
)
def test_what_cannot_be_asked(request_: dict[str, int], code: str) -> None:
    with pytest.raises(VenueError, match=code):
        asked(**request_)


@pytest.mark.parametrize(
    ("text", "found"),
    [('["a","b"]', ["a", "b"]), ("[]", None), ('["a",1]', None), ("{", None), ('["a","b","c"]', None)],
)
def test_lists_are_of_one_kind_and_not_too_long(text: str, found: Any) -> None:
    if found is not None:
        assert listed({"x": text}, "x", 2) == found
        return
    with pytest.raises(VenueError, match="-1130"):
        listed({"x": text}, "x", 2)
