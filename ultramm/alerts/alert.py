"""One thing to tell."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as a rule saw it.

    Parameters
    ----------
    ts_ns : int
        When, nanoseconds since the epoch.
    rule : str
        Which rule; see `ultramm.alerts.rules`.
    severity : {"info", "warning", "critical"}
        How much it matters.
    subject : str
        What it is about: a strategy on an instrument, a venue, the run. Alerts of one rule about one subject are one
        line of a message, with their count.
    text : str
        In words, with the figures.
    """

    ts_ns: int
    rule: str
    severity: Severity
    subject: str
    text: str


def at_least(severity: Severity, least: Severity) -> bool:
    """Whether one matters as much as another."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)
