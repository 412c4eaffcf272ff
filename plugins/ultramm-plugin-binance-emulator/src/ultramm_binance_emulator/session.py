"""The WebSocket API: requests over one connection, signed once or one by one."""

from __future__ import annotations

import json
from typing import Any

from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.api import Api
from ultramm_binance_emulator.connections import Connection
from ultramm_binance_emulator.errors import VenueError, refused
from ultramm_binance_emulator.orders import Json
from ultramm_binance_emulator.signing import check_signature, check_time


class Session:
    """One connection of a product's WebSocket API."""

    def __init__(self, api: Api, connection: Connection) -> None:
        self._api = api
        self._calls = api.calls()
        self._connection = connection
        self._account: Account | None = None
        self._listening: Account | None = None

    def on_request(self, text: str) -> None:
        """Answer one request."""
        request: Json = {}
        try:
            request = json.loads(text)
            self._meet_faults(f"{self._api.socket_path} {request['method']}")
            result = self._call(str(request["method"]), request.get("params") or {})
        except VenueError as exc:
            error = {"code": exc.code, "msg": exc.message}
            self._connection.send({"id": request.get("id"), "status": exc.status, "error": error})
        except (ValueError, KeyError, TypeError, AttributeError):
            error = {"code": -1100, "msg": "Illegal request: a method is expected."}
            self._connection.send({"id": None, "status": 400, "error": error})
        else:
            self._connection.send({"id": request.get("id"), "status": 200, "result": result})

    def _meet_faults(self, name: str) -> None:
        """A request may be refused on command."""
        refusal = self._api.faults.hit("reject", name) or self._api.faults.hit("server_error", name)
        if refusal is not None:
            raise refused(refusal.code, refusal.status if refusal.kind == "server_error" else 400)

    def _call(self, method: str, params: Json) -> Any:
        now_ms = self._api.venue.now_ms()
        if method == "ping":
            return {}
        if method == "time":
            return {"serverTime": now_ms}
        if method == "session.logon":
            self._account = self._signed_by(params)
            return {"apiKey": self._account.key, "authorizedSince": now_ms, "connectedSince": now_ms}
        if method == "userDataStream.subscribe.signature" and self._api.events_inline:
            return self._listen(self._signed_by(params))
        account = self._account or self._signed_by(params)
        if self._api.events_inline and method == "userDataStream.subscribe":
            return self._listen(account)
        if self._api.events_inline and method == "userDataStream.unsubscribe":
            self.end()
            return {}
        if method not in self._calls:
            raise VenueError(-1000, f"Unknown method: {method}")
        if method.startswith("order.") and method != "order.status":
            self._api.latency.requested(account.key, method)
        return self._calls[method](account, {name: str(value) for name, value in params.items()})

    def _signed_by(self, params: Json) -> Account:
        """The member who signed: the parameters in the order of their names."""
        account = self._api.member(str(params.get("apiKey", "")))
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
        check_signature(account, payload, str(params.get("signature", "")))
        check_time({name: str(value) for name, value in params.items()}, self._api.venue.now_ms())
        return account

    def _listen(self, account: Account) -> Json:
        self.end()
        self._listening = account
        self._api.streams.users.add(account, self._tell)
        return {"subscriptionId": 0}

    def _tell(self, event: Json) -> None:
        self._connection.send({"subscriptionId": 0, "event": event})

    def end(self) -> None:
        """Tell it nothing more."""
        if self._listening is not None:
            self._api.streams.users.remove(self._listening, self._tell)
            self._listening = None
