"""How what waits becomes messages: few, at the right time, in words."""

from __future__ import annotations

import msgspec
import pytest

from ultramm.alerts.alert import Severity
from ultramm.alerts.message import Pace, compose
from ultramm.alerts.spool import Line
from ultramm.config.schema import Alerts

S = 1_000_000_000
HOUR = 3_600 * S
NOON = 20_000 * 24 * HOUR + 12 * HOUR


def line(severity: Severity = "warning", subject: str = "mm X.SIM", count: int = 1, since_ns: int = NOON) -> Line:
    return Line(severity, "drawdown", subject, count, NOON - 60 * S, NOON, "60.00 USDT below", since_ns)


def pace(**settings: object) -> Pace:
    return Pace(msgspec.convert(settings, Alerts))


def test_what_comes_together_is_one_message_when_the_first_has_waited_long_enough() -> None:
    waiting = [line(since_ns=NOON), line(subject="other", since_ns=NOON + 29 * S)]
    assert pace().ripe(waiting, 0, NOON + 29 * S) == []
    assert pace().ripe(waiting, 0, NOON + 30 * S) == waiting
    assert pace(group_s=0).ripe(waiting[:1], 0, NOON) == waiting[:1]
    assert pace().ripe([], 0, NOON) == []


def test_what_is_critical_waits_a_second_and_takes_the_rest_along() -> None:
    waiting = [line(since_ns=NOON), line("critical", since_ns=NOON)]
    assert pace().ripe(waiting, 0, NOON + S - 1) == []
    assert pace().ripe(waiting, 0, NOON + S) == waiting


def test_after_so_many_in_an_hour_only_what_is_critical_is_told_and_that_is_bounded_too() -> None:
    common, grave = [line(since_ns=0)], [line("critical", since_ns=0)]
    few = pace(at_most_per_hour=5)
    assert few.ripe(common, 4, NOON) == common
    assert few.ripe(common, 5, NOON) == []
    assert few.ripe(grave, 9, NOON) == grave
    assert few.ripe(grave, 10, NOON) == []


@pytest.mark.parametrize(
    ("start", "end", "hour", "quiet"),
    [
        ("22:00", "06:00", 23, True),
        ("22:00", "06:00", 5, True),
        ("22:00", "06:00", 6, False),
        ("22:00", "06:00", 12, False),
        ("01:00", "06:00", 0, False),
        ("01:00", "06:00", 1, True),
    ],
)
def test_at_night_only_what_is_critical_is_told(start: str, end: str, hour: int, quiet: bool) -> None:
    night = pace(quiet_from=start, quiet_until=end)
    now = 20_000 * 24 * HOUR + hour * HOUR
    common, grave = line(since_ns=0), line("critical", since_ns=0)
    assert night.is_quiet(now) is quiet
    assert night.ripe([common], 0, now) == ([] if quiet else [common])
    assert night.ripe([common, grave], 0, now) == ([grave] if quiet else [common, grave])


def test_one_alert_is_its_own_title_and_several_are_counted_the_gravest_first() -> None:
    one = compose("demo", [line()], {})
    assert one.title == "demo: drawdown mm X.SIM"
    assert one.body == "[warning] drawdown mm X.SIM: 60.00 USDT below (at 12:00:00 UTC)"
    several = compose("demo", [line(), line("critical", "other", count=1_234)], {})
    assert (several.severity, several.title) == ("critical", "demo: 2 alerts, drawdown other")
    assert several.body.splitlines() == [
        "[critical] drawdown other: 60.00 USDT below (1,234 times from 11:59:00 to 12:00:00 UTC)",
        "[warning] drawdown mm X.SIM: 60.00 USDT below (at 12:00:00 UTC)",
    ]


def test_a_long_message_ends_in_how_much_more_there_is() -> None:
    body = compose("demo", [line(subject=f"s{number}", count=10) for number in range(50)], {}).body.splitlines()
    assert len(body) == 21
    assert body[-1] == "and 30 more, 300 alerts in all"


def test_templates_are_the_owners_words() -> None:
    templates = {"drawdown": "{subject} fell ({count:03d})", "title": "{severity} at {name}"}
    told = compose("demo", [line(count=7)], templates)
    assert (told.title, told.body) == ("warning at demo", "mm X.SIM fell (007)")


@pytest.mark.parametrize("template", ["{unknown}", "{text", "{count:zz}", "{0}", "{text.real}"])
def test_a_template_that_cannot_be_filled_in_is_refused_with_what_it_may_name(template: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"templates.halt cannot be filled in .*\{subject\}"):
        msgspec.convert({"templates": {"halt": template}}, Alerts)


def test_braces_in_what_happened_are_no_template() -> None:
    told = compose("demo", [Line("info", "halt", "{name}", 1, 0, 0, "{text} {0}", 0)], {})
    assert "{text} {0}" in told.body
