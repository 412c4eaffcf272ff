import math

from ultramm.risk.limits import Limits


def test_position_and_money_are_unlimited_unless_said_otherwise_orders_and_prices_are_not():
    limits = Limits()
    assert (limits.max_position, limits.max_notional) == (math.inf, math.inf)
    assert (limits.sellable, limits.spendable) == (math.inf, math.inf)
    assert limits.max_open_orders == 100
    assert limits.price_collar_bps == 500.0
