"""The kit says in a line what is wrong with an adapter, and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nautilus_trader.adapters.bybit.execution import BybitExecutionClient
from nautilus_trader.adapters.dydx.execution import DydxExecutionClient
from nautilus_trader.adapters.hyperliquid.execution import HyperliquidExecutionClient
from nautilus_trader.adapters.kraken.execution import KrakenExecutionClient
from nautilus_trader.adapters.okx.execution import OKXExecutionClient
from nautilus_trader.live.execution_client import LiveExecutionClient

from ultramm.plugin import AdapterPlugin
from ultramm.testing import check_adapter
from ultramm.testing.honour import not_honoured

MODULE = '''
import msgspec
from nautilus_trader.adapters.deribit.config import DeribitDataClientConfig, DeribitExecClientConfig
from nautilus_trader.adapters.deribit.factories import DeribitLiveDataClientFactory, DeribitLiveExecClientFactory

from ultramm.config.secrets import Secret
from ultramm.errors import UserError
from ultramm.nautilus.venue import Clients


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account.

    Parameters
    ----------
    api_key : str
        Of it.
    depth : int
        Levels.
    """

    api_key: {secret} = ""
    depth: int = 5


class Venue:
    dead_man_s = 0.0

    def __init__(self, venue, symbols, params):
        if not params.api_key:
            {absence}

    async def instruments(self):
        return []

    def clients(self):
        return Clients(
            {factory}, DeribitDataClientConfig(), DeribitLiveExecClientFactory,
            DeribitExecClientConfig(api_key="k", api_secret="s"),
        )

    def desk(self):
        raise UserError("adapter: none")
'''
README = """# there

```yaml
venues:
  {venue}:
    adapter: there
    instruments: [BTC-PERPETUAL]
    params: {{api_key: "${{KEY}}"}}
```

| name | unit |
|---|---|
| `api_key` | secret |
{row}

It can do `post-only`, `amend`, `iceberg`, and `live-orders`.
"""
WELL = {
    "secret": "Secret",
    "absence": 'raise UserError("params.api_key is needed; write ${KEY}")',
    "factory": "DeribitLiveDataClientFactory",
    "venue": "THERE",
    "row": "| `depth` | levels |",
}
Write = Callable[..., AdapterPlugin]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    def write(*capabilities: str, readme: bool = True, **changes: str) -> AdapterPlugin:
        parts = WELL | changes
        text = MODULE
        for name, value in parts.items():
            text = text.replace(f"{{{name}}}", value)
        (tmp_path / "there_adapter.py").write_text(text)
        if readme:
            (tmp_path / "README.md").write_text(README.format(**parts))
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "there_adapter", raising=False)
        return AdapterPlugin(
            name="there",
            summary="a test",
            params="there_adapter:Params",
            live="there_adapter:Venue",
            capabilities=frozenset(capabilities or ("post-only", "amend")),  # type: ignore[arg-type]
        )

    return write


def test_an_adapter_that_conforms_has_no_problems(written: Write) -> None:
    assert check_adapter(written()) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"secret": "str"}, "params.api_key: not marked as a secret; type it ultramm.config.secrets.Secret"),
        ({"row": ""}, "README.md: params.depth has no row; add | `depth` | unit | ..."),
        ({"absence": "pass"}, "params.api_key: its absence is not refused; the kernel would look for a key elsewhere"),
        (
            {"absence": 'raise KeyError("api_key")'},
            "params.api_key: its absence ends in KeyError; raise ultramm.errors.UserError",
        ),
        (
            {"absence": 'raise UserError("no key")'},
            "params.api_key: its absence is refused with 'no key'; write one line that names it",
        ),
        (
            {"factory": "DeribitLiveExecClientFactory"},
            "live: clients().data_factory is no LiveDataClientFactory; the kernel takes nothing else",
        ),
        (
            {"venue": "OVER-THERE"},
            "live: the venue OVER-THERE has a hyphen, at which the kernel cuts a client's name; use another",
        ),
    ],
)
def test_each_problem_is_a_line_with_its_remedy(written: Write, changes: dict[str, str], problem: str) -> None:
    found = check_adapter(written(**changes))
    assert problem in found
    assert all("\n" not in each and ("; " in each or ": " in each) for each in found)


def test_a_readme_is_asked_for(written: Write) -> None:
    (problem,) = check_adapter(written(readme=False))
    assert problem.startswith("README.md: there is none at ")


def test_capabilities_are_those_of_the_list_and_of_the_kernel(written: Write) -> None:
    assert "capabilities: magic: no such; there are amend" in check_adapter(written("magic"))[0]
    found = check_adapter(written("iceberg", "live-orders"))
    assert "capabilities: iceberg: DeribitExecutionClient shows an order as a whole; leave it out" in found
    assert "live: no desk, though live-orders are declared: adapter: none" in found
    assert any("has no on_doubt" in each for each in found)


def test_an_adapter_without_a_market_is_none() -> None:
    nothing = AdapterPlugin(name="n", summary="", params="nowhere:P", capabilities=frozenset({"live-orders"}))
    found = check_adapter(nothing)
    assert any(each.startswith("source: neither") for each in found)
    assert any(each.startswith("capabilities: live-orders without a live venue") for each in found)
    assert any(each.startswith("params: cannot load nowhere:P") for each in found)


@pytest.mark.parametrize(
    ("client", "honoured"),
    [
        (BybitExecutionClient, {"amend", "batch-cancel"}),
        (OKXExecutionClient, {"amend", "batch-cancel"}),
        (KrakenExecutionClient, {"amend", "batch-cancel", "iceberg"}),
        (HyperliquidExecutionClient, {"amend", "batch-cancel", "cancel-by-side"}),
        (DydxExecutionClient, {"batch-cancel"}),
        (LiveExecutionClient, set()),
    ],
)
def test_what_the_kernels_clients_do_is_read_from_them(client: type, honoured: set[str]) -> None:
    everything = {"amend", "batch-cancel", "cancel-by-side", "iceberg"}
    refused = {problem.split(": ")[1] for problem in not_honoured(everything, client)}
    assert everything - refused == honoured
