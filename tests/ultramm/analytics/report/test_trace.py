"""What a trace keeps of a run."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from ultramm.analytics.markout import HORIZONS_S
from ultramm.analytics.report.trace import CURVE_S, Trace
from ultramm.market import Side

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def random_session(session: Any, seed: int, length_s: int = 120, **options: int) -> tuple[Any, Trace]:
    """A walk of the mid, and fills at random around it."""
    rng = random.Random(seed)
    played = session(**options)
    mid, at_s = 10_000.0, 0.0
    played.mid(at_s, mid)
    while at_s < length_s:
        at_s += rng.expovariate(5.0)
        if rng.random() < 0.2:
            side = rng.choice([Side.BUY, Side.SELL])
            played.fill(at_s, side, mid - side * rng.choice([0.5, 1.0]), rng.choice([0.01, 0.05]), rng.choice([0, 0.1]))
        else:
            mid += rng.choice([-1.0, -0.5, 0.5, 1.0])
            played.mid(at_s, mid, rng.choice([1.0, 2.0]))
    return played, played.end(length_s + 1)


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_is_the_scores_markouts_where_both_have_them(session: Any, seed: int) -> None:
    played, trace = random_session(session, seed)
    score = played.score.score(START_NS + 121 * S)
    assert set(HORIZONS_S) <= set(CURVE_S)
    for markout in score.markouts:
        mean = trace.markout(markout.horizon_s)
        assert mean is not None
        assert mean.value == pytest.approx(markout.mean_bps, rel=1e-9)
        assert mean.count == markout.fills


@pytest.mark.parametrize("seed", range(5))
def test_ends_with_the_scores_pnl_and_its_parts(session: Any, seed: int) -> None:
    played, trace = random_session(session, seed)
    pnl = played.score.score(START_NS + 121 * S).pnl
    last = {name: trace.series.column(name)[-1] for name in ("total", "capture", "inventory", "fees", "position")}
    assert last["total"] == pytest.approx(pnl.total)
    assert last["capture"] == pytest.approx(pnl.spread_capture)
    assert last["inventory"] == pytest.approx(pnl.inventory)
    assert last["fees"] == pytest.approx(-pnl.fees)
    assert last["position"] == played.score.attribution.position
    parts = sum(trace.series.column(name) for name in ("capture", "inventory", "fees"))
    assert parts == pytest.approx(trace.series.column("total"))


@pytest.mark.parametrize("seed", range(5))
def test_the_deepest_drawdown_is_at_least_the_scores_and_no_deeper_than_the_pnl_can_tell(
    session: Any, seed: int
) -> None:
    played, trace = random_session(session, seed)
    score = played.score.score(START_NS + 121 * S)
    deepest = trace.series.column("drawdown").max()
    assert deepest >= score.drawdown.largest - 1e-9
    assert deepest <= score.drawdown.largest + 2.0


@pytest.mark.parametrize("seed", range(3))
def test_a_small_trace_keeps_the_same_extremes_as_a_large_one(session: Any, seed: int) -> None:
    _, large = random_session(session, seed, rows=10_000)
    _, small = random_session(session, seed, rows=10)
    assert len(small.series) <= 20 < len(large.series)
    assert small.series.column("mid_low").min() == large.series.column("mid_low").min()
    assert small.series.column("mid_high").max() == large.series.column("mid_high").max()
    assert small.series.column("position_low").min() == large.series.column("position_low").min()
    assert small.series.column("position_high").max() == large.series.column("position_high").max()
    assert small.series.column("total")[-1] == large.series.column("total")[-1]
    assert small.series.column("spread_bps_ns").sum() == pytest.approx(large.series.column("spread_bps_ns").sum())


@pytest.mark.parametrize("step_s", [1, 2, 16, 300])
def test_bucketed_pnl_adds_up_to_the_total(session: Any, step_s: int) -> None:
    played, trace = random_session(session, 1)
    total = played.score.score(START_NS + 121 * S).pnl.total
    pnl = trace.bucket_pnl(START_NS, START_NS + 121 * S, step_s * S)
    assert pnl.sum() == pytest.approx(total)


def test_bucketed_pnl_is_marked_at_the_mid_that_stood_when_the_step_ended(session: Any) -> None:
    played = session()
    played.mid(0.5, 100.0)
    played.fill(0.6, Side.BUY, 99.5, 1.0)  # earns 0.5
    played.mid(1.5, 101.0)  # 1.0 of inventory P&L in the second step
    played.mid(3.2, 103.0)  # nothing in the third, 2.0 in the fourth
    played.fill(3.999, Side.SELL, 103.5, 1.0)  # earns 0.5
    trace = played.end(4.5)
    pnl = trace.bucket_pnl(START_NS, START_NS + round(4.5 * S), S)
    assert pnl.tolist() == pytest.approx([0.5, 1.0, 0.0, 2.5, 0.0])


def test_a_fill_right_after_a_step_belongs_to_the_next(session: Any) -> None:
    played = session()
    played.mid(0.5, 100.0)
    played.fill(1.1, Side.BUY, 99.5, 1.0)
    pnl = played.end(2.5).bucket_pnl(START_NS, START_NS + 3 * S, S)
    assert pnl.tolist() == pytest.approx([0.0, 0.5, 0.0])


def test_the_spread_is_averaged_over_time_not_over_events(session: Any) -> None:
    played = session(rows=2)
    played.mid(0.0, 10_000.0, spread=2.0)
    played.mid(9.0, 10_000.0, spread=10.0)
    trace = played.end(10.0)
    weight = trace.series.column("two_sided_ns")
    assert trace.series.column("spread_bps_ns").sum() / weight.sum() == pytest.approx((9 * 2 + 10) / 10)
    assert weight.sum() == 10 * S


def test_quotes_are_sampled_and_may_be_missing(session: Any) -> None:
    played = session()
    played.mid(0.0, 100.0)
    played.quotes = (99.5, 100.5)
    played.mid(0.5, 100.5)
    played.quotes = (99.5, float("nan"))
    trace = played.end(1.0)
    assert trace.series.column("ask")[0] == 100.5
    assert np.isnan(trace.series.column("ask")[-1])
    assert trace.series.column("bid")[-1] == 99.5


def test_errors_let_fills_of_ten_seconds_move_together(session: Any) -> None:
    played = session()
    played.mid(0.0, 100.0)
    for burst in range(12):
        for place in range(20):
            played.fill(20 * burst + 0.001 * place, Side.BUY, 99.5)
        played.mid(20 * burst + 0.5, 100.0 + (burst % 3))
        played.mid(20 * burst + 15, 100.0)
    mean = played.end(300).markout(1.0)
    assert mean is not None
    assert (mean.count, mean.clusters) == (240, 12)
    each = np.array([1e4 * (0.5 + burst % 3) / 99.5 for burst in range(12)])
    assert mean.standard_error == pytest.approx(each.std(ddof=1) / np.sqrt(12))


def test_longer_horizons_have_longer_clusters(session: Any) -> None:
    played = session()
    played.mid(0.0, 100.0)
    for at_s in range(0, 600, 10):
        played.fill(at_s + 0.5, Side.BUY, 99.5)
        played.mid(at_s + 5, 100.0 + at_s % 7)
    trace = played.end(600)
    short, long = trace.markout(1.0), trace.markout(60.0)
    assert short is not None
    assert long is not None
    assert short.clusters >= 59
    assert long.clusters <= 10


def test_markouts_by_side_are_of_that_side(session: Any) -> None:
    played = session()
    played.mid(0.0, 100.0)
    played.fill(0.1, Side.BUY, 99.0)
    played.fill(0.2, Side.SELL, 101.0)
    played.mid(0.3, 102.0)
    played.mid(5.0, 103.0)
    trace = played.end(6.0)
    bought, sold = trace.markout(1.0, Side.BUY), trace.markout(1.0, Side.SELL)
    assert bought is not None
    assert sold is not None
    assert bought.value == pytest.approx(1e4 * 3.0 / 99.0)
    assert sold.value == pytest.approx(-1e4 * 1.0 / 101.0)
    assert trace.markout(300.0) is None


def test_a_market_that_never_came_leaves_an_empty_trace(session: Any) -> None:
    trace = session().end(10.0)
    assert len(trace.series) == 0
    assert trace.capture_bps() is None
    assert trace.bucket_pnl(START_NS, START_NS + 10 * S, S).tolist() == [0.0] * 10


def test_of_many_fills_the_last_are_kept_and_so_their_markouts(session: Any) -> None:
    whole, bounded = session(), session(most_fills=5)
    for played in (whole, bounded):
        played.mid(0.0, 100.0)
        for place in range(20):
            played.fill(place + 0.1, Side.BUY, 99.0, 0.01)
            played.mid(place + 0.5, 100.0 + place)
        played.end(600.0)
    assert len(whole.trace.fills) == 20
    assert [each.fill.ts_ns for each in bounded.trace.fills] == [each.fill.ts_ns for each in whole.trace.fills][-5:]
    (mean,) = [bounded.trace.markout(1.0)]
    assert mean is not None
    assert mean.count == 5
    # What adds up is of all of them.
    assert bounded.trace.score.fills == whole.trace.score.fills == 20
