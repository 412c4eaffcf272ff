"""A bot of Telegram's: it tells, and answers those who may ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from ultramm.config.schema import Telegram

_TIMEOUT_S = 10.0
_LONGEST_TEXT = 4_096
_POLL_S = 20
_TOO_LATE_S = 60.0
_AGAIN_S = 5.0
HELP = "status: what is quoted, or why not\npause: pull the quotes\nstop: end the node"


class TelegramBot:
    """Speaks the bot API.

    Parameters
    ----------
    token : str
        The bot's, a secret.
    chats : sequence of int
        Who is told, and who may ask.
    api : str
        Address of the API.
    """

    def __init__(self, token: str, chats: list[int], api: str) -> None:
        self.token = token
        self.chats = chats
        self._api = api.rstrip("/")
        self._offset = 0

    @classmethod
    def of(cls, settings: Telegram) -> TelegramBot:
        """The one that a configuration names."""
        return cls(settings.token, settings.chats, settings.api)

    def tell_all(self, text: str) -> str:
        """Send a text to every chat; gives what went wrong in words, empty where nothing did."""
        problems = [problem for chat in self.chats if (problem := self.tell(chat, text))]
        return problems[0] if problems else ""

    def tell(self, chat: int, text: str) -> str:
        """Send a text to one chat; gives what went wrong."""
        answer = self._call("sendMessage", _TIMEOUT_S, chat_id=chat, text=text[:_LONGEST_TEXT])
        return answer if isinstance(answer, str) else ""

    def listen(self, answer: Callable[[str, int], str], wait_s: int = _POLL_S) -> str:
        """Wait for what is asked, and answer it; gives what went wrong.

        Parameters
        ----------
        answer : callable
            Takes a word and the chat that sent it; gives what to say.
        """
        updates = self._call("getUpdates", wait_s + _TIMEOUT_S, offset=self._offset, timeout=wait_s)
        if isinstance(updates, str):
            return updates
        for update in updates:
            self._offset = max(self._offset, int(update["update_id"]) + 1)
            message = update.get("message") or {}
            chat, text = (message.get("chat") or {}).get("id"), message.get("text")
            if chat not in self.chats or not isinstance(text, str):
                continue  # a stranger learns nothing, not even that there is somebody
            if time.time() - float(message.get("date", 0)) > _TOO_LATE_S:
                self.tell(chat, "too late: that was asked more than a minute ago")
                continue
            word = text.strip().removeprefix("/").partition("@")[0].lower()
            self.tell(chat, answer(word, chat))
        return ""

    def _call(self, method: str, timeout_s: float, **arguments: Any) -> Any:
        """The result; in words what went wrong, without the address, which holds the token."""
        try:
            answer = requests.post(f"{self._api}/bot{self.token}/{method}", json=arguments, timeout=timeout_s)
            told = answer.json()
        except (requests.RequestException, ValueError) as exc:
            return f"Telegram does not answer: {type(exc).__name__}"
        if not told.get("ok"):
            return f"Telegram refuses: {str(told.get('description', answer.status_code)).replace(self.token, '***')}"
        return told["result"]
