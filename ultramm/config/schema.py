"""The configuration file as structs. Parameters of strategies and adapters are the plugins' own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ultramm.maker import NonNegative, Positive

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_.]*(-[A-Za-z0-9_.]+)*$", max_length=40)]
VenueName = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=30)]
FeeBps = Annotated[float, msgspec.Meta(ge=-10_000, le=10_000)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file; unknown keys are refused."""


class Paper(_Section, frozen=True, kw_only=True):
    """The simulated account and venue, in backtest and on paper.

    Parameters
    ----------
    starting_balances : list of str
        Amounts such as ``10000 USDT``.
    latency_ms : float
        From a command to its effect at the venue.
    maker_fee_bps, taker_fee_bps : float, optional
        Basis points of notional, negative for a rebate; the instrument's own when left out.
    account : {"auto", "cash", "margin"}
        ``auto`` is cash for spot pairs and margin for the rest.
    leverage : float
        Of a margin account.
    queue : {"pessimistic", "probabilistic"}
        Whoever cancels an order stood behind ours; or in proportion to the cube of what is ahead of and behind us.
    """

    starting_balances: Annotated[list[str], msgspec.Meta(min_length=1)]
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 0.0
    maker_fee_bps: FeeBps | None = None
    taker_fee_bps: FeeBps | None = None
    account: Literal["auto", "cash", "margin"] = "auto"
    leverage: Annotated[float, msgspec.Meta(ge=1, le=1000)] = 1.0
    queue: Literal["pessimistic", "probabilistic"] = "pessimistic"


class Venue(_Section, frozen=True, kw_only=True):
    """A venue: which adapter serves it, its instruments, and the account to trade with."""

    adapter: str
    instruments: Annotated[list[str], msgspec.Meta(min_length=1)]
    params: dict[str, Any] = {}
    paper: Paper | None = None


class Strategy(_Section, frozen=True, kw_only=True):
    """A strategy: which plugin, its name here, and the instruments it quotes, as ``SYMBOL.VENUE``."""

    use: str
    name: Name
    instruments: Annotated[list[str], msgspec.Meta(min_length=1)]
    params: dict[str, Any] = {}


class Plugin(_Section, frozen=True, kw_only=True):
    """Anything else that joins: which plugin, and its parameters."""

    use: str
    params: dict[str, Any] = {}


class Risk(_Section, frozen=True, kw_only=True):
    """Limits of every strategy on each of its instruments, beside the strategy's own ``max_position``.

    Parameters
    ----------
    max_notional : float, optional
        Worst-case exposure, in quote currency (contract currency for coin-margined contracts).
    max_open_orders : int
        Orders at or on their way to the venue.
    price_collar_bps : float
        Furthest an order may be from fair value.
    max_slippage_bps : float
        Furthest from the mid that a position is closed at; what the book does not take within waits.
    messages_per_second : float
        New orders and cancels in the long run; ``message_burst`` at once.
    """

    max_notional: Positive | None = None
    max_open_orders: Annotated[int, msgspec.Meta(ge=1)] = 100
    price_collar_bps: Positive = 500.0
    max_slippage_bps: Positive = 100.0
    messages_per_second: Positive = 100.0
    message_burst: Annotated[float, msgspec.Meta(ge=1)] = 200.0


class Reporting(_Section, frozen=True, kw_only=True):
    """The currency in which all strategies are added up.

    Parameters
    ----------
    currency : str
        Such as USD.
    rates : dict of str to float
        What one unit of another currency is worth in it, where no market of the venues tells: ``{USDT: 1}``.
    """

    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{2,10}$")]
    rates: dict[str, Positive] = {}


class Journal(_Section, frozen=True, kw_only=True):
    """Where records go: ``sqlite:///PATH``; a path without a leading slash is relative to the working folder.

    Or ``redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]``, ``rediss://`` by TLS.
    """

    to: Annotated[str, msgspec.Meta(pattern=r"^(sqlite:///|rediss?://).+")] = "sqlite:///data/journal.db"


class State(_Section, frozen=True, kw_only=True):
    """What outlives a live node: its orders and fills.

    Parameters
    ----------
    directory : str
        Folder of the ledger, ``NAME.orders``.
    cache : str, optional
        A Redis, written as for the journal, where the kernel keeps its orders, positions and accounts for others to
        read. What the node itself goes on from is the ledger.
    checkpoint_s : float
        How often what strategies have learnt is kept in ``NAME.checkpoint``, seconds; 0 for never.
    checkpoint_max_age_s : float
        A strategy that has not heard of its market for longer than this when a node starts begins to learn anew,
        seconds.
    """

    directory: str = "data"
    cache: Annotated[str, msgspec.Meta(pattern=r"^rediss?://.+")] | None = None
    checkpoint_s: NonNegative = 30.0
    checkpoint_max_age_s: NonNegative = 600.0


class Recorder(_Section, frozen=True, kw_only=True):
    """Records the market that a node sees, for later backtests and training; off when the section is left out.

    Parameters
    ----------
    catalog : str
        Folder of the catalog to record into.
    rotate_s : float
        Seconds of recording in a file.
    """

    catalog: str = "data/recordings"
    rotate_s: Positive = 900.0


class Dashboard(_Section, frozen=True, kw_only=True):
    """The page that a node serves."""

    enabled: bool = True
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8050


class Logging(_Section, frozen=True, kw_only=True):
    """The log files."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    directory: str = "logs"


class Config(_Section, frozen=True, kw_only=True):
    """A whole configuration file."""

    mode: Literal["backtest", "paper", "live"]
    name: Name
    venues: Annotated[dict[VenueName, Venue], msgspec.Meta(min_length=1)]
    strategies: Annotated[list[Strategy], msgspec.Meta(min_length=1)]
    seed: int = 0
    plugins: list[Plugin] = []
    risk: Risk = Risk()
    reporting: Reporting | None = None
    journal: Journal = Journal()
    state: State = State()
    recorder: Recorder | None = None
    dashboard: Dashboard = Dashboard()
    logging: Logging = Logging()
