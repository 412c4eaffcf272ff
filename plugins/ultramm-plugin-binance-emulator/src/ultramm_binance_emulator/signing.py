"""Whether a request is signed by who it says it is, and in time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import VenueError, illegal, mandatory

_EARLIEST_MS = 1_000  # a clock ahead of the venue's by more is refused
_MOST_WINDOW_MS = 60_000


def check_time(parameters: Mapping[str, str], now_ms: int) -> None:
    """Whether a request was sent within its window; see `VenueError`."""
    if not parameters.get("timestamp"):
        raise mandatory("timestamp")
    try:
        sent_ms = int(parameters["timestamp"])
        window_ms = int(float(parameters.get("recvWindow") or 5_000))
    except ValueError:
        raise illegal("timestamp") from None
    if window_ms > _MOST_WINDOW_MS:
        raise VenueError(-1131, "'recvWindow' must be less than 60000.")
    if sent_ms >= now_ms + _EARLIEST_MS:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - sent_ms > window_ms:
        raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")


def check_signature(account: Account, payload: str, signature: str) -> None:
    """Whether `payload`, as it was sent, bears the member's signature: HMAC in hexadecimal or Ed25519 in base 64.

    Raises
    ------
    VenueError
        -1102 without a signature, -1022 with a wrong one.
    """
    if not signature:
        raise mandatory("signature")
    good = (
        _ed25519(account.secret, payload, signature) if _is_public_key(account) else _hmac(account, payload, signature)
    )
    if not good:
        raise VenueError(-1022, "Signature for this request is not valid.")


def _is_public_key(account: Account) -> bool:
    return account.secret.startswith("-----BEGIN PUBLIC KEY-----")


def _hmac(account: Account, payload: str, signature: str) -> bool:
    expected = hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature)


def _ed25519(pem: str, payload: str, signature: str) -> bool:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, Ed25519PublicKey)
    try:
        key.verify(base64.b64decode(signature, validate=True), payload.encode())
    except (InvalidSignature, binascii.Error):
        return False
    return True
