"""What venues over the kernel's adapters refuse alike, in one line that names the key."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import msgspec
import pytest

from ultramm.errors import RunError, UserError
from ultramm.nautilus.kernel_venue import KernelVenue, addresses, need, no_address


class Params(msgspec.Struct, frozen=True):
    key: str = ""
    secret: str = ""
    http: str | None = None
    socket: str | None = None


class Provider:
    def __init__(self, found: dict[Any, Any], failure: Exception | None = None) -> None:
        self.found, self.failure = found, failure

    async def initialize(self) -> None:
        if self.failure:
            raise self.failure

    def get_all(self) -> dict[Any, Any]:
        return self.found


class Venue(KernelVenue):
    kernel_name = "THERE"
    keys, variable = ("key", "secret"), "THERE_KEY"
    no_orders: ClassVar[str] = "nobody tried"
    failure: Exception | None = None
    listed = True

    def provider(self) -> Provider:
        return Provider(dict.fromkeys(self.instrument_ids, "instrument") if self.listed else {}, self.failure)


def test_keys_are_needed_to_trade_and_not_to_watch() -> None:
    with pytest.raises(UserError, match=r"params\.key and params\.secret are needed; write \$\{THERE_KEY\}"):
        Venue("THERE", ["BTC"], Params())
    Venue("THERE", ["BTC"], Params(), trades=False)


def test_the_venues_name_is_the_kernels() -> None:
    with pytest.raises(UserError, match=r"adapter: its instruments are named at THERE, as BTC\.THERE; call the venue"):
        Venue("HERE", ["BTC"], Params())


def test_a_venue_without_orders_says_why_it_has_no_desk() -> None:
    with pytest.raises(UserError, match="takes no live orders: nobody tried"):
        Venue("THERE", ["BTC"], Params("k", "s")).desk()


def test_instruments_come_in_the_order_of_the_configuration() -> None:
    assert asyncio.run(Venue("THERE", ["BTC", "ETH"], Params("k", "s")).instruments()) == ["instrument", "instrument"]


def test_instruments_that_cannot_be_had_fail_the_run() -> None:
    venue = Venue("THERE", ["BTC"], Params("k", "s"))
    venue.listed = False
    with pytest.raises(RunError, match=r"does not trade BTC\.THERE"):
        asyncio.run(venue.instruments())
    venue.failure = ValueError("no route")
    with pytest.raises(RunError, match="cannot be had: no route"):
        asyncio.run(venue.instruments())


def test_an_account_needs_all_its_keys() -> None:
    need(Params(key="k", secret="s"), "key", "secret", example="KEY")
    with pytest.raises(UserError, match=r"params\.key and params\.secret are needed; write \$\{KEY\}"):
        need(Params(key="k"), "key", "secret", example="KEY")


def test_addresses_are_given_all_or_none() -> None:
    names = {"http": "base_url_http", "socket": "base_url_ws"}
    assert addresses(Params(), names) == {}
    given = addresses(Params(http="http://a", socket="ws://a"), names)
    assert given == {"base_url_http": "http://a", "base_url_ws": "ws://a"}
    with pytest.raises(UserError, match=r"params\.socket: missing; another server is given by all of http, socket"):
        addresses(Params(http="http://a"), names)


def test_an_address_that_the_kernel_would_not_use_is_refused() -> None:
    no_address(Params(), "http", "nobody would listen")
    with pytest.raises(UserError, match=r"params\.http: nobody would listen; remove it"):
        no_address(Params(http="http://a"), "http", "nobody would listen")
