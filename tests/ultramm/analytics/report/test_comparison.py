"""Differences of runs: exact where they must be, and their errors by simulation."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pytest

from ultramm.analytics.report.comparison import ComparedRun, difference, summary, why_not_paired
from ultramm.analytics.report.comparison_page import comparison_page
from ultramm.analytics.report.series import BoundedSeries
from ultramm.analytics.report.uncertainty import Z95
from ultramm.market import Instrument, Side

S = 1_000_000_000
START_NS = 1_700_000_000 * S
EUR = Instrument(
    id="BTCEUR.X",
    tick_size=0.5,
    lot_size=0.01,
    price_precision=1,
    size_precision=2,
    quote_currency="EUR",
    settlement_currency="EUR",
)


def run(session: Any, label: str = "a", edge: float = 0.5, length_s: int = 60, **options: Any) -> ComparedRun:
    """Buys and sells in turn, each `edge` off the mid, which moves the same whatever the maker does."""
    played = session(**options)
    played.mid(0.0, 100.0)
    for place in range(length_s):
        side = Side.BUY if place % 2 else Side.SELL
        played.fill(place + 0.25, side, 100.0 + (place % 5) / 2 - side * edge, 0.01)
        played.mid(place + 0.75, 100.0 + ((place + 1) % 5) / 2)
    trace = played.end(length_s)
    last_ns = START_NS + length_s * S
    return ComparedRun(
        label=label,
        first_ns=START_NS,
        last_ns=last_ns,
        market_events=length_s,
        data={"f": "0"},
        makers=[(played.score.score(last_ns), trace)],
    )


def of_pnl(session: Any, pnl: Any, label: str = "a") -> ComparedRun:
    """A run whose P&L of each second is given."""
    made = run(session, label, length_s=1)
    series = BoundedSeries({"pnl": "last", "mid": "last"}, S, len(pnl))
    for second, value in enumerate(np.cumsum(pnl), 1):
        series.put(START_NS + second * S, value, 100.0)
    made.makers[0][1].buckets = series
    return msgspec.structs.replace(made, last_ns=START_NS + len(pnl) * S)


def test_a_run_less_itself_is_exactly_nothing(session: Any) -> None:
    found = difference(run(session, "a"), run(session, "b"))
    assert (found.total, found.standard_error, found.t) == (0.0, 0.0, None)
    assert found.steps == 60


def test_the_difference_is_that_of_the_pnl(session: Any) -> None:
    base, other = run(session, "a", 0.5), run(session, "b", 0.75)
    found = difference(base, other)
    totals = [item.makers[0][0].pnl.total for item in (base, other)]
    assert found.total == pytest.approx(totals[1] - totals[0])
    assert found.total == pytest.approx(60 * 0.25 * 0.01)


def test_a_difference_the_same_in_each_step_is_certain(session: Any) -> None:
    base = np.random.default_rng(1).normal(size=200).round(3)
    found = difference(of_pnl(session, base), of_pnl(session, base + 1.0))
    assert found.total == pytest.approx(200.0)
    assert found.standard_error == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("persistence", [0.0, 0.3])
def test_the_interval_covers_a_known_difference(session: Any, persistence: float) -> None:
    """The runs share their market, which cancels out; what is left of each is noise with a known mean."""
    rng = np.random.default_rng(11)
    covered, rounds, steps, true_mean = 0, 400, 500, 0.05
    for _ in range(rounds):
        market = 10 * rng.normal(size=steps)
        noise = rng.normal(size=steps + 50)
        for place in range(1, len(noise)):
            noise[place] += persistence * noise[place - 1]
        found = difference(of_pnl(session, market), of_pnl(session, market + true_mean + noise[50:]))
        assert found.standard_error is not None
        covered += abs(found.total - true_mean * steps) < Z95 * found.standard_error
    assert 0.91 <= covered / rounds <= 0.98


def test_pairing_takes_the_market_out(session: Any) -> None:
    rng = np.random.default_rng(3)
    market, own = 100 * rng.normal(size=400), rng.normal(size=400)
    found = difference(of_pnl(session, market), of_pnl(session, market + own + 1.0))
    assert found.standard_error == pytest.approx(20.0, rel=0.25)
    assert found.t == pytest.approx(found.total / found.standard_error)


def test_the_error_is_statsmodels(session: Any) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    base, other = rng.normal(size=300), rng.normal(size=300)
    found = difference(of_pnl(session, base), of_pnl(session, other))
    settings = {"maxlags": found.lags, "use_correction": True}
    theirs = sm.OLS(other - base, np.ones(300)).fit(cov_type="HAC", cov_kwds=settings)
    assert found.standard_error == pytest.approx(300 * theirs.bse[0], rel=1e-6)
    assert found.t == pytest.approx(theirs.tvalues[0], rel=1e-6)


def test_too_few_steps_have_a_difference_but_no_error(session: Any) -> None:
    found = difference(run(session, "a", 0.5, 10), run(session, "b", 0.75, 10))
    assert found.total == pytest.approx(10 * 0.25 * 0.01)
    assert found.standard_error is None
    assert found.t is None


def test_runs_kept_at_different_steps_are_paired_at_the_coarser(session: Any) -> None:
    base, other = run(session, "a", 0.5, bucket_rows=100), run(session, "b", 0.75, bucket_rows=5)
    found = difference(base, other)
    assert found.step_s == 8
    assert found.total == pytest.approx(60 * 0.25 * 0.01)


def test_only_runs_over_the_same_market_are_paired(session: Any) -> None:
    base = run(session, "a")
    assert why_not_paired(base, run(session, "b", 0.75)) is None
    replace = msgspec.structs.replace
    other = run(session, "b")
    cases = {
        "read different files": replace(other, data={"f": "1"}),
        "cover different times": replace(other, last_ns=other.last_ns + 1),
        "saw different markets": replace(other, market_events=1),
        "do not settle in one currency (EUR and USD)": run(session, "b", instrument=EUR),
    }
    for says, wrong in cases.items():
        assert says in str(why_not_paired(base, wrong))


def test_generated_markets_that_differ_only_in_their_prices_are_told_apart(session: Any) -> None:
    base, other = of_pnl(session, np.zeros(30)), of_pnl(session, np.zeros(30), "b")
    assert why_not_paired(base, other) is None
    other.makers[0][1].buckets.put(other.last_ns, 0.0, 101.0)
    assert "saw different markets" in str(why_not_paired(base, other))


def test_a_column_sums_its_makers(session: Any) -> None:
    one, two = run(session, "a", 0.5), run(session, "b", 0.75)
    both = msgspec.structs.replace(one, makers=[*one.makers, *two.makers])
    columns = [{metric.name: metric.value for metric in summary(item)} for item in (one, two, both)]
    for name in ("P&L", "Spread capture", "Inventory P&L", "Fees", "Fills"):
        values = [column[name] for column in columns]
        assert values[2] == pytest.approx((values[0] or 0.0) + (values[1] or 0.0))
    assert columns[0]["Max drawdown"] == one.makers[0][0].drawdown.largest


def test_money_of_several_currencies_is_not_added(session: Any) -> None:
    dollars, euros = run(session), run(session, instrument=EUR)
    mixed = msgspec.structs.replace(dollars, makers=[*dollars.makers, *euros.makers])
    column = {metric.name: metric for metric in summary(mixed)}
    assert column["P&L"].value is None
    assert column["P&L"].unit == "several currencies"
    assert column["Fills"].value == 120


def test_the_page_shows_the_runs_the_differences_and_the_configurations(session: Any) -> None:
    runs = [run(session, "base", 0.5), run(session, "<wide>", 0.75)]
    made = comparison_page("demo", runs, "ultramm backtest compare a b", ["x: 1", "x: 2"])
    assert "P&amp;L less base" in made
    assert "<wide>" not in made
    assert "Configuration of &lt;wide&gt;" in made
    assert re.findall(r'class="chart" id="c0-([\w-]+)"', made) == ["curves", "differences"]
    assert made == comparison_page("demo", runs, "ultramm backtest compare a b", ["x: 1", "x: 2"])


def test_the_page_says_why_there_is_no_difference(session: Any) -> None:
    runs = [run(session, "base"), msgspec.structs.replace(run(session, "other"), data={})]
    made = comparison_page("demo", runs, "command", ["", ""])
    assert "No difference is shown: base and other read different files." in made
    assert re.findall(r'class="chart" id="c0-([\w-]+)"', made) == ["curves"]
