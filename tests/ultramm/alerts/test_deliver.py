"""Messages at real servers on this machine: mail, a webhook, Telegram's bot API."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alert_servers import HttpServer, TelegramServer, smtp_server

from ultramm.alerts.deliver import Courier, DeliveryError, destinations
from ultramm.alerts.spool import Message, Spool
from ultramm.alerts.telegram import HELP, TelegramBot
from ultramm.config.schema import Alerts
from ultramm.errors import ConfigError

S = 1_000_000_000
TOKEN = "123456:a-secret-of-the-bot"
MESSAGE = Message("critical", "demo: silent", "[critical] silent run: not heard of for 15 s <script>ü")


@pytest.fixture
def hook() -> Iterator[HttpServer]:
    server = HttpServer()
    yield server
    server.stop()


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    server = TelegramServer(TOKEN)
    yield server
    server.stop()


def settings(*urls: str, **more: Any) -> Alerts:
    return msgspec.convert({"to": list(urls), **more}, Alerts)


def hook_url(server: HttpServer) -> str:
    return f"json://name:hush-hush@127.0.0.1:{server.port}/alerts"


def test_a_mail_server_a_webhook_and_a_bot_get_the_message(hook: HttpServer, telegram: TelegramServer) -> None:
    bot = {"token": TOKEN, "chats": [7, 8], "api": telegram.url}
    with smtp_server() as (mailbox, port):
        mail = f"mailto://127.0.0.1:{port}?from=node@example.org&to=owner@example.org&mode=insecure"
        to = destinations(settings(mail, "", hook_url(hook), telegram=bot), "c.yaml")
        assert [each.label for each in to] == ["mailto #0", "json #2", "telegram"]
        for destination in to:
            destination.send(MESSAGE)
        ((recipients, mail_text),) = mailbox.mails
    assert recipients == ["owner@example.org"]
    assert "Subject: demo: silent" in mail_text
    assert "not heard of for 15 s" in mail_text
    ((path, body),) = hook.received
    assert path == "/alerts"
    assert (body["title"], body["message"], body["type"]) == (MESSAGE.title, MESSAGE.body, "failure")
    assert telegram.told == [(7, f"{MESSAGE.title}\n{MESSAGE.body}"), (8, f"{MESSAGE.title}\n{MESSAGE.body}")]


def test_an_address_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError) as caught:
        destinations(settings("", "nosuchthing://hush-hush@example.org"), "c.yaml")
    assert str(caught.value).startswith("c.yaml: alerts.to[1]: ")
    assert "hush" not in str(caught.value)


def test_after_an_outage_everything_arrives_once_and_in_order(
    hook: HttpServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path / "spool")
    to = destinations(settings(hook_url(hook)), "c.yaml")
    hook.stop()
    with caplog.at_level(logging.WARNING):
        courier = Courier(spool, to)
        for number in range(3):
            spool.send([], Message("info", f"t{number}", "b"), [to[0].key], now_ns=number)
            courier.deliver(number * S)
        # Not asked again and again: what fails waits, longer each time.
        courier.deliver(4 * S)
        hook.start()
        courier.deliver(4 * S)
        assert hook.received == []
        Courier(Spool(tmp_path / "spool"), to).deliver(3_600 * S)
    assert [body["title"] for _, body in hook.received] == ["t0", "t1", "t2"]
    assert spool.undelivered() == 0
    assert caplog.text.count("json #0: it did not take the message") == 1
    assert "hush" not in caplog.text


def test_one_destination_that_fails_keeps_no_other_from_its_message(hook: HttpServer, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    to = destinations(settings("json://127.0.0.1:9/nobody", hook_url(hook)), "c.yaml")
    spool.send([], MESSAGE, [each.key for each in to], now_ns=0)
    courier = Courier(spool, to)
    courier.deliver(0)
    assert len(hook.received) == 1
    assert [due.destination for due in spool.due(10 * S)] == [to[0].key]
    courier.deliver(10 * S)
    assert len(hook.received) == 1


def test_what_was_for_an_address_that_is_configured_no_more_is_dropped(hook: HttpServer, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    (now,) = destinations(settings(hook_url(hook)), "c.yaml")
    spool.send([], MESSAGE, ["of before", now.key], now_ns=0)
    Courier(spool, [now]).deliver(0)
    assert (len(hook.received), spool.undelivered()) == (1, 0)


def test_the_spool_has_no_address_and_no_secret_in_it(hook: HttpServer, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    (to,) = destinations(settings(hook_url(hook)), "c.yaml")
    spool.send([], MESSAGE, [to.key], now_ns=0)
    spool.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hush" not in content
    assert b"127.0.0.1" not in content


# -- Telegram ------------------------------------------------------------------------------------------------------


def bot_at(server: TelegramServer, token: str = TOKEN) -> TelegramBot:
    return TelegramBot(token, [7], server.url)


def asked(server: TelegramServer) -> list[tuple[str, int]]:
    """Words that the bot was asked, after one round of listening."""
    found: list[tuple[str, int]] = []

    def answer(word: str, chat: int) -> str:
        found.append((word, chat))
        return f"{word} done"

    assert bot_at(server).listen(answer, wait_s=0) == ""
    return found


def test_who_may_ask_is_answered_and_a_stranger_hears_nothing(telegram: TelegramServer) -> None:
    telegram.says(7, "/status")
    telegram.says(666, "/stop")
    telegram.says(7, " Pause@our_bot ")
    assert asked(telegram) == [("status", 7), ("pause", 7)]
    assert telegram.told == [(7, "status done"), (7, "pause done")]


def test_a_command_of_before_the_bot_listened_is_not_carried_out(telegram: TelegramServer) -> None:
    telegram.says(7, "/stop", age_s=61.0)
    assert asked(telegram) == []
    assert telegram.told == [(7, "too late: that was asked more than a minute ago")]


def test_nothing_is_answered_twice(telegram: TelegramServer) -> None:
    bot, words = bot_at(telegram), []

    def answer(word: str, chat: int) -> str:
        words.append(word)
        return HELP

    telegram.says(7, "help")
    for _ in range(3):
        bot.listen(answer, wait_s=0)
    assert words == ["help"]
    assert telegram.told == [(7, HELP)]


def test_what_goes_wrong_is_said_without_the_token(telegram: TelegramServer) -> None:
    refused = bot_at(telegram, "999:wrong-hush").tell_all("text")
    assert refused == "Telegram refuses: Unauthorized"
    telegram.stop()
    away = bot_at(telegram).tell_all("text")
    assert away == "Telegram does not answer: ConnectionError"
    (to,) = destinations(settings(telegram={"token": TOKEN, "chats": [7], "api": telegram.url}), "c.yaml")
    with pytest.raises(DeliveryError) as caught:
        to.send(MESSAGE)
    assert TOKEN not in f"{caught.value!r} {caught.value.__context__!r}"


def test_a_text_that_is_too_long_for_telegram_is_cut(telegram: TelegramServer) -> None:
    assert bot_at(telegram).tell_all("x" * 10_000) == ""
    ((_, text),) = telegram.told
    assert len(text) == 4_096
