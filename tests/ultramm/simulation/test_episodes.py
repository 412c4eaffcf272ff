"""Episodes lie over the market and leave it as it was."""

from __future__ import annotations

import pytest

from ultramm.market import Side
from ultramm.simulation import PRESETS, SyntheticMarket
from ultramm.simulation.episodes import KINDS, Episode, with_episodes

SECONDS = 60.0


def played(episodes: list[Episode], seed: int = 3) -> tuple[SyntheticMarket, dict[Side, dict[int, int]], list]:
    """The market, the levels that whoever listened has, and all events."""
    market, seen, events = SyntheticMarket(PRESETS["tight"], seed), {side: {} for side in Side}, []
    for event in with_episodes(market, episodes, seed):
        if event.time_s > SECONDS:
            break
        events.append(event)
        for change in event.changes:
            if change.lots:
                seen[change.side][change.ticks] = change.lots
            else:
                seen[change.side].pop(change.ticks, None)
        assert max(seen[Side.BUY]) < min(seen[Side.SELL]), "never crossed or locked"
    return market, seen, events


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("side", list(Side))
def test_whoever_listens_has_the_markets_own_book_once_it_is_over(kind: str, side: Side) -> None:
    market, seen, events = played([Episode(5.0, kind, side)] if kind != "pumped" else [])
    bids, asks = market.snapshot()
    last = {Side.BUY: dict(bids), Side.SELL: dict(asks)}
    # The event that ended it has happened to the market, and was not listened to.
    event = next(market.events())
    assert event.changes
    different = [
        (each, ticks)
        for each in Side
        for ticks in last[each].keys() | seen[each].keys()
        if last[each].get(ticks) != seen[each].get(ticks)
    ]
    assert len(different) <= 3, different
    assert [event.time_s for event in events] == sorted(event.time_s for event in events)


@pytest.mark.parametrize("kind", ["layered", "stuffed", "mirrored"])
def test_what_is_only_shown_or_printed_does_not_move_the_market(kind: str) -> None:
    """Layered ones come with a few takers of their own; without those, and for the others, the market is the same."""
    start_s = 5.0
    _, _, plain = played([])
    _, _, with_one = played([Episode(start_s, kind, Side.BUY)])
    before = [event for event in with_one if event.time_s < start_s]
    assert before == [event for event in plain if event.time_s < start_s]
    if kind != "layered":
        own = {(event.time_s, event.trades) for event in plain if event.trades}
        assert own <= {(event.time_s, event.trades) for event in with_one if event.trades}


def test_layers_are_seen_and_gone() -> None:
    _, _, events = played([Episode(5.0, "layered", Side.SELL)])
    largest = max(
        change.lots for event in events if 5.0 <= event.time_s <= 10.0 for change in event.changes
        if change.side is Side.SELL
    )  # fmt: skip
    assert largest >= 25
    usual = max(change.lots for event in events if event.time_s < 5.0 for change in event.changes)
    assert usual < 60


def test_a_run_moves_the_market_and_it_comes_back() -> None:
    def mids(episodes: list[Episode]) -> dict[int, float]:
        market, at = SyntheticMarket(PRESETS["tight"], 3), {}
        for event in with_episodes(market, episodes, 3):
            if event.time_s > 20.0:
                return at
            at[int(event.time_s * 10)] = market.mid_ticks
        return at

    up, flat = mids([Episode(5.0, "ignited", Side.BUY)]), mids([])
    assert max(up[tenth] - flat[tenth] for tenth in range(55, 80) if tenth in up and tenth in flat) > 5.0
    assert abs(up[190] - flat[190]) < 5.0


def test_episodes_that_would_overlap_wait_for_each_other() -> None:
    one = [Episode(5.0, "ignited", Side.BUY), Episode(5.1, "ignited", Side.BUY)]
    _, _, events = played(one)
    assert events


def test_the_same_seed_is_the_same() -> None:
    episodes = [Episode(5.0 + 10 * number, kind, Side.BUY) for number, kind in enumerate(("layered", "ignited"))]
    assert played(episodes)[2] == played(episodes)[2]
