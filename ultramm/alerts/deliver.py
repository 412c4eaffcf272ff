"""Where messages go: through Apprise to a hundred services, and to a bot of Telegram's."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from ultramm.alerts.spool import Message, Spool
from ultramm.alerts.telegram import TelegramBot
from ultramm.config.schema import Alerts
from ultramm.errors import ConfigError

_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 600.0
_PATIENCE_NS = 3 * 86_400 * 1_000_000_000
_DAY_NS = 86_400 * 1_000_000_000

_log = logging.getLogger(__name__)


class DeliveryError(Exception):
    """A message could not be delivered; the words hold no secret."""


def in_words(exc: Exception) -> str:
    """Why a message was not delivered: not what a library says of it, which may have the address in it."""
    return str(exc) if isinstance(exc, DeliveryError) else type(exc).__name__


class Destination(Protocol):
    """Somewhere to send messages.

    Attributes
    ----------
    key : str
        Tells it from others, in the spool; says nothing of its address.
    label : str
        For people: what kind, and the how-manieth.
    """

    key: str
    label: str

    def send(self, message: Message) -> None:
        """Deliver a message.

        Raises
        ------
        DeliveryError
            It was not taken.
        """


class AppriseDestination:
    """One address of Apprise's.

    Parameters
    ----------
    url : str
        The address, a secret.
    number : int
        Where it is in the configuration.

    Raises
    ------
    ValueError
        It is no address; the words do not show it.
    """

    def __init__(self, url: str, number: int) -> None:
        import apprise

        # Its own log has addresses in it.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        asset = apprise.AppriseAsset(app_id="ultramm", app_desc="ultramm", app_url="")
        self._apprise: Any = apprise.Apprise(asset=asset)
        if not self._apprise.add(url):
            raise ValueError("this is no address that Apprise knows; see its list of services")
        self.key = hashlib.sha256(url.encode()).hexdigest()[:16]
        self.label = f"{url.partition('://')[0]} #{number}"
        kinds = apprise.NotifyType
        self._kinds = {"info": kinds.INFO, "warning": kinds.WARNING, "critical": kinds.FAILURE}

    def send(self, message: Message) -> None:
        kind = self._kinds[message.severity]
        if not self._apprise.notify(title=message.title, body=message.body, notify_type=kind, body_format="text"):
            raise DeliveryError("it did not take the message")


class TelegramDestination:
    """Every chat of a bot."""

    def __init__(self, bot: TelegramBot) -> None:
        self._bot = bot
        self.key = hashlib.sha256(f"telegram {bot.token}".encode()).hexdigest()[:16]
        self.label = "telegram"

    def send(self, message: Message) -> None:
        problem = self._bot.tell_all(f"{message.title}\n{message.body}")
        if problem:
            raise DeliveryError(problem)


def destinations(settings: Alerts, path: object) -> list[Destination]:
    """All of a configuration.

    Raises
    ------
    ConfigError
        One is no address.
    """
    found: list[Destination] = []
    for index, url in enumerate(settings.to):
        if not url:
            continue  # ${NAME:-} with nothing set
        try:
            found.append(AppriseDestination(url, index))
        except ValueError as exc:
            raise ConfigError(f"{path}: alerts.to[{index}]: {exc}") from exc
    if settings.telegram is not None and settings.telegram.token:
        found.append(TelegramDestination(TelegramBot.of(settings.telegram)))
    return found


class Courier:
    """Takes messages from the spool to their destinations, again and again until they are there.

    Parameters
    ----------
    spool : Spool
        Its own: it is used from the courier's thread.
    to : sequence of Destination
        Those of the configuration.
    """

    def __init__(self, spool: Spool, to: Sequence[Destination]) -> None:
        self._spool = spool
        self._to = {destination.key: destination for destination in to}
        self._failing: set[str] = set()

    def deliver(self, now_ns: int) -> None:
        """Whatever is due."""
        given_up = self._spool.give_up(now_ns - _PATIENCE_NS, self._to)
        if given_up:
            _log.warning("%d deliveries given up: too old, or to what is configured no more", given_up)
        self._spool.forget(now_ns - _DAY_NS)
        failed: set[str] = set()
        for due in self._spool.due(now_ns):
            if due.destination in failed:
                continue  # one try for all that wait there
            destination = self._to[due.destination]
            try:
                destination.send(due.message)
            except Exception as exc:
                failed.add(due.destination)
                self._put_off(due, destination.label, exc, now_ns)
            else:
                self._spool.delivered(due)
                if due.destination in self._failing:
                    self._failing.discard(due.destination)
                    _log.warning("%s takes messages again", destination.label)

    def _put_off(self, due: Any, label: str, exc: Exception, now_ns: int) -> None:
        wait_s = min(_FIRST_WAIT_S * 2.0**due.attempts, _LONGEST_WAIT_S)
        self._spool.put_off(due, now_ns + round(wait_s * 1e9))
        if due.destination not in self._failing:
            self._failing.add(due.destination)
            _log.warning("%s: %s; tried again in %g s, and on", label, in_words(exc), wait_s)
