"""Bybit's private and trade sockets on this machine, as far as the kernel's clients speak to them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web


class Sockets:
    """Takes anybody in, and remembers what orders it was sent.

    Attributes
    ----------
    away : bool
        Nobody is taken in.
    refuse_with : str
        The text that orders are refused with; empty acknowledges them.
    sent : list of str
        Our ids of new orders.
    """

    def __init__(self) -> None:
        self.address = ""
        self.away = False
        self.refuse_with = ""
        self.sent: list[str] = []
        self._open: dict[web.WebSocketResponse, web.Request] = {}

    async def take(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._open[socket] = request
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                asked = json.loads(message.data)
                await socket.send_json(self._answer(request.path, asked))
                if asked["op"].startswith("order.") and not self.refuse_with:
                    await self.carry_out(asked["op"], asked["args"][0])
        self._open.pop(socket, None)
        return socket

    async def carry_out(self, operation: str, arguments: dict[str, Any]) -> None:
        """What a message on the trade socket asks for; nothing here."""

    async def tell(self, topic: str, *rows: dict[str, Any]) -> None:
        """On every private stream."""
        message = {"id": "1", "topic": topic, "creationTime": 1_700_000_000_000, "data": list(rows)}
        await self._send("/private", message)

    async def _send(self, path: str, message: dict[str, Any]) -> None:
        for socket, request in list(self._open.items()):
            if request.path == path and not socket.closed:
                await socket.send_json(message)

    def drop(self) -> None:
        """Break every connection, without a word."""
        for request in self._open.values():
            if request.transport is not None:
                request.transport.abort()

    def _answer(self, path: str, message: dict[str, Any]) -> dict[str, Any]:
        operation = message["op"]
        if operation.startswith("order."):
            if operation == "order.create":
                self.sent.append(message["args"][0]["orderLinkId"])
            code, text = (10_000, self.refuse_with) if self.refuse_with else (0, "OK")
            answer = {"reqId": message["reqId"], "retCode": code, "retMsg": text, "op": operation, "connId": "c"}
            return answer | {"data": {}, "retExtInfo": {}, "header": {}}
        if operation == "auth" and path == "/trade":
            return {"retCode": 0, "retMsg": "OK", "op": "auth", "connId": "c"}
        return {"success": True, "ret_msg": "", "op": operation, "conn_id": "c", "req_id": message.get("req_id", "")}


@asynccontextmanager
async def bybit_sockets[S: Sockets](sockets: S) -> AsyncIterator[S]:
    """They are there until the block ends."""
    app = web.Application()
    app.router.add_get("/{path:.*}", sockets.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sockets.address = f"ws://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield sockets
    finally:
        sockets.drop()
        await runner.cleanup()
