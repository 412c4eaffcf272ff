"""The kernel's own execution clients, made to take no missing answer for a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from nautilus_trader.model.events import OrderModifyRejected, OrderRejected

from ultramm.custody.settle import NEVER_HAD, SO_IT_SAYS

_FROM_THE_DESK = (NEVER_HAD, SO_IT_SAYS)


class Doubting:
    """Put before one of the kernel's execution clients, it believes a rejection only where it is known to be one.

    Every event of an order goes through one method. A rejection that is neither the desk's word nor begins as the
    venue's own refusals do (a connection that broke, a time-out, a text that nobody knows) is withheld: the order
    stays as it was, and the venue is asked. See `ultramm.nautilus.venue.LiveClient`.

    Attributes
    ----------
    refusals : tuple of str
        How the reasons begin that can only be the venue's own.
    """

    on_doubt: Callable[[str], None] = staticmethod(lambda _: None)
    refusals: ClassVar[tuple[str, ...]] = ()

    def _send_order_event(self, event: Any) -> None:
        if isinstance(event, (OrderRejected, OrderModifyRejected)) and not self._is_refusal(event.reason):
            self.on_doubt(f"outcome unknown of order {event.client_order_id.value}: {event.reason}")
            return
        super()._send_order_event(event)  # type: ignore[misc]

    def _is_refusal(self, reason: str) -> bool:
        return reason in _FROM_THE_DESK or (bool(self.refusals) and reason.startswith(self.refusals))

    def _send_order_status_report(self, report: Any) -> None:
        """Of an order that this node did not send: the kernel would take it for its own; the desk knows whose it is."""

    def _send_fill_report(self, report: Any) -> None:
        """Of such an order."""
