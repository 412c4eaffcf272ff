"""The page as a file: what is in it, what it may do, and that it is the same each time."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from typing import Any

import msgspec
import pytest

from ultramm.analytics.report.page import report_page
from ultramm.market import Side

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def maker(session: Any, name: str = "mm", fills: int = 30) -> Any:
    played = session(name)
    played.mid(0.0, 100.0)
    for place in range(fills):
        side = Side.BUY if place % 3 else Side.SELL
        played.fill(place + 0.1, side, 100.0 - side * 0.5, 0.01)
        played.mid(place + 0.5, 100.0 + (place % 7) / 2)
    trace = played.end(60)
    return played.score.score(START_NS + 60 * S), trace


def unpacked(made: str) -> Any:
    found = re.search(r'id="documents">(.*?)</script>', made)
    assert found is not None
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


def test_says_what_was_run_and_what_came_of_it(session: Any, facts: Any) -> None:
    made = report_page(facts, [maker(session)])
    for text in ("demo", "ultramm 0.1.0", "2023-11-14 22:13:20", "1,234", "ab" * 32, "cd" * 32, "secret: &#x27;****"):
        assert text in made
    for card in ("P&amp;L", "Spread capture", "Inventory P&amp;L", "Fees", "Fills", "Markout 1 s", "Uptime"):
        assert f"<span>{card}</span>" in made


def test_its_policy_forbids_every_connection(session: Any, facts: Any) -> None:
    made = report_page(facts, [maker(session)])
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', made)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "connect-src 'none'" in policy[1]
    assert "http" not in policy[1]
    # Before anything that it is to govern.
    assert made.index("Content-Security-Policy") < made.index("<script")


def test_loads_nothing(session: Any, facts: Any) -> None:
    made = report_page(facts, [maker(session)])
    assert re.findall(r'<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="(?!data:)[^"]*"', made) == []
    assert "@import" not in made


def test_names_cannot_become_markup(session: Any, facts: Any) -> None:
    evil = "<script>alert(1)</script>"
    facts = msgspec.structs.replace(facts, name=evil, command=evil, configuration=evil, data={evil: "0"})
    made = report_page(facts, [maker(session, "</script><b>")])
    assert evil not in made
    assert "</script><b>" not in made
    assert "&lt;script&gt;alert(1)" in made


def test_several_makers_have_a_tab_each(session: Any, facts: Any) -> None:
    made = report_page(facts, [maker(session, "first"), maker(session, "second", 5)])
    assert re.findall(r'data-tab="(\d)">(\w+)', made) == [("0", "first"), ("1", "second")]
    assert made.count("<section ") == 2
    assert 'role="tab"' not in report_page(facts, [maker(session)])


def test_the_same_run_is_the_same_page_even_in_one_process(session: Any, facts: Any) -> None:
    assert report_page(facts, [maker(session)]) == report_page(facts, [maker(session)])


def test_eight_makers_fit_into_three_megabytes_when_every_series_is_full_of_noise(session: Any, facts: Any) -> None:
    rng = random.Random(1)

    def busy(name: str) -> Any:
        played = session(name, rows=400)
        played.mid(0.0, 100.0)
        for place in range(1500):
            mid = rng.uniform(50, 150)
            played.fill(place / 2 + 0.1, rng.choice([Side.BUY, Side.SELL]), mid, rng.uniform(0.01, 1), rng.random())
            played.quotes = (mid - rng.random(), mid + rng.random())
            played.mid(place / 2 + 0.3, mid, rng.random())
        trace = played.end(800)
        assert len(trace.series) > 600
        return played.score.score(START_NS + 800 * S), trace

    made = report_page(facts, [busy(f"mm{place}") for place in range(8)])
    assert len(made.encode()) < 3_000_000


@pytest.mark.parametrize("fills", [0, 1])
def test_a_run_with_hardly_anything_has_a_page(session: Any, fills: int, facts: Any) -> None:
    made = report_page(facts, [maker(session, fills=fills)])
    assert len(unpacked(made)) == 1
