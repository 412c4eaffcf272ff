"""The configuration file as structs. Parameters of strategies and adapters are the plugins' own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.risk.abnormal import MarketLimits
from ultramm.risk.budget import FREE_MESSAGES
from ultramm.risk.burst import BurstLimits
from ultramm.risk.position_stop import PositionStopLimits
from ultramm.risk.session import SessionEdges
from ultramm.risk.toxicity import ToxicityLimits

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
    """A strategy: which plugin, its name here, and the instruments it quotes, as ``SYMBOL.VENUE``.

    What stands in its ``risk`` holds for it instead of the same key of the node's.
    """

    use: str
    name: Name
    instruments: Annotated[list[str], msgspec.Meta(min_length=1)]
    params: dict[str, Any] = {}
    risk: dict[str, Any] = {}


class Plugin(_Section, frozen=True, kw_only=True):
    """Anything else that joins: which plugin, and its parameters."""

    use: str
    params: dict[str, Any] = {}


Money = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(\.[0-9]+)? [A-Z0-9]{2,10}$")]
Depth = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(\.[0-9]+)? (sigma_day|[A-Z0-9]{2,10})$")]


class Drawdown(_Section, frozen=True, kw_only=True):
    """How far the P&L may fall below its highest: money, or ``sigma_day``, standard deviations of a day's P&L.

    Parameters
    ----------
    soft : str, optional
        From here quotes are wider, and from half-way to ``hard`` there are only those that make the position smaller.
    hard : str
        Here it stops, until it is armed again. Of P&L without a drift ``3.48 sigma_day`` is one day in a thousand.
    """

    hard: Depth
    soft: Depth | None = None

    def __post_init__(self) -> None:
        if self.soft is None:
            return
        (soft, unit), (hard, hard_unit) = self.soft.split(), self.hard.split()
        if unit != hard_unit or float(soft) >= float(hard):
            raise ValueError("soft must be less than hard, in the same unit")


class MaxVar(_Section, frozen=True, kw_only=True):
    """What a position may lose in an unusual move, by how much the market moves now.

    Parameters
    ----------
    budget : str
        Such as ``100 USDT``, settlement currency.
    confidence : float
        Share of times in which it loses no more, were moves normal.
    over_s : float
        Time in which the position can be got rid of, seconds.
    """

    budget: Money
    confidence: Annotated[float, msgspec.Meta(gt=0.5, lt=1)] = 0.99
    over_s: Positive = 60.0


class Peg(_Section, frozen=True, kw_only=True):
    """A market that should stand at a fixed price, as one of stable coins.

    Parameters
    ----------
    instrument : str
        ``SYMBOL.VENUE``, one of those that the file names.
    price : float
        Where it should stand.
    within_bps : float
        How far from there it may be: beyond, strategies in its currencies only make their positions smaller, and
        beyond twice as much they quote nothing.
    """

    instrument: str
    price: Positive = 1.0
    within_bps: Positive = 50.0


class Total(_Section, frozen=True, kw_only=True):
    """Limits on all strategies together, each such as ``50000 USDT``, all in one currency.

    Other currencies are converted by ``reporting.rates`` and by the markets that are traded; what has no rate adds
    nothing.

    Parameters
    ----------
    max_gross : str, optional
        Worth of all positions, long and short alike, with every order counted that could fill.
    max_net : str, optional
        The same of one base currency on all venues, long less short.
    max_daily_loss : str, optional
        Since midnight UTC, of all strategies; as ``risk.max_daily_loss`` is of each.
    """

    max_gross: Money | None = None
    max_net: Money | None = None
    max_daily_loss: Money | None = None


class Risk(_Section, frozen=True, kw_only=True):
    """Limits of every strategy on each of its instruments, beside the strategy's own ``max_position``.

    Parameters
    ----------
    max_notional : float, optional
        Worst-case exposure, in quote currency (contract currency for coin-margined contracts).
    max_order_notional : float, optional
        Largest single order, in the same.
    max_open_orders : int
        Orders at or on their way to the venue.
    price_collar_bps : float
        Furthest an order may be from fair value, and from the market's mid.
    max_slippage_bps : float
        Furthest from the mid that a position is closed at; what the book does not take within waits.
    messages_per_second : float
        New orders and cancels in the long run; ``message_burst`` at once.
    max_daily_loss : str, optional
        Such as ``200 USDT``, settlement currency, since midnight UTC: wider from 60 %, only smaller from 80 %, and at
        the whole of it no quotes until somebody arms it again; the position is closed in slices.
    max_drawdown : Drawdown, optional
        Of the P&L from its highest.
    max_losses_in_row : int, optional
        Trades that made the position smaller and each lost.
    max_rejects_in_row : int
        Orders that the venue refused with none taken between.
    widen : float
        How many times further from fair value quotes are when they are wider.
    max_var : MaxVar, optional
        Largest position by what it may lose, beside ``max_position``; none before a minute of the market was seen.
    fill_burst : BurstLimits, optional
        Lets a side rest of which several orders were filled at once.
    position_stop : PositionStopLimits, optional
        Closes a position by how far the market moves, or by its age.
    toxicity : ToxicityLimits, optional
        Quotes step back by what fills lose soon after.
    market : MarketLimits, optional
        What a market is too abnormal for.
    manipulation : bool
        Hold back what patterns in the market would mislead.
    session_edges : SessionEdges, optional
        Care after openings and before closes.
    pegs : list of Peg
        Markets whose break calls for care in all that is quoted in their coins; of the whole node.
    max_messages_per_trade : float, optional
        New orders, changes and cancels to each of our trades, over an hour. Beyond, no order is placed.
    free_messages : int
        So many in an hour need no trade.
    disconnect : bool
        The node ends once every strategy has stopped for its losses or faults and holds nothing; of the whole node.
    total : Total, optional
        Limits on all strategies together.
    """

    max_notional: Positive | None = None
    max_order_notional: Positive | None = None
    max_open_orders: Annotated[int, msgspec.Meta(ge=1)] = 100
    price_collar_bps: Positive = 500.0
    max_slippage_bps: Positive = 100.0
    messages_per_second: Positive = 100.0
    message_burst: Annotated[float, msgspec.Meta(ge=1)] = 200.0
    max_daily_loss: Money | None = None
    max_drawdown: Drawdown | None = None
    max_losses_in_row: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_rejects_in_row: Annotated[int, msgspec.Meta(ge=1)] = 100
    widen: Annotated[float, msgspec.Meta(ge=1, le=100)] = 2.0
    max_var: MaxVar | None = None
    fill_burst: BurstLimits | None = None
    position_stop: PositionStopLimits | None = None
    toxicity: ToxicityLimits | None = None
    market: MarketLimits | None = None
    manipulation: bool = False
    session_edges: SessionEdges | None = None
    pegs: list[Peg] = []
    max_messages_per_trade: Annotated[float, msgspec.Meta(ge=1, le=1e9)] | None = None
    free_messages: Annotated[int, msgspec.Meta(ge=0)] = FREE_MESSAGES
    disconnect: bool = False
    total: Total | None = None


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

    Parameters
    ----------
    to : str
        As above.
    keep_days : float
        How long a file keeps what comes all the time, orders' events and statuses, days; of statuses older than an hour
        one a minute is kept, and everything else for good. A Redis keeps the last so many of each kind.
    """

    to: Annotated[str, msgspec.Meta(pattern=r"^(sqlite:///|rediss?://).+")] = "sqlite:///data/journal.db"
    keep_days: Positive = 30.0


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


TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
# What a template of a message can name: of an alert, and of a title.
_ALERT_FIELDS = {"name": "", "severity": "", "rule": "", "subject": "", "text": "", "times": "", "count": 0}
_TITLE_FIELDS = {"name": "", "severity": "", "what": ""}


class AlertRules(_Section, frozen=True, kw_only=True):
    """What is told.

    Parameters
    ----------
    drawdown : float, optional
        P&L of a maker so far below its highest, settlement currency.
    loss : float, optional
        P&L of a maker lost since the last daily summary, settlement currency.
    inventory_share : float, optional
        Position as a share of the largest that is allowed.
    rejected_per_minute : int, optional
        Orders that the venue or the kernel refused.
    silent_s : float
        A node that has said nothing for so long hangs or is dead, seconds.
    halts, doubts : bool
        Strategies that stop quoting without being asked to; venues about which there is a doubt, as after a disconnect.
    guards : bool
        Guards that begin to hold a side of a strategy's quotes back.
    runs, fills : bool
        Beginnings and ends of runs; each fill. Ends that leave something open, or are failures, are told in any case.
    daily_at : str, optional
        When the day's summary is sent, ``HH:MM`` in UTC; null for none.
    """

    drawdown: Positive | None = None
    loss: Positive | None = None
    inventory_share: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = 0.95
    rejected_per_minute: Annotated[int, msgspec.Meta(ge=1)] | None = 10
    silent_s: Annotated[float, msgspec.Meta(ge=2)] = 15.0
    halts: bool = True
    doubts: bool = True
    guards: bool = True
    runs: bool = True
    fills: bool = False
    daily_at: TimeOfDay | None = "00:05"


class Telegram(_Section, frozen=True, kw_only=True):
    """A bot of Telegram's that tells of alerts, and answers ``status``, ``pause`` and ``stop``.

    Parameters
    ----------
    token : str
        The bot's; from the environment only.
    chats : list of int
        Chats that are told, and that may ask.
    api : str
        Address of the API.
    """

    token: str
    chats: Annotated[list[int], msgspec.Meta(min_length=1)]
    api: str = "https://api.telegram.org"


class Alerts(_Section, frozen=True, kw_only=True):
    """Who is told when something happens, and of what.

    Parameters
    ----------
    to : list of str
        Addresses as Apprise takes them; from the environment only, and empty ones are left out.
    telegram : Telegram, optional
        A bot that can be asked too.
    rules : AlertRules
        What is told.
    group_s : float
        What comes within this time is one message, seconds; what is critical waits one second.
    at_most_per_hour : int
        Messages; as many again are left for what is critical. What waits is told later, together.
    quiet_from, quiet_until : str, optional
        Between these times of day, ``HH:MM`` in UTC, only what is critical is told.
    templates : dict of str to str
        By rule, how an alert is written: ``{severity}``, ``{rule}``, ``{subject}``, ``{text}``, ``{times}``,
        ``{count}``, ``{name}``; and ``title``: ``{name}``, ``{what}``, ``{severity}``.
    """

    to: list[str] = []
    telegram: Telegram | None = None
    rules: AlertRules = AlertRules()
    group_s: NonNegative = 30.0
    at_most_per_hour: Annotated[int, msgspec.Meta(ge=1)] = 20
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None
    templates: dict[str, str] = {}

    def __post_init__(self) -> None:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet_from and quiet_until go together: give both or neither")
        for rule, template in self.templates.items():
            fields = _TITLE_FIELDS if rule == "title" else _ALERT_FIELDS
            try:
                template.format(**fields)
            except (LookupError, ValueError, AttributeError) as exc:
                allowed = ", ".join(f"{{{field}}}" for field in fields)
                raise ValueError(f"templates.{rule} cannot be filled in ({exc!r}); it may name {allowed}") from exc

    @property
    def wanted(self) -> bool:
        """Whether there is anybody to tell."""
        return any(self.to) or (self.telegram is not None and bool(self.telegram.token))


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


class Watchdog(_Section, frozen=True, kw_only=True):
    """A process beside a live node that cancels what it leaves at its venues.

    Parameters
    ----------
    hang_s : float
        A node whose loop does not answer for longer is ended, seconds.
    """

    enabled: bool = True
    hang_s: Annotated[float, msgspec.Meta(ge=2, le=3600)] = 15.0


class Dashboard(_Section, frozen=True, kw_only=True):
    """The page that a node serves.

    Parameters
    ----------
    address : str
        Where it listens; beyond this machine only with a password.
    password : str
        Hash of the password of who may see and act, as ``ultramm dashboard --hash`` prints it; from the environment
        only.
    viewer_password : str
        The same of who may only see.
    origins : list of str
        ``HOST:PORT`` under which browsers reach it where that is not its own address, as behind a proxy.
    """

    enabled: bool = True
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8050
    address: str = "127.0.0.1"
    password: str = ""
    viewer_password: str = ""
    origins: list[str] = []


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
    watchdog: Watchdog = Watchdog()
    alerts: Alerts = Alerts()
    logging: Logging = Logging()
