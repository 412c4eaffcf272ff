"""A venue on this machine, and a node that trades there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from binance_venue import Served
    from live_node import LiveNode

# Imported where they are used: most tests need neither the emulator nor a node.


@pytest.fixture
def served() -> Iterator[Served]:
    from binance_venue import Served

    with Served(alive=True) as server:
        yield server


@pytest.fixture
def node(served: Served, tmp_path: Path) -> Iterator[LiveNode]:
    from live_node import live_node

    with live_node(tmp_path, served.url) as made:
        yield made
