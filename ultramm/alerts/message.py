"""When what waits is told, and in which words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from ultramm.alerts.alert import SEVERITIES
from ultramm.alerts.spool import Line, Message
from ultramm.config.schema import Alerts

_SHOWN = 20
_GATHER_NS = 1_000_000_000  # what happens at the same time as something critical is told with it
_LINE = "[{severity}] {rule} {subject}: {text}{times}"
_TITLE = "{name}: {what}"


class Pace(msgspec.Struct, frozen=True):
    """Lines are gathered into messages: few, and none at night that could wait."""

    settings: Alerts

    def ripe(self, waiting: Sequence[Line], made_in_hour: int, now_ns: int) -> list[Line]:
        """The lines of the message that is to be sent now; none while there is none.

        Parameters
        ----------
        made_in_hour : int
            Messages of the last hour.
        """
        critical = [line for line in waiting if line.severity == "critical"]
        # The last places of the hour are for what cannot wait.
        most = self.settings.at_most_per_hour
        if critical and min(line.since_ns for line in critical) <= now_ns - _GATHER_NS and made_in_hour < 2 * most:
            return critical if self.is_quiet(now_ns) else list(waiting)
        if not waiting or self.is_quiet(now_ns) or made_in_hour >= most:
            return []
        gathered = now_ns - min(line.since_ns for line in waiting) >= self.settings.group_s * 1e9
        return list(waiting) if gathered else []

    def is_quiet(self, now_ns: int) -> bool:
        """Whether it is an hour in which only what is critical is told."""
        start, end = self.settings.quiet_from, self.settings.quiet_until
        if start is None or end is None:
            return False
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%H:%M")
        return start <= now < end if start < end else now >= start or now < end


def compose(name: str, lines: Sequence[Line], templates: Mapping[str, str]) -> Message:
    """The message of some lines, the gravest first.

    Parameters
    ----------
    name : str
        The configuration's.
    templates : mapping of str to str
        By rule, instead of the usual line, and ``title``; in the manner of `str.format`.
    """
    lines = sorted(lines, key=lambda line: -SEVERITIES.index(line.severity))
    worst = lines[0]
    what = f"{worst.rule} {worst.subject}" if len(lines) == 1 else f"{len(lines)} alerts, {worst.rule} {worst.subject}"
    body = [_words(line, templates.get(line.rule, _LINE), name) for line in lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        rest = lines[_SHOWN:]
        body.append(f"and {len(rest)} more, {sum(line.count for line in rest):,} alerts in all")
    title = _filled(templates.get("title", _TITLE), _TITLE, name=name, what=what, severity=worst.severity)
    return Message(worst.severity, title, "\n".join(body))


def _words(line: Line, template: str, name: str) -> str:
    times = f" (at {_clock(line.last_ns)} UTC)"
    if line.count > 1:
        times = f" ({line.count:,} times from {_clock(line.first_ns)} to {_clock(line.last_ns)} UTC)"
    return _filled(template, _LINE, name=name, times=times, **msgspec.structs.asdict(line))


def _filled(template: str, usual: str, **values: object) -> str:
    try:
        return template.format(**values)
    except (LookupError, ValueError, AttributeError):
        return usual.format(**values)  # refused where the configuration is read; an alert is told in any case


def _clock(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%H:%M:%S")
