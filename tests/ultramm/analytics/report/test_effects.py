"""What moved the quotes: kept while it is known, drawn by unit, told in numbers."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from journal_records import INSTRUMENT, busy_maker

from ultramm.analytics.report.charts import charts
from ultramm.analytics.report.effects import EffectSeries
from ultramm.analytics.report.page import report_page
from ultramm.journal.records import MakerStarted
from ultramm.journal.traced import MakerReplay

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def filled() -> EffectSeries:
    effects = EffectSeries(S, 10)
    effects.put(1 * S, {"trend_weight_pct": 40.0})
    effects.put(2 * S, {"trend_weight_pct": 60.0, "flow_weight_pct": None})
    effects.put(3 * S, {"flow_weight_pct": 10.0})
    return effects


def test_each_effect_has_a_series_from_when_it_was_first_told() -> None:
    effects = filled()
    assert effects.names == ("trend_weight_pct", "flow_weight_pct")
    assert effects["trend_weight_pct"].times_ns().tolist() == [1 * S, 2 * S, 3 * S]
    np.testing.assert_equal(effects["trend_weight_pct"].column("value"), [40.0, 60.0, math.nan])
    np.testing.assert_equal(effects["flow_weight_pct"].column("value"), [math.nan, 10.0])


def test_what_was_last_known_before_a_moment() -> None:
    effects = filled()
    assert effects.before(3 * S, "trend_weight_pct") == 60.0
    assert effects.before(2 * S, "trend_weight_pct") == 40.0
    assert effects.before(9 * S, "trend_weight_pct") == 60.0  # not known since: what it was before
    assert math.isnan(effects.before(1 * S, "trend_weight_pct"))
    assert math.isnan(effects.before(9 * S, "never told"))


def test_in_numbers() -> None:
    trend, flow = filled().summary()
    assert (trend.name, trend.unit, trend.mean, trend.lowest, trend.highest) == (
        "trend weight",
        "pct",
        50.0,
        40.0,
        60.0,
    )
    assert trend.last is None
    assert (flow.mean, flow.last) == (10.0, 10.0)


def test_one_that_never_was_known_has_no_numbers() -> None:
    effects = EffectSeries(S, 10)
    effects.put(S, {"edge_bps": None})
    assert effects.summary()[0].mean is None


def played(session: Any) -> Any:
    made = session("mm")
    made.mid(0.0, 100.0)
    for second in range(1, 30):
        made.effects = {"trend_weight_pct": 40.0 + second, "flow_weight_pct": 60.0 - second, "skew_bps": 0.5}
        made.mid(second, 100.0 + second % 3)
    return made


def test_one_chart_for_each_unit(session: Any) -> None:
    made = played(session)
    found = {chart.name: chart for chart in charts(made.end(30), "USD", 1)}
    assert {"effects-pct", "effects-bps"} < set(found)
    assert [entry.text for entry in found["effects-pct"].legend] == ["trend weight", "flow weight"]
    assert found["effects-pct"].title == "What moved the quotes, %"


def test_a_chart_goes_on_with_its_effect(session: Any) -> None:
    made = played(session)
    chart = next(chart for chart in charts(made.trace, "USD", 1) if chart.name == "effects-bps")
    source = next(renderer.data_source for renderer in chart.figure.renderers)
    before = len(source.data["t"])
    made.mid(60.0, 100.0)
    chart.update()
    assert len(source.data["t"]) == before + 1
    assert source.data["value"][-1] == 0.5


def test_an_effect_that_is_not_known_is_drawn_once_it_is(session: Any) -> None:
    made = session("mm")
    made.mid(0.0, 100.0)
    made.effects = {"edge_bps": None}
    made.mid(1.0, 101.0)
    made.mid(2.0, 101.0)
    chart = next(chart for chart in charts(made.trace, "USD", 1) if chart.name == "effects-bps")
    assert (chart.figure.y_range.start, chart.figure.y_range.end) == (0, 1)
    made.effects = {"edge_bps": 7.0}
    made.mid(3.0, 101.0)
    made.mid(4.0, 101.0)
    chart.update()
    assert type(chart.figure.y_range).__name__ == "DataRange1d"


def test_what_a_plugin_calls_its_effects_is_no_markup(session: Any, facts: Any) -> None:
    made = session("mm")
    made.mid(0.0, 100.0)
    made.effects = {"<script>alert(1)</script>_bps": 1.0}
    made.mid(1.0, 101.0)
    made.mid(2.0, 101.0)
    trace = made.end(3)
    page = report_page(facts, [(made.score.score(START_NS + 3 * S), trace)])
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_journal_tells_them_again() -> None:
    replay = MakerReplay(MakerStarted(strategy="mm", instrument=INSTRUMENT, max_position=1.0, covers=("a",)), rows=10)
    status = busy_maker().status(START_NS)
    for second in range(1, 5):
        told = msgspec.structs.replace(status, effects={"skew_bps": float(second)})
        replay.on_status(START_NS + second * S, told, None)
    _, trace = replay.result(START_NS + 6 * S)
    assert trace.covers == ("a",)
    # Each holds until the next is told.
    assert trace.effects.before(START_NS + 5 * S, "skew_bps") == pytest.approx(4.0)
    assert trace.effects.before(START_NS + 3 * S, "skew_bps") == pytest.approx(2.0)
