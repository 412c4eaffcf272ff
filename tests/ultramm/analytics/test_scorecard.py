import math

import pytest

from ultramm.analytics.markout import HORIZONS_S
from ultramm.analytics.scorecard import Score, Scorecard
from ultramm.market import Fill, Instrument, Side

S = 1_000_000_000
INSTRUMENT = Instrument(
    id="BTCUSDT.SIM",
    tick_size=0.01,
    lot_size=0.001,
    price_precision=2,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)


def fill(at_s, side, price, size, fee=0.0, maker=True) -> Fill:
    return Fill(round(at_s * S), "o", side, price, size, fee, maker)


@pytest.fixture
def card() -> Scorecard:
    card = Scorecard("mm", INSTRUMENT)
    card.started(0)
    card.on_mid(0, 100.0)
    return card


def at(card: Scorecard, now_s: float) -> Score:
    return card.score(round(now_s * S))


def test_before_anything_happened_ratios_are_unknown_and_sums_zero():
    score = Scorecard("mm", INSTRUMENT).score(0)
    assert (score.strategy, score.instrument) == ("mm", "BTCUSDT.SIM")
    assert (score.fills, score.maker_fills, score.volume) == (0, 0, 0.0)
    assert score.pnl.total == 0.0
    assert score.last_mid is None
    assert score.inventory.mean_abs is None
    assert score.quoting.fill_ratio is None
    assert (score.quoting.uptime, score.quoting.bid_uptime, score.quoting.ask_uptime) == (None, None, None)
    assert (score.drawdown.largest, score.drawdown.current) == (0.0, 0.0)
    assert [markout.horizon_s for markout in score.markouts] == list(HORIZONS_S)


def test_fills_are_counted_by_kind_and_volume(card):
    card.on_fill(fill(1, Side.BUY, 99.0, 2.0, fee=0.1))
    card.on_fill(fill(2, Side.SELL, 101.0, 1.0, fee=0.3, maker=False))
    score = at(card, 3)
    assert (score.fills, score.maker_fills) == (2, 1)
    assert score.volume == pytest.approx(99.0 * 2 + 101.0)
    assert score.pnl.fees == pytest.approx(0.4)
    assert score.pnl.spread_capture == pytest.approx(2 * 1.0 + 1.0)


def test_a_fill_is_measured_against_the_last_two_sided_mid(card):
    card.on_mid(S, math.nan)
    card.on_fill(fill(2, Side.BUY, 99.0, 1.0))
    assert at(card, 3).pnl.spread_capture == pytest.approx(1.0)
    assert at(card, 3).last_mid == 100.0


def test_a_fill_before_any_mid_captures_nothing():
    card = Scorecard("mm", INSTRUMENT)
    card.on_fill(fill(1, Side.BUY, 99.0, 1.0))
    assert at(card, 2).pnl.spread_capture == 0.0
    assert at(card, 2).pnl.total == 0.0


def test_inventory_is_averaged_over_time(card):
    card.on_fill(fill(2, Side.BUY, 100.0, 4.0))
    card.on_fill(fill(6, Side.SELL, 100.0, 6.0))
    inventory = at(card, 10).inventory
    assert inventory.last == -2.0
    assert (inventory.largest, inventory.smallest) == (4.0, -2.0)
    assert inventory.mean_abs == pytest.approx((2 * 0 + 4 * 4.0 + 4 * 2.0) / 10)


def test_uptime_counts_up_to_now_not_to_the_last_order_event(card):
    """A quote that rests undisturbed is the best uptime there is."""
    card.uptime.update(0, bid=True, ask=True)
    quoting = at(card, 100).quoting
    assert (quoting.uptime, quoting.bid_uptime, quoting.ask_uptime) == (1.0, 1.0, 1.0)


def test_uptime_falls_while_nothing_is_quoted(card):
    card.uptime.update(0, bid=True, ask=True)
    card.uptime.update(25 * S, bid=False, ask=True)
    quoting = at(card, 100).quoting
    assert quoting.bid_uptime == pytest.approx(0.25)
    assert quoting.ask_uptime == pytest.approx(1.0)
    assert quoting.uptime == pytest.approx(0.25)


def test_the_fill_ratio_is_the_share_of_accepted_orders_that_traded(card):
    card.submitted, card.accepted, card.rejected, card.cancelled, card.filled = 10, 8, 2, 5, 2
    quoting = at(card, 1).quoting
    assert quoting.fill_ratio == 0.25
    assert quoting.orders_submitted == 10
    assert quoting.orders_accepted == 8
    assert quoting.orders_rejected == 2
    assert quoting.orders_cancelled == 5
    assert quoting.orders_filled == 2


def test_drawdown_is_the_fall_from_the_peak(card):
    card.on_fill(fill(0, Side.BUY, 100.0, 1.0))
    for second, mid in enumerate([110.0, 104.0, 107.0, 101.0, 108.0], 1):
        card.on_mid(second * S, mid)
    drawdown = at(card, 6).drawdown
    assert drawdown.largest == pytest.approx(9.0)
    assert drawdown.current == pytest.approx(2.0)


def test_a_loss_from_the_start_is_a_drawdown(card):
    card.on_fill(fill(0, Side.SELL, 100.0, 1.0))
    card.on_mid(S, 103.0)
    assert at(card, 1).drawdown.largest == pytest.approx(3.0)


def test_drawdown_is_sampled_at_each_fill(card):
    card.on_fill(fill(0.1, Side.BUY, 100.0, 1.0))
    card.on_mid(round(0.2 * S), 90.0)
    card.on_fill(fill(0.3, Side.BUY, 90.0, 0.001))
    card.on_mid(round(0.4 * S), 100.0)
    assert at(card, 0.4).drawdown.largest == pytest.approx(10.0)


def test_drawdown_is_sampled_by_the_mid_that_stood_when_a_second_was_full(card):
    card.on_fill(fill(0, Side.BUY, 100.0, 1.0))
    card.on_mid(round(1.2 * S), 50.0)  # a dip within a second, gone when it is full
    card.on_mid(round(1.8 * S), 100.0)
    card.on_mid(round(2.5 * S), 90.0)  # a fall that lasts; hearing of it again changes nothing
    for second in (2.7, 2.9):
        card.on_mid(round(second * S), 90.0)
    card.on_mid(round(3.5 * S), 95.0)
    assert at(card, 4).drawdown.largest == pytest.approx(10.0)


def test_asking_for_the_score_does_not_change_it():
    """A run that is watched has the result of one that is not."""
    watched, unwatched = Scorecard("mm", INSTRUMENT), Scorecard("mm", INSTRUMENT)
    for card in (watched, unwatched):
        card.started(0)
        card.on_mid(0, 100.0)
        card.on_fill(fill(0, Side.BUY, 100.0, 1.0))
        card.on_mid(round(0.5 * S), 110.0)
        if card is watched:
            at(card, 0.5)
            at(card, 0.6)
        card.on_mid(round(0.9 * S), 100.0)
        card.on_mid(2 * S, 100.0)
    assert at(watched, 3) == at(unwatched, 3)
    assert at(watched, 3) == at(watched, 3)
