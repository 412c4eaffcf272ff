"""A server on this machine that knows one spot symbol, and no orders."""

from __future__ import annotations

from collections.abc import Iterator

import bybit_answers as answers
import pytest
from stub_server import StubServer, stub_server


@pytest.fixture
def server() -> Iterator[StubServer]:
    with stub_server() as server:
        server.answers[answers.SYMBOLS] = answers.listed(answers.SYMBOL)
        server.answers["/v5/account/fee-rate"] = answers.listed(answers.FEES)
        for path in (answers.REALTIME, answers.HISTORY, answers.TRADES):
            server.answers[path] = answers.listed()
        yield server
