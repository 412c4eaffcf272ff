"""Orders of the futures venue that wait for a price: kept apart, by numbers of their own, until they are placed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ultramm.market import Side
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import VenueError, unknown_to_cancel, unknown_to_query
from ultramm_binance_emulator.orders import FIRST_ID, Order, Trigger
from ultramm_binance_emulator.symbols import Symbol

# By type: that of the order which is placed.
ALGO_TYPES = {"STOP": "LIMIT", "TAKE_PROFIT": "LIMIT", "STOP_MARKET": "MARKET", "TAKE_PROFIT_MARKET": "MARKET"}
_PASSED_ON = ("symbol", "side", "positionSide", "quantity", "price", "timeInForce", "reduceOnly")


@dataclass(slots=True, eq=False)
class AlgoOrder:
    """One that waits, or waited.

    Attributes
    ----------
    request : mapping of str to str
        The order to place when the price has come; without a quantity, it closes what is held then.
    order : Order, optional
        What became of it.
    """

    id: int
    client_id: str
    account: Account
    symbol: Symbol
    side: Side
    type: str
    trigger: Trigger
    by_mark: bool
    request: Mapping[str, str]
    created_ms: int
    updated_ms: int
    status: str = "NEW"
    triggered_ms: int = 0
    order: Order | None = None

    @property
    def waits(self) -> bool:
        return self.status == "NEW"

    @property
    def closes(self) -> bool:
        return "quantity" not in self.request


class AlgoOrders:
    """All of a venue.

    Parameters
    ----------
    place : callable
        Place an order of a member.
    price : callable
        The mark (True) or the last price (False) of a symbol.
    held : callable
        A member's position in a symbol.
    tell : callable
        Told of every change.
    now_ms : callable
        The clock.
    """

    def __init__(
        self,
        place: Callable[[Account, Mapping[str, str]], Order],
        price: Callable[[str, bool], Decimal],
        held: Callable[[Account, str], Decimal],
        tell: Callable[[AlgoOrder], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._place = place
        self._price = price
        self._held = held
        self._tell = tell
        self._now_ms = now_ms
        self._all: dict[int, AlgoOrder] = {}
        self._waiting: dict[int, AlgoOrder] = {}
        # By member and name, those that became orders which are open.
        self._placed: dict[tuple[str, str], AlgoOrder] = {}
        self._ids = itertools.count(FIRST_ID)

    # -- requests --------------------------------------------------------------------------------------------

    def add(
        self, account: Account, symbol: Symbol, side: Side, kind: str, trigger: Trigger, request: Mapping[str, str]
    ) -> AlgoOrder:
        """Let an order wait."""
        by_mark = request.get("workingType") == "MARK_PRICE"
        if trigger.met(self._price(symbol.name, by_mark)):
            raise VenueError(-2021, "Order would immediately trigger.")
        algo_id, now_ms = next(self._ids), self._now_ms()
        client_id = request.get("clientAlgoId") or f"algo-{algo_id}"
        if any(algo.client_id == client_id for algo in self.waiting(account)):
            raise VenueError(-4116, "ClientOrderId is duplicated.")
        order = {key: request[key] for key in _PASSED_ON if request.get(key)} | {
            "type": ALGO_TYPES[kind],
            "newClientOrderId": client_id,
        }
        algo = AlgoOrder(
            algo_id,
            client_id,
            account,
            symbol,
            side,
            kind,
            trigger,
            by_mark,
            order,
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        self._all[algo_id] = self._waiting[algo_id] = algo
        self._tell(algo)
        return algo

    def find(self, account: Account, request: Mapping[str, str], missing: Callable[[], VenueError]) -> AlgoOrder:
        """The one that a request names, by the venue's number or by the member's name."""
        number, name = request.get("algoId"), request.get("clientAlgoId")
        if not number and not name:
            raise VenueError(-1102, "Param 'algoid' or 'clientalgoid' must be sent, but both were empty/null!")
        for algo in reversed(self._all.values()):
            if algo.account is account and (number in (None, "", str(algo.id)) and name in (None, "", algo.client_id)):
                return algo
        raise missing()

    def query(self, account: Account, request: Mapping[str, str]) -> AlgoOrder:
        return self.find(account, request, unknown_to_query)

    def cancel(self, account: Account, request: Mapping[str, str]) -> AlgoOrder:
        """Cancel one that waits."""
        algo = self.find(account, request, unknown_to_cancel)
        if not algo.waits:
            raise unknown_to_cancel()
        del self._waiting[algo.id]
        self._became(algo, "CANCELED")
        return algo

    def waiting(self, account: Account, name: str | None = None) -> list[AlgoOrder]:
        """A member's that wait, of a symbol or of all."""
        return _of(self._waiting.values(), account, name)

    def all(self, account: Account, name: str | None = None) -> list[AlgoOrder]:
        """A member's, whatever became of them."""
        return _of(self._all.values(), account, name)

    # -- what happens ----------------------------------------------------------------------------------------

    def wake(self, name: str) -> None:
        """Place the orders of a symbol whose price has come."""
        for algo in list(self._waiting.values()):
            if algo.waits and algo.symbol.name == name and algo.trigger.met(self._price(name, algo.by_mark)):
                del self._waiting[algo.id]
                self._trigger(algo)

    def _trigger(self, algo: AlgoOrder) -> None:
        algo.triggered_ms = self._now_ms()
        self._became(algo, "TRIGGERING")
        request = dict(algo.request)
        if algo.closes:
            held = self._held(algo.account, algo.symbol.name)
            if held * algo.side >= 0:
                self._became(algo, "EXPIRED")
                return
            request |= {"quantity": str(abs(held)), "reduceOnly": "true"}
        name = algo.account.key, algo.client_id
        self._placed[name] = algo
        try:
            self._place(algo.account, request)
        except VenueError:
            del self._placed[name]
            self._became(algo, "REJECTED")

    def on_order(self, order: Order) -> None:
        """An order has changed: it may be one that waited."""
        algo = self._placed.get((order.account.key, order.client_id))
        if algo is None:
            return
        if algo.order is None:
            algo.order = order
            self._became(algo, "TRIGGERED")
        if not order.open:
            del self._placed[order.account.key, order.client_id]
            self._became(algo, "FINISHED")

    def _became(self, algo: AlgoOrder, status: str) -> None:
        algo.status, algo.updated_ms = status, self._now_ms()
        self._tell(algo)


def _of(algos: Iterable[AlgoOrder], account: Account, name: str | None) -> list[AlgoOrder]:
    return [algo for algo in algos if algo.account is account and name in (None, "", algo.symbol.name)]
