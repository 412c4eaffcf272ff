import warnings
from datetime import UTC, date, datetime

import exchange_calendars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm.errors import DataError
from ultramm.trading_hours import TradingHours, last_session

GLOBEX = "CMES 17:00-16:00 America/Chicago"
METAL = "24/5 18:00-17:00 America/New_York"
FX = "24/5 17:00-17:00 America/New_York"


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def reopens(hours: str, at: str) -> str | None:
    found = TradingHours(hours).reopens_ns(ns(at))
    return None if found is None else f"{datetime.fromtimestamp(found // 10**9, UTC):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        # New York, in summer time.
        ("XNYS", "2013-10-07T13:29:59", "2013-10-07T13:30"),
        ("XNYS", "2013-10-07T13:30:00", None),
        ("XNYS", "2013-10-07T19:59:59", None),
        ("XNYS", "2013-10-07T20:00:00", "2013-10-08T13:30"),
        # Thanksgiving is closed, the day after closes at one.
        ("XNYS", "2013-11-28T16:00:00", "2013-11-29T14:30"),
        ("XNYS", "2013-11-29T17:59:59", None),
        ("XNYS", "2013-11-29T18:00:00", "2013-12-02T14:30"),
        # Globex: Sunday evening to Friday, an hour's break a day; Christmas 2023 was a Monday.
        (GLOBEX, "2023-12-24T20:00:00", "2023-12-25T23:00"),
        (GLOBEX, "2023-12-25T23:00:00", None),
        (GLOBEX, "2023-12-26T21:59:59", None),
        (GLOBEX, "2023-12-26T22:00:00", "2023-12-26T23:00"),
        (GLOBEX, "2024-06-07T21:00:00", "2024-06-09T22:00"),
        # A holiday with an early close at noon in Chicago.
        (GLOBEX, "2023-11-23T17:59:59", None),
        # Spot gold and FX have no exchange: New York's afternoon ends the day.
        (METAL, "2014-05-02T12:00:00", None),
        (METAL, "2014-05-02T21:00:00", "2014-05-04T22:00"),
        (METAL, "2014-05-01T21:30:00", "2014-05-01T22:00"),
        (FX, "2021-09-07T21:00:00", None),
        (FX, "2021-09-10T21:00:00", "2021-09-12T21:00"),
        ("24/7", "2021-09-12T03:00:00", None),
    ],
)
def test_when_a_market_opens_again(hours, at, expected):
    assert reopens(hours, at) == expected


def test_answers_do_not_depend_on_what_was_asked_before():
    hours = TradingHours("XNYS")
    for at in ("2013-10-07T14:00:00", "2019-07-04T14:00:00", "2013-10-07T02:00:00", "2013-10-07T14:00:00"):
        assert hours.reopens_ns(ns(at)) == TradingHours("XNYS").reopens_ns(ns(at))


@pytest.fixture(scope="module")
def schedule() -> list[tuple[int, int]]:
    """Openings and closes, whole seconds, as the calendar tells them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        rows = exchange_calendars.get_calendar("XNYS", start="2011-12-01", end="2015-12-31").schedule
        return [
            (round(opens.timestamp()), round(closes.timestamp()))
            for opens, closes in zip(rows.open, rows.close, strict=True)
        ]


@pytest.fixture(scope="module")
def new_york() -> TradingHours:
    return TradingHours("XNYS")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 700 * 86_400))
def test_it_agrees_with_the_calendar_at_any_second(schedule, new_york, seconds):
    now_s = round(datetime(2012, 1, 1, tzinfo=UTC).timestamp()) + seconds
    is_open = any(opens <= now_s < closes for opens, closes in schedule)
    expected = None if is_open else min(opens for opens, _ in schedule if opens > now_s) * 10**9
    assert new_york.reopens_ns(now_s * 10**9) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NOWHERE",
        "XNYS 9-16 America/New_York",
        "XNYS 09:30-16:00",
        "XNYS 09:30-16:00 America/Chicgo",
        "XNYS 25:00-26:00 UTC",
    ],
)
def test_what_are_no_trading_hours_is_refused(text):
    with pytest.raises(DataError, match=r"no trading hours|no such calendar"):
        TradingHours(text).reopens_ns(ns("2020-01-06T00:00:00"))


@pytest.mark.parametrize(
    ("year", "month", "count", "expected"),
    [
        (2013, 12, 3, date(2013, 12, 27)),  # COMEX gold, December 2013
        (2014, 2, 3, date(2014, 2, 26)),
        (2023, 12, 1, date(2023, 12, 29)),
    ],
)
def test_the_last_sessions_of_a_month(year, month, count, expected):
    assert last_session("CMES", year, month, count) == expected
