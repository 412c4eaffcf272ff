"""Addresses of servers, as a configuration gives them: without a path."""

from __future__ import annotations

from typing import Annotated

import msgspec

HttpAddress = Annotated[str, msgspec.Meta(pattern=r"^https?://[^/]+$")]
SocketAddress = Annotated[str, msgspec.Meta(pattern=r"^wss?://[^/]+(/[^?#]*)?$")]
