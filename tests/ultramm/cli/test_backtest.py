"""``ultramm backtest run --report``: the file, its refusals, and what a browser makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[3]
SHARED = PROJECT.parent / "shared" / "data"
CHARTS = ["price", "inventory", "pnl", "drawdown", "spread", "volatility", "markout", "fill-ratio", "waits"]
SYNTHETIC = """
mode: backtest
name: synthetic
seed: 7
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT]
    params: {preset: benign, pace: 4, duration_s: 40}
    paper: {starting_balances: [100000 USDT, 2 BTC], latency_ms: 5, maker_fee_bps: 0.1}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.SIM]
    params: {order_size: 0.01, max_position: 0.01, half_spread_bps: 1, refresh_ms: 200}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "synthetic.yaml"
    path.write_text(SYNTHETIC)
    return path


def report(ultramm: Any, tmp_path: Path, config: Path, *args: str, **environment: str) -> Path:
    done = ultramm("backtest", "run", str(config), "--report", "report.html", *args, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report.html" in done.stderr
    return tmp_path / "report.html"


# -- the command -----------------------------------------------------------------------------------------------


def test_the_json_is_the_same_to_the_byte_with_and_without_a_report(ultramm: Any, config: Path) -> None:
    alone = ultramm("backtest", "run", "synthetic.yaml", "--json")
    beside = ultramm("backtest", "run", "synthetic.yaml", "--json", "--report", "report.html")
    assert json.loads(alone.stdout)["fills"] > 20
    assert beside.stdout == alone.stdout
    assert re.fullmatch(r"report: report\.html \(\d\.\d MB\)\n", beside.stderr)


def test_both_queues_are_side_by_side_in_json_table_and_report(ultramm: Any, tmp_path: Path, config: Path) -> None:
    done = ultramm("backtest", "run", "synthetic.yaml", "--both-queues", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (item,) = found["queues"]
    for queue in ("pessimistic", "probabilistic"):
        change = f"venues.SIM.paper.queue={queue}"
        alone = json.loads(ultramm("backtest", "run", "synthetic.yaml", "--json", "--set", change).stdout)
        assert (item[queue]["pnl"], item[queue]["fills"]) == (alone["pnl"]["total"], alone["fills"])
    assert found["fills"] == item["pessimistic"]["fills"] < item["probabilistic"]["fills"]

    shown = ultramm("backtest", "run", "synthetic.yaml", "--both-queues", "--report", "report.html")
    assert f"mm on BTCUSDT.SIM {item['verdict']}." in shown.stdout
    page = (tmp_path / "report.html").read_text()
    assert f"It {item['verdict']}</h3>" in page
    assert "--both-queues" in page
    assert page.count("<td>probabilistic</td>") == 1


def test_the_report_is_the_same_to_the_byte_in_another_process(ultramm: Any, tmp_path: Path, config: Path) -> None:
    first = report(ultramm, tmp_path, config, PYTHONHASHSEED="1").read_bytes()
    again = report(ultramm, tmp_path, config, PYTHONHASHSEED="4242", TZ="Asia/Tokyo").read_bytes()
    assert again == first
    assert len(first) < 3_000_000


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere/report.html", "there is no folder nowhere"),
        (".", "is a folder"),
        ("synthetic.yaml/report.html", "there is no folder synthetic.yaml"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    ultramm: Any, config: Path, path: str, says: str
) -> None:
    # A run of a year would not come to its end here.
    done = ultramm(
        "backtest", "run", "synthetic.yaml", "--report", path, "--set", "venues.SIM.params.duration_s=31536000"
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_what_came_from_the_environment_is_masked_everywhere(ultramm: Any, tmp_path: Path, config: Path) -> None:
    config.write_text(SYNTHETIC.replace("name: synthetic", "name: ${SECRET_NAME}"))
    made = report(ultramm, tmp_path, config, "--set", "strategies.0.name=hush-hush", SECRET_NAME="hush-hush")
    text = made.read_text()
    assert "<h2>**** · BTCUSDT.SIM</h2>" in text
    assert "hush-hush" not in text


def test_says_how_to_run_it_again(ultramm: Any, tmp_path: Path, config: Path) -> None:
    text = report(ultramm, tmp_path, Path("synthetic.yaml"), "--set", "seed=9").read_text()
    assert "<code>ultramm backtest run synthetic.yaml --set seed=9</code>" in text
    assert "generated from the seed" in text


# -- in a browser ----------------------------------------------------------------------------------------------


_INK = """
() => Object.fromEntries([...document.querySelectorAll('section:not([hidden]) .chart')].map(chart => {
  let ink = 0;
  const walk = root => { for (const e of root.querySelectorAll('*')) {
    if (e instanceof HTMLCanvasElement && e.width && e.height) {
      const pixels = e.getContext('2d').getImageData(0, 0, e.width, e.height).data;
      for (let i = 3; i < pixels.length; i += 4) ink += pixels[i] > 0;
    }
    if (e.shadowRoot) walk(e.shadowRoot);
  } };
  walk(chart);
  return [chart.id, ink];
}))
"""


def drawn(tab: Any) -> dict[str, int]:
    """Pixels that are drawn of each chart that is shown; waits until there are some in all."""
    for _ in range(100):
        ink: dict[str, int] = tab.evaluate(_INK)
        if all(pixels > 1000 for pixels in ink.values()):
            break
        tab.wait_for_timeout(100)
    return ink


def test_a_browser_draws_every_chart_and_asks_for_nothing(
    ultramm: Any, tmp_path: Path, config: Path, opened: Any
) -> None:
    path = report(ultramm, tmp_path, config)
    with opened(path, viewport={"width": 1280, "height": 900}) as tab:
        ink = drawn(tab)
        assert list(ink) == [f"c0-{name}" for name in CHARTS]
        assert min(ink.values()) > 1000, ink


_HEIGHTS = """
() => Bokeh.documents[0].roots().slice(0, 6).map(figure => [figure.x_range.end - figure.x_range.start,
                                                            figure.y_range.end - figure.y_range.start])
"""


def test_zooming_one_chart_zooms_all_over_time_and_fits_their_other_axis(
    ultramm: Any, tmp_path: Path, config: Path, opened: Any
) -> None:
    path = report(ultramm, tmp_path, config)
    with opened(path, viewport={"width": 1280, "height": 900}) as tab:
        drawn(tab)
        before = tab.evaluate(_HEIGHTS)
        box = tab.locator("#c0-price").bounding_box()
        x, y = box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"]
        for _ in range(10):  # a slow machine may not hear of the mouse at first
            tab.mouse.move(x, y)
            tab.mouse.down()
            tab.mouse.move(x + 40, y, steps=4)
            tab.mouse.up()
            tab.wait_for_timeout(1_000)
            if tab.evaluate(_HEIGHTS)[0][1] < 0.6 * before[0][1]:
                break
        assert tab.evaluate(_HEIGHTS)[0][1] < 0.6 * before[0][1]
        after = tab.evaluate(_HEIGHTS)
        assert len({width for width, _ in after}) == 1
        assert after[0][0] < 0.1 * before[0][0]
        assert all(height > 0 for _, height in after)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tooltips_are_readable_and_never_nan(
    ultramm: Any, tmp_path: Path, config: Path, opened: Any, scheme: str
) -> None:
    path = report(ultramm, tmp_path, config)
    with opened(path, viewport={"width": 1280, "height": 900}, color_scheme=scheme) as tab:
        drawn(tab)
        seen = []
        for name in ("price", "volatility", "pnl"):
            chart = tab.locator(f"#c0-{name}")
            chart.scroll_into_view_if_needed()
            box = chart.bounding_box()
            for step in range(24):
                x = box["x"] + 100 + (box["width"] - 130) * step / 23
                tab.mouse.move(x, box["y"] + box["height"] / 2)
                tab.wait_for_timeout(30)
                seen += tab.evaluate("[...document.querySelectorAll('.bk-Tooltip')].map(e => e.shadowRoot.textContent)")
        text = "\n".join(seen)
        assert "our bid" in text
        assert "NaN" not in text
        assert "???" not in text
        # With one order at its limit of inventory, one side is without a quote most of the time.
        assert re.search(r"our (bid|ask)\s*–", text)  # noqa: RUF001
        tip = tab.locator(".bk-Tooltip").first
        background, panel = (
            found.evaluate("e => getComputedStyle(e).backgroundColor") for found in (tip, tab.locator(".panel").first)
        )
        assert background == panel
        assert (panel == "rgb(255, 255, 255)") == (scheme == "light")


def test_a_phone_needs_no_sideways_scrolling(ultramm: Any, tmp_path: Path, config: Path, opened: Any) -> None:
    path = report(ultramm, tmp_path, config)
    with opened(path, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True) as tab:
        assert min(drawn(tab).values()) > 1000
        assert tab.evaluate("document.documentElement.scrollWidth") == 390


TWO = """
mode: backtest
name: two
venues:
  A: &venue
    adapter: synthetic
    instruments: [BTCUSDT]
    params: {preset: benign, seed: 1, duration_s: 20, pace: 4}
    paper: {starting_balances: [100000 USDT, 2 BTC]}
  B:
    <<: *venue
    params: {preset: benign, seed: 2, duration_s: 20, pace: 4}
strategies:
  - use: market-maker
    name: both
    instruments: [BTCUSDT.A, BTCUSDT.B]
    params: {order_size: 0.01, max_position: 0.1, half_spread_bps: 1}
"""


def test_each_tab_draws_its_charts_when_it_is_opened(ultramm: Any, tmp_path: Path, opened: Any) -> None:
    config = tmp_path / "two.yaml"
    config.write_text(TWO)
    path = report(ultramm, tmp_path, config)
    with opened(path, viewport={"width": 1280, "height": 900}) as tab:
        assert min(drawn(tab).values()) > 1000
        tab.get_by_role("tab", name="both · BTCUSDT.B").click()
        tab.locator("section[data-drawn=yes]").nth(1).wait_for(timeout=60_000)
        ink = drawn(tab)
        assert list(ink) == [f"c1-{name}" for name in CHARTS]
        assert min(ink.values()) > 1000


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the recordings are not at {SHARED}")
@pytest.mark.parametrize("name", ["binance-usdm-btcusdt", "es"])
def test_a_recordings_report_is_small_and_whole(ultramm: Any, tmp_path: Path, opened: Any, name: str) -> None:
    config = PROJECT / "config" / "backtests" / f"{name}.yaml"
    path = report(ultramm, tmp_path, config, SHARED_DATA=str(SHARED))
    assert path.stat().st_size < 3_000_000
    with opened(path, viewport={"width": 1280, "height": 900}) as tab:
        assert min(drawn(tab).values()) > 1000


def test_a_run_too_short_for_anything_is_drawn_without_complaint(
    ultramm: Any, tmp_path: Path, config: Path, opened: Any
) -> None:
    path = report(ultramm, tmp_path, config, "--set", "venues.SIM.params.duration_s=1")
    with opened(path, viewport={"width": 1280, "height": 900}) as tab:
        assert min(drawn(tab).values()) > 1000
        assert "Too few fills" in tab.locator("body").inner_text()
