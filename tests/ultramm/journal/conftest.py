"""Both stores, for tests of what they do alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from ultramm.journal.open import open_journal
from ultramm.journal.store import Journal

_numbers = itertools.count()


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def new_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Addresses at which there is no journal yet."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path_factory.mktemp('journal')}/below/journal.db"
    server = request.getfixturevalue("redis_server")
    return lambda: f"{server.address}#journal-{next(_numbers)}"


@pytest.fixture
def address(new_address: Callable[[], str]) -> str:
    return new_address()


@pytest.fixture
def journal(address: str) -> Iterator[Journal]:
    """The writer's."""
    journal = open_journal(address, create=True)
    yield journal
    journal.close()


@pytest.fixture
def reader(journal: Journal, address: str) -> Iterator[Journal]:
    """Another process's view: opened beside the writer."""
    reader = open_journal(address)
    yield reader
    reader.close()
