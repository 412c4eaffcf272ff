"""Charts that go on, and know when they lack something."""

from __future__ import annotations

import msgspec
from journal_records import INSTRUMENT, S, busy_maker

from ultramm.dashboard.live_charts import LiveCharts
from ultramm.journal.records import MakerStarted
from ultramm.journal.traced import MakerReplay

START_NS = 1_700_000_000 * S


def test_they_are_outdated_once_a_maker_tells_of_something_that_has_no_chart() -> None:
    replay = MakerReplay(MakerStarted(strategy="mm", instrument=INSTRUMENT, max_position=9.0), rows=50)
    status = busy_maker().status(START_NS)

    def tell(second: int, **effects: float) -> None:
        replay.on_status(START_NS + second * S, msgspec.structs.replace(status, effects=effects), None)

    for second in range(3):
        tell(second, skew_bps=1.0)
    charts = LiveCharts(replay, "USDT")
    assert "effects-bps" in charts.charts
    tell(3, skew_bps=2.0)
    tell(4, skew_bps=3.0, trend_weight_pct=40.0)
    assert not charts.outdated  # what holds from now on is sampled with the next
    tell(5, skew_bps=3.0, trend_weight_pct=40.0)
    assert charts.outdated
    assert "effects-pct" in LiveCharts(replay, "USDT").charts
