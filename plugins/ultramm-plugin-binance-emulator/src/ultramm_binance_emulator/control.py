"""The port that takes commands and tells what the venues know: faults and whom they met, members, latencies."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from aiohttp import web

from ultramm_binance_emulator.api import Api
from ultramm_binance_emulator.connections import Connection
from ultramm_binance_emulator.faults import Fault, Faults
from ultramm_binance_emulator.orders import Json


class Control:
    """Commands to a server.

    Parameters
    ----------
    faults : Faults
        What goes wrong.
    apis : iterable of Api
        Whom it meets.
    connections : set of Connection
        Sockets that are open.
    """

    def __init__(self, faults: Faults, apis: Iterable[Api], connections: set[Connection]) -> None:
        self._faults = faults
        self._apis = tuple(apis)
        self._connections = connections

    def application(self) -> web.Application:
        """What answers."""
        app = web.Application()
        app.router.add_get("/faults", self._show_faults)
        app.router.add_post("/faults", self._set_fault)
        app.router.add_delete("/faults", self._clear_faults)
        app.router.add_get("/happened", self._show_happened)
        app.router.add_get("/members", self._show_members)
        app.router.add_get("/latency", self._take_latency)
        return app

    async def _show_faults(self, _: web.Request) -> web.Response:
        active = {str(number): msgspec.to_builtins(fault) for number, fault in self._faults.active().items()}
        return web.json_response(active)

    async def _set_fault(self, request: web.Request) -> web.Response:
        try:
            fault = msgspec.json.decode(await request.read(), type=Fault)
        except msgspec.DecodeError as exc:
            return web.json_response({"error": str(exc)}, status=400)
        return web.json_response({"id": self.set_fault(fault)})

    def set_fault(self, fault: Fault) -> int:
        """Let it go wrong from now on, and do what it does at once; gives the fault's number."""
        number = self._faults.add(fault)
        self._act(fault)
        return number

    def _act(self, fault: Fault) -> None:
        if fault.kind == "cut":
            for connection in list(self._connections):
                if fault.where in connection.path:
                    connection.cut()
        elif fault.kind == "skew":
            self._faults.skew_ms = round(1e3 * fault.seconds)
        for api in self._apis:
            if fault.kind == "expire_listen_keys":
                api.streams.users.expire_all()
            elif fault.kind == "ban":
                api.ban_all(round(1e3 * fault.seconds))
            elif fault.kind == "stale_snapshot":
                api.freeze()

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        for api in self._apis:
            api.ban_all(0)
        return web.json_response({})

    async def _show_happened(self, _: web.Request) -> web.Response:
        return web.json_response(msgspec.to_builtins(self._faults.happened))

    async def _show_members(self, _: web.Request) -> web.Response:
        """What each venue itself holds of each member."""
        members: dict[str, Json] = {}
        for api in self._apis:
            for key, account in api.venue.accounts.items():
                members.setdefault(key, {})[api.venue.product] = api.held(account)
        return web.json_response(members)

    async def _take_latency(self, _: web.Request) -> web.Response:
        """What was measured since somebody asked, by product."""
        return web.json_response({api.venue.product: msgspec.to_builtins(api.latency.take()) for api in self._apis})
