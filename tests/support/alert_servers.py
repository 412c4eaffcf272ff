"""Servers on this machine that take alerts: mail, a webhook, and Telegram's bot API."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """Takes mail, as the handler of an SMTP server."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 taken"


@contextmanager
def smtp_server() -> Iterator[tuple[Mailbox, int]]:
    """A mail server, and its port."""
    mailbox = Mailbox()
    # It looks whether it is there at the port that it was given: any other than 0.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox, port
    finally:
        controller.stop()


class HttpServer:
    """Answers POSTs by a function of path and JSON, and remembers them; can be stopped and started on its port."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        """Status, and what is sent as JSON."""
        return 200, {}

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.loads(content or b"null")
                outer.received.append((self.path, body))
                status, answer = outer.answer(self.path, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class TelegramServer(HttpServer):
    """The part of the bot API that bots of ours use."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._updates: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        super().__init__()

    def says(self, chat: int, text: str, age_s: float = 0.0) -> None:
        """Somebody writes to the bot."""
        with self._changed:
            message = {"chat": {"id": chat}, "text": text, "date": int(time.time() - age_s)}
            self._updates.append({"update_id": 1_000 + len(self._updates), "message": message})
            self._changed.notify_all()

    @property
    def told(self) -> list[tuple[int, str]]:
        """Chat and text of what the bot said."""
        return [(body["chat_id"], body["text"]) for path, body in self.received if path.endswith("/sendMessage")]

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        if not path.startswith(f"/bot{self._token}/"):
            return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
        if path.endswith("/sendMessage"):
            return 200, {"ok": True, "result": {"message_id": len(self.received)}}
        if path.endswith("/getUpdates"):
            return 200, {"ok": True, "result": self._new(int(body["offset"]), float(body["timeout"]))}
        return 404, {"ok": False, "error_code": 404, "description": "Not Found"}

    def _new(self, offset: int, wait_s: float) -> list[dict[str, Any]]:
        with self._changed:
            self._changed.wait_for(lambda: any(u["update_id"] >= offset for u in self._updates), timeout=wait_s)
            return [update for update in self._updates if update["update_id"] >= offset]
