import importlib
import sys
from pathlib import Path

import pytest

from ultramm.config.load import DEFAULT_PATH, read
from ultramm.config.resolve import Resolved, resolve
from ultramm.errors import ConfigError

TEXT = """
mode: paper
name: demo
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT, ETHUSDT]
    params: {preset: wide}
    paper: {starting_balances: [1000 USDT, 1 BTC]}
strategies:
  - use: market-maker
    name: mm-btc
    instruments: [BTCUSDT.SIM]
    params: {order_size: 0.01, half_spread_bps: 5, max_position: 0.1}
  - use: market-maker
    name: mm-eth
    instruments: [ETHUSDT.SIM]
    params: {order_size: 0.01, half_spread_bps: 5, max_position: 0.1}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return path


def resolved(path: Path | None, *overrides: str) -> Resolved:
    return resolve(read(path, overrides, {}))


def complaint(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        resolved(path, *overrides)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


def test_the_packaged_default_resolves():
    default = resolved(None)
    assert default.loaded.path == DEFAULT_PATH
    assert list(default.venues) == ["SIM"]
    assert default.strategies[0].plugin.name == "market-maker"
    assert default.strategies[0].params.levels == 3


@pytest.mark.parametrize("mode", ["paper", "backtest"])
def test_the_same_file_serves_backtest_and_paper(file, mode):
    assert resolved(file, f"mode={mode}").config.mode == mode


WATCHED = """
mode: paper
name: watched
venues:
  BINANCE:
    adapter: binance
    instruments: [BTCUSDT]
    paper: {starting_balances: [1000 USDT, 1 BTC], maker_fee_bps: 10, taker_fee_bps: 10}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.BINANCE]
    params: {order_size: 0.01, half_spread_bps: 5, max_position: 0.1}
"""


def test_a_venue_without_a_market_to_play_is_watched_on_paper(file):
    assert not resolved(file).watches
    file.write_text(WATCHED)
    assert resolved(file).watches


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("mode=backtest", "mode: adapter binance of venue BINANCE has no market to play back; use mode: paper"),
        (
            "venues.BINANCE.paper.maker_fee_bps=null",
            "venues.BINANCE.paper.maker_fee_bps: missing; the venue tells its fees to members only",
        ),
        (
            "venues.SIM={adapter: synthetic, instruments: [BTCUSDT], paper: {starting_balances: [1 BTC]}}",
            "venues.BINANCE.adapter: its market is live, that of SIM is played; use two files",
        ),
        ("venues.BINANCE.paper=null", "venues.BINANCE.paper: mode paper needs it, with starting_balances"),
    ],
)
def test_what_cannot_be_watched_is_refused(file, override, expected):
    file.write_text(WATCHED)
    assert complaint(file, override) == expected


def test_parameters_become_the_plugins_own(file):
    both = resolved(file)
    assert type(both.venues["SIM"].params).__name__ == "SyntheticParams"
    assert both.venues["SIM"].params.preset == "wide"
    assert type(both.strategies[1].params).__name__ == "MarketMakerParams"
    assert both.strategies[1].params.max_position == 0.1


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        # plugins
        (
            "strategies.1.use=market-makr",
            "strategies[1].use: no strategy named 'market-makr'; did you mean market-maker?",
        ),
        ("venues.SIM.adapter=synthetik", "venues.SIM.adapter: no adapter named 'synthetik'; did you mean synthetic?"),
        # their parameters
        ("strategies.1.params.levls=2", "strategies[1].params.levls: unknown key; did you mean levels?"),
        ("strategies.1.params.levels=0", "strategies[1].params.levels: expected `int` >= 1"),
        ("strategies.1.params.max_position=.nan", "strategies[1].params.max_position: expected `float` > 0.0"),
        ("strategies.1.params.order_size=lots", "strategies[1].params.order_size: expected `float`, got `str`"),
        (
            "strategies.1.params.fair_value=next",
            "strategies[1].params.fair_value: invalid enum value 'next'; "
            "allowed: last, micro-price, mid, reference, weighted-mid",
        ),
        (
            "venues.SIM.params.preset=narrow",
            "venues.SIM.params.preset: invalid enum value 'narrow'; allowed: benign, tight, wide, wide2",
        ),
        ("venues.SIM.params.pase=1", "venues.SIM.params.pase: unknown key; did you mean pace?"),
        # instruments and venues
        (
            "strategies.1.instruments.0=ETHUSD.SIM",
            "strategies[1].instruments[0]: unknown instrument ETHUSD.SIM; did you mean ETHUSDT.SIM?",
        ),
        (
            "strategies.1.instruments.0=ETHUSDT.SIN",
            "strategies[1].instruments[0]: unknown instrument ETHUSDT.SIN; did you mean ETHUSDT.SIM?",
        ),
        (
            "strategies.1.instruments.0=QQQ",
            "strategies[1].instruments[0]: unknown instrument QQQ; known: BTCUSDT.SIM, ETHUSDT.SIM",
        ),
        (
            "strategies.1.instruments.0=.SIM",
            "strategies[1].instruments[0]: unknown instrument .SIM; known: BTCUSDT.SIM, ETHUSDT.SIM",
        ),
        # what the parts say of each other
        ("strategies.1.name=mm-btc", "strategies[1].name: mm-btc is taken; each strategy needs its own"),
        ("venues.SIM.paper=null", "venues.SIM.paper: mode paper needs it, with starting_balances"),
        ("mode=live", "mode: adapter synthetic of venue SIM takes no live orders; use mode: paper"),
    ],
)
def test_each_complaint_names_file_key_and_remedy(file, override, expected):
    assert complaint(file, override) == expected


def test_a_missing_parameter_is_named_with_its_path(file):
    message = complaint(file, "strategies.1.params={order_size: 1, half_spread_bps: 5}")
    assert message.startswith("strategies[1].params: ")
    assert "max_position" in message


@pytest.mark.parametrize("override", ["strategies.1.instruments=[ETHUSDT.SIM, ETHUSDT.SIM]"])
def test_one_strategy_does_not_quote_an_instrument_twice(file, override):
    """It would hold twice its own max_position."""
    message = complaint(file, override)
    assert message.startswith("strategies[1].instruments[1]: ")
    assert "ETHUSDT.SIM" in message


def test_a_venue_does_not_list_an_instrument_twice(file):
    message = complaint(file, "venues.SIM.instruments=[BTCUSDT, ETHUSDT, BTCUSDT]")
    assert message.startswith("venues.SIM.instruments[2]: ")


def test_an_unknown_plugin_of_the_node_is_named(file):
    message = complaint(file, "plugins=[{use: telepathy}]")
    assert message.startswith("plugins[0].use: no plugin named 'telepathy'; ")


def test_two_strategies_may_share_an_instrument(file):
    assert len(resolved(file, "strategies.1.instruments.0=BTCUSDT.SIM").strategies) == 2


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A distribution with an adapter that can do little, one that takes live orders, and broken strategies."""
    before = set(sys.modules)
    site = tmp_path / "site"
    info = site / "third-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[ultramm.adapters]\npoor = third_mod:POOR\nlive = third_mod:LIVE\n"
        "[ultramm.strategies]\nsick = third_sick:PLUGIN\nhollow = third_mod:HOLLOW\n"
    )
    (site / "third_mod.py").write_text(
        "import msgspec\n"
        "from ultramm.plugin import AdapterPlugin, StrategyPlugin\n"
        "class Params(msgspec.Struct):\n    pass\n"
        "POOR = AdapterPlugin(name='poor', summary='', params='third_mod:Params', source='third_mod:Nothing')\n"
        "LIVE = AdapterPlugin(name='live', summary='', params='third_mod:Params', source='third_mod:Nothing',\n"
        "    capabilities=frozenset({'post-only', 'live-orders'}))\n"
        "HOLLOW = StrategyPlugin(name='hollow', summary='', params='third_mod:Missing', strategy='third_mod:X')\n"
    )
    (site / "third_sick.py").write_text("raise ImportError('needs libfoo')\n")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield
    for module in set(sys.modules) - before:
        del sys.modules[module]


@pytest.mark.usefixtures("third_party")
def test_what_a_venue_cannot_do_is_an_error_before_the_start(file):
    message = complaint(file, "venues.SIM.adapter=poor", "venues.SIM.params={}")
    assert message == "strategies[0].use: market-maker needs post-only, which adapter poor cannot do"


@pytest.mark.usefixtures("third_party")
def test_a_venue_that_takes_live_orders_needs_no_paper_account(file):
    live = resolved(file, "mode=live", "venues.SIM.adapter=live", "venues.SIM.params={}", "venues.SIM.paper=null")
    assert live.config.mode == "live"


@pytest.mark.usefixtures("third_party")
def test_a_broken_plugin_that_is_used_fails_with_its_cause(file):
    message = complaint(file, "strategies.1.use=sick")
    assert message.startswith("strategies[1].use: strategy sick of third 1.0: ")
    assert "needs libfoo" in message


@pytest.mark.usefixtures("third_party")
def test_a_plugin_whose_parameters_cannot_be_loaded_fails_with_its_cause(file):
    message = complaint(file, "strategies.1.use=hollow")
    assert message.startswith("strategies[1].params: cannot load third_mod:Missing: ")


# -- hedges -----------------------------------------------------------------------------------------------------

HEDGED = (
    TEXT
    + """
  - use: hedger
    name: hedge
    instruments: [BTCUSDT.PERP]
    params: {makers: [mm-btc], band: 0.01, max_position: 1}
  - use: hedger
    name: other
    instruments: [ETHUSDT.PERP]
    params: {makers: [mm-eth], band: 0.01, max_position: 1}
"""
).replace(
    "strategies:",
    """  PERP:
    adapter: synthetic
    instruments: [BTCUSDT, ETHUSDT]
    paper: {starting_balances: [1000 USDT, 1 BTC]}
strategies:""",
)


def test_a_hedge_names_the_makers_that_it_covers(file):
    file.write_text(HEDGED)
    assert [strategy.params.makers for strategy in resolved(file).strategies] == [(), (), ("mm-btc",), ("mm-eth",)]


def test_several_hedges_of_one_maker_name_each_other(file):
    file.write_text(HEDGED)
    shared = "strategies.3.params.makers=[mm-btc]"
    assert complaint(file, shared) == (
        "strategies[3].params.basket: hedge hedges mm-btc already; let each name the other in its basket"
    )
    assert "let each name the other" in complaint(file, shared, "strategies.3.params.basket=[hedge]")
    both = resolved(file, shared, "strategies.3.params.basket=[hedge]", "strategies.2.params.basket=[other]")
    assert both.strategies[3].params.basket == ("hedge",)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("makers=[mm-btx]", "params.makers[0]: unknown strategy mm-btx; did you mean mm-btc?"),
        ("makers=[mm-btc, hedge]", "params.makers[1]: hedge would hedge itself; name a maker"),
        ("makers=[other]", "params.makers[0]: other is a hedge itself; name a maker"),
        ("makers=[]", "params.makers: expected `array` of length >= 1"),
        ("basket=[hedge]", "params.basket[0]: unknown strategy hedge; known: mm-btc, mm-eth, other"),
        ("basket=[other]", "params.basket[0]: other hedges other makers; a basket shares the same ones"),
        ("gamma=1", "params: give either gamma, for the optimal band, or band, for a fixed one"),
    ],
)
def test_what_a_hedge_may_not_cover_is_said_by_its_key(file, override, expected):
    file.write_text(HEDGED)
    assert complaint(file, f"strategies.2.params.{override}") == f"strategies[2].{expected}"


def test_a_hedge_trades_one_instrument(file):
    file.write_text(HEDGED)
    assert complaint(file, "strategies.2.instruments=[BTCUSDT.PERP, ETHUSDT.PERP]") == (
        "strategies[2].instruments[1]: a hedge trades one instrument; make a strategy of each, and let each name the "
        "others in its basket"
    )


def test_what_is_quoted_does_not_hedge_itself(file):
    file.write_text(HEDGED)
    assert complaint(file, "strategies.2.instruments=[BTCUSDT.SIM]") == (
        "strategies[2].params.makers[0]: mm-btc quotes BTCUSDT.SIM, which is to hedge it; name another instrument"
    )
