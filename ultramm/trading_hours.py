"""When a market is open: the exchange's calendar of sessions, and its expiries.

Calendars are those of the package exchange_calendars, by their names there: ``XNYS``, ``CMES`` (CME Globex), ``24/5``.
They know holidays and early closes.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ultramm.errors import DataError

_TEXT = re.compile(r"(?P<calendar>\S+)(?: (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d) (?P<zone>\S+))?")
_S = 1_000_000_000
_BACK_S, _AHEAD_S = 30 * 86_400, 400 * 86_400  # loaded at once: a calendar takes a tenth of a second


class TradingHours:
    """The sessions of one market.

    Parameters
    ----------
    text : str
        A calendar, ``XNYS``; or its days with hours of their own, ``CMES 17:00-16:00 America/Chicago``, which begin on
        the day before where they open later than they close. Where the calendar closes earlier, it closes then.

    Raises
    ------
    DataError
        The calendar is not known, or the text is none.
    """

    def __init__(self, text: str) -> None:
        match = _TEXT.fullmatch(text)
        try:
            if match is None:
                raise ValueError(text)
            self._calendar = match["calendar"]
            self._hours = None
            if match["zone"] is not None:
                opens, closes = (time.fromisoformat(match[name]) for name in ("opens", "closes"))
                self._hours = opens, closes, ZoneInfo(match["zone"])
        except (ValueError, KeyError, OSError) as exc:  # a zone that is not there is a KeyError
            message = f"{text!r}: are no trading hours; write such as CMES 17:00-16:00 America/Chicago"
            raise DataError(message) from exc
        self.text = text
        self._opens: list[int] = []
        self._closes: list[int] = []
        self._known = (0, 0)
        self._as_before = (0, 0)  # between these nothing changes
        self._reopens: int | None = None

    def reopens_ns(self, ts_ns: int) -> int | None:
        """When the market opens again, nanoseconds since the epoch; None while it is open."""
        begins, ends = self._as_before
        if not begins <= ts_ns < ends:
            self._look(ts_ns)
        return self._reopens

    def session(self, ts_ns: int) -> tuple[int, int]:
        """When the session that is on began, and when it ends, nanoseconds since the epoch; zeros while closed."""
        return (0, 0) if self.reopens_ns(ts_ns) is not None else self._as_before

    def _look(self, ts_ns: int) -> None:
        known_from, known_to = self._known
        if not known_from <= ts_ns < known_to:
            self._load(ts_ns)
        index = bisect_right(self._opens, ts_ns) - 1
        if index >= 0 and ts_ns < self._closes[index]:
            self._reopens = None
            self._as_before = self._opens[index], self._closes[index]
        else:
            before = self._closes[index] if index >= 0 else self._known[0]
            self._reopens = self._opens[index + 1]
            self._as_before = before, self._opens[index + 1]

    def _load(self, ts_ns: int) -> None:
        first, last = (datetime.fromtimestamp(ts_ns // _S + shift, UTC).date() for shift in (-_BACK_S, _AHEAD_S))
        sessions = _sessions(self._calendar, first, last)
        spans = [self._span(day, opens_ns, closes_ns) for day, opens_ns, closes_ns in sessions]
        self._opens, self._closes = ([span[end] for span in spans] for end in (0, 1))
        # Up to the last opening that is known: what comes after a close is always there.
        self._known = self._closes[0], self._opens[-1]

    def _span(self, day: date, opens_ns: int, closes_ns: int) -> tuple[int, int]:
        if self._hours is None:
            return opens_ns, closes_ns
        opens, closes, zone = self._hours
        begins = day if opens < closes else day - timedelta(days=1)
        own_opens_ns, own_closes_ns = (
            round(datetime.combine(on, at, zone).timestamp()) * _S for on, at in ((begins, opens), (day, closes))
        )
        return own_opens_ns, min(own_closes_ns, closes_ns) if closes_ns > own_opens_ns else own_closes_ns


def last_session(calendar: str, year: int, month: int, count: int = 1) -> date:
    """The last session of a month, or the one `count` - 1 before it: when many futures expire."""
    first = date(year, month, 1)
    after = date(year + month // 12, month % 12 + 1, 1)
    days = [day for day, _, _ in _sessions(calendar, first, after - timedelta(days=1))]
    return days[-count]


def session_before(calendar: str, day: date, count: int) -> date:
    """The session that many sessions before a day."""
    days = [each for each, _, _ in _sessions(calendar, day - timedelta(days=14), day - timedelta(days=1))]
    return days[-count]


def _sessions(name: str, first: date, last: date) -> list[tuple[date, int, int]]:
    """Day, opening and close of each session, nanoseconds since the epoch."""
    import exchange_calendars

    try:
        with warnings.catch_warnings():
            # It speaks to pandas in words that a later one will not know.
            warnings.simplefilter("ignore", DeprecationWarning)
            calendar: Any = exchange_calendars.get_calendar(name, start=first.isoformat(), end=last.isoformat())
            schedule = calendar.schedule
    except exchange_calendars.errors.InvalidCalendarName as exc:
        raise DataError(f"{name}: no such calendar; known are those of exchange_calendars, such as XNYS") from exc
    # Of whatever unit the index is: nanoseconds are asked for by name.
    opens, closes = (schedule[end].dt.as_unit("ns").astype("int64") for end in ("open", "close"))
    return list(zip([day.date() for day in schedule.index], opens.tolist(), closes.tolist(), strict=True))
