"""What our fills did to an account, to the last digit of what the venue says of it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders import fill

from ultramm.custody.account import Difference, compare, effects, equity
from ultramm.custody.desk import Holdings, Terms
from ultramm.custody.records import Filled, Funded
from ultramm.market import Side

SPOT = Terms(base="BTC", quote="USDT", settlement="USDT", cash=True)
LINEAR = Terms(base="BTC", quote="USDT", settlement="USDT", cash=False)
INVERSE = Terms(base="BTC", quote="USD", settlement="BTC", cash=False, multiplier=Decimal(100), inverse=True)


def made(*fills: Filled, of: Terms) -> Any:
    return effects(fills, {"I.X": of})


def on_i(trade_id: str, side: Side, size: str, price: str, fee: str = "0", coin: str = "USDT") -> Filled:
    return fill(
        "a",
        trade_id,
        size,
        side=side,
        price=Decimal(price),
        fee=Decimal(fee),
        fee_currency=coin,
        instrument="I.X",
    )


def gaps(funded: Funded, fills: list[Filled], held: Holdings, of: Terms) -> dict[str, Decimal]:
    terms = {"I.X": of}
    return {each.what: each.gap for each in compare(funded, effects(fills, terms), held, terms) if each.gap}


# -- spot ----------------------------------------------------------------------------------------------------------


def test_a_purchase_moves_both_coins_exactly() -> None:
    done = made(on_i("1", Side.BUY, "0.00700", "49990.01"), of=SPOT)
    assert done.cash == {"BTC": Decimal("0.00700"), "USDT": Decimal("-349.93007")}
    assert done.positions == {}


@pytest.mark.parametrize(
    ("side", "coin", "fee", "cash"),
    [
        (Side.BUY, "BTC", "0.00000700", {"BTC": "0.00699300", "USDT": "-350"}),
        (Side.BUY, "USDT", "0.35", {"BTC": "0.007", "USDT": "-350.35"}),
        (Side.SELL, "USDT", "0.35", {"BTC": "-0.007", "USDT": "349.65"}),
        (Side.SELL, "BTC", "0.00000700", {"BTC": "-0.00700700", "USDT": "350"}),
        (Side.SELL, "BNB", "0.00041234", {"BTC": "-0.007", "USDT": "350", "BNB": "-0.00041234"}),
        (Side.BUY, "USDT", "-0.01", {"BTC": "0.007", "USDT": "-349.99"}),
    ],
    ids=[
        "in what was bought",
        "in what was paid",
        "of the proceeds",
        "of what was sold",
        "in a third coin",
        "a rebate",
    ],
)
def test_a_fee_is_taken_in_its_own_coin(side: Side, coin: str, fee: str, cash: dict[str, str]) -> None:
    done = made(on_i("1", side, "0.007", "50000", fee, coin), of=SPOT)
    assert done.cash == {name: Decimal(amount) for name, amount in cash.items()}


@given(
    trades=st.lists(
        st.tuples(
            st.sampled_from(Side),
            st.integers(1, 10**7).map(lambda lots: Decimal(lots) / 10**5),
            st.integers(1, 10**8).map(lambda ticks: Decimal(ticks) / 100),
            st.integers(-(10**6), 10**9).map(lambda fee: Decimal(fee) / 10**8),
            st.sampled_from(["BTC", "USDT", "BNB"]),
        ),
        max_size=60,
    )
)
def test_sums_of_spot_fills_are_exact_however_many_there_are(trades: list[Any]) -> None:
    held = {"BTC": Fraction(3), "USDT": Fraction(1000), "BNB": Fraction(1)}
    fills = []
    for number, (side, size, price, fee, coin) in enumerate(trades):
        held["BTC"] += side * Fraction(size)
        held["USDT"] -= side * Fraction(size) * Fraction(price)
        held[coin] -= Fraction(fee)
        fills.append(on_i(str(number), side, str(size), str(price), str(fee), coin))
    balances = {name: Decimal(amount.numerator) / amount.denominator for name, amount in held.items()}
    assert {name: Fraction(amount) for name, amount in balances.items()} == held
    funded = Funded(ts_ns=0, venue="X", balances={"BTC": Decimal(3), "USDT": Decimal(1000), "BNB": Decimal(1)})
    assert gaps(funded, fills, Holdings(balances=balances), SPOT) == {}


def test_the_last_digit_is_told_and_so_is_every_currency_that_either_side_has() -> None:
    funded = Funded(ts_ns=0, venue="X", balances={"USDT": Decimal(1000), "DUST": Decimal(0)})
    held = Holdings(balances={"USDT": Decimal("999.99999999"), "NEW": Decimal(2), "NIL": Decimal(0)})
    found = compare(funded, effects([on_i("1", Side.BUY, "1", "0")], {"I.X": SPOT}), held, {"I.X": SPOT})
    assert found == [
        Difference(what="BTC", venue=Decimal(0), ours=Decimal(1)),
        Difference(what="NEW", venue=Decimal(2), ours=Decimal(0)),
        Difference(what="USDT", venue=Decimal("999.99999999"), ours=Decimal(1000)),
    ]
    assert [each.gap for each in found] == [Decimal(-1), Decimal(2), Decimal("-0.00000001")]


def test_fills_on_instruments_of_another_venue_are_not_this_accounts() -> None:
    assert effects([fill("a", "1", instrument="OTHER.Y")], {"I.X": SPOT}).cash == {}


# -- margin --------------------------------------------------------------------------------------------------------


class Margined:
    """A margin account as a venue keeps it, in fractions: entry price, realised profits in its wallet."""

    def __init__(self, of: Terms, wallet: int) -> None:
        self._of = of
        self.wallet = Fraction(wallet)
        self.size = Fraction(0)
        self._worth_at_entry = Fraction(0)

    def _value(self, price: Decimal) -> Fraction:
        multiplier = Fraction(self._of.multiplier)
        return -multiplier / Fraction(price) if self._of.inverse else multiplier * Fraction(price)

    def trade(self, each: Filled) -> None:
        size, value = int(each.side) * Fraction(each.size), self._value(each.price)
        self.wallet -= Fraction(each.fee)
        closing = Fraction(0)
        if self.size * size < 0:
            closing = max(-size, self.size) if self.size < 0 else min(-size, self.size)
            entry = self._worth_at_entry / self.size
            self.wallet += closing * (value - entry)
            self._worth_at_entry -= closing * entry
        self.size -= closing
        opening = size + closing
        self._worth_at_entry += opening * value
        self.size += opening

    def held(self, mark: Decimal) -> Holdings:
        unrealised = self.size * self._value(mark) - self._worth_at_entry
        return Holdings(
            balances={self._of.settlement: exact(self.wallet)},
            positions={"I.X": exact(self.size)} if self.size else {},
            unrealised={"I.X": exact(unrealised)},
            marks={"I.X": mark},
        )


def exact(amount: Fraction) -> Decimal:
    return Decimal(amount.numerator) / Decimal(amount.denominator)


def off(found: dict[str, Decimal]) -> dict[str, Decimal]:
    """What is apart in the digits that a venue tells: an entry price in fractions has no end."""
    return {name: gap for name, gap in found.items() if abs(gap) > Decimal("1e-15")}


TRADES = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(1, 50),
        st.integers(90_000, 110_000).map(lambda ticks: Decimal(ticks) / 10),
        st.integers(-100, 10_000).map(lambda fee: Decimal(fee) / 10**8),
        st.integers(90_000, 110_000).map(lambda ticks: Decimal(ticks) / 10),
    ),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize(("of", "coin"), [(LINEAR, "USDT"), (INVERSE, "BTC")], ids=["linear", "inverse"])
@given(trades=TRADES)
def test_a_margin_account_agrees_after_every_fill_and_at_every_mark(of: Terms, coin: str, trades: list[Any]) -> None:
    account = Margined(of, 1000)
    funded = Funded(ts_ns=0, venue="X", balances={coin: Decimal(1000)})
    fills: list[Filled] = []
    for number, (side, size, price, fee, mark) in enumerate(trades):
        fills.append(on_i(str(number), side, str(size), str(price), str(fee), coin))
        account.trade(fills[-1])
        assert off(gaps(funded, fills, account.held(mark), of)) == {}
        moved = effects(fills, {"I.X": of}).cash[coin]
        assert abs(equity(account.held(mark), {"I.X": of})[coin] - 1000 - moved) < Decimal("1e-15")


def test_a_linear_round_trip_is_exact() -> None:
    fills = [on_i("1", Side.BUY, "0.3", "100.1", "0.01"), on_i("2", Side.SELL, "0.3", "100.4", "0.02")]
    funded = Funded(ts_ns=0, venue="X", balances={"USDT": Decimal(10)})
    assert gaps(funded, fills, Holdings(balances={"USDT": Decimal("10.06")}), LINEAR) == {}
    assert gaps(funded, fills, Holdings(balances={"USDT": Decimal("10.07")}), LINEAR) == {"USDT": Decimal("0.01")}


def test_an_inverse_contract_wins_in_the_coin() -> None:
    fills = [on_i("1", Side.SELL, "10", "50000", "0.00001", "BTC"), on_i("2", Side.BUY, "10", "40000", "0", "BTC")]
    # Ten contracts of 100 USD: 0.02 BTC sold, 0.025 BTC bought back.
    funded = Funded(ts_ns=0, venue="X", balances={"BTC": Decimal(1)})
    assert gaps(funded, fills, Holdings(balances={"BTC": Decimal("1.00499")}), INVERSE) == {}


def test_an_open_position_is_compared_at_the_venues_mark() -> None:
    fills = [on_i("1", Side.BUY, "2", "100", "0.1")]
    funded = Funded(ts_ns=0, venue="X", balances={"USDT": Decimal(50)})

    def held(unrealised: str, size: str) -> Holdings:
        return Holdings(
            balances={"USDT": Decimal("49.9")},
            positions={"I.X": Decimal(size)},
            unrealised={"I.X": Decimal(unrealised)},
            marks={"I.X": Decimal("103.5")},
        )

    assert gaps(funded, fills, held("7", "2"), LINEAR) == {}
    assert gaps(funded, fills, held("7.1", "2"), LINEAR) == {"USDT": Decimal("0.1")}
    assert gaps(funded, fills, held("7", "3"), LINEAR) == {"I.X": Decimal(1)}


def test_a_position_of_before_is_added_to_what_we_did() -> None:
    funded = Funded(ts_ns=0, venue="X", balances={}, positions={"I.X": Decimal(-2), "J.X": Decimal(1)})
    (ours, other) = [
        each
        for each in compare(
            funded,
            effects([on_i("1", Side.BUY, "2", "100")], {"I.X": LINEAR}),
            Holdings(
                balances={},
                positions={"J.X": Decimal(1)},
                unrealised={"J.X": Decimal(0)},
                marks={"J.X": Decimal(5)},
            ),
            {"I.X": LINEAR, "J.X": LINEAR},
        )
        if each.what != "USDT"
    ]
    assert (ours.what, ours.ours, ours.gap) == ("I.X", 0, 0)
    assert (other.what, other.ours, other.gap) == ("J.X", 1, 0)
