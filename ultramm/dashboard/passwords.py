"""Passwords as salted hashes. Free of the page's libraries: a node checks them before it starts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Literal

import msgspec

Role = Literal["operator", "viewer"]
# Where no password is needed: who is there may do everything anyway.
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_N, _R, _P = 2**14, 8, 1


def hashed(password: str, salt: bytes | None = None) -> str:
    """A password as it is given to the page: ``scrypt:SALT:HASH``, base64."""
    salt = secrets.token_bytes(16) if salt is None else salt
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=32)
    return ":".join(("scrypt", base64.b64encode(salt).decode(), base64.b64encode(digest).decode()))


def is_hash(text: str) -> bool:
    """Whether a text is what `hashed` gives."""
    kind, _, rest = text.partition(":")
    salt, _, digest = rest.partition(":")
    try:
        return kind == "scrypt" and bool(base64.b64decode(salt)) and len(base64.b64decode(digest)) == 32
    except ValueError:
        return False


class Passwords(msgspec.Struct, frozen=True):
    """Hashes of the operator's and of the viewer's password; empty where there is none.

    Without an operator's password everybody who reaches the page is an operator: it must then be on loopback only.
    """

    operator: str = ""
    viewer: str = ""

    def role(self, password: str) -> Role | None:
        """Whose password this is; as slow for a wrong one as for a right one."""
        found: Role | None = None
        roles: tuple[tuple[Role, str], ...] = (("viewer", self.viewer), ("operator", self.operator))
        for role, known in roles:
            if known and hmac.compare_digest(hashed(password, base64.b64decode(known.split(":")[1])), known):
                found = role
        return found
