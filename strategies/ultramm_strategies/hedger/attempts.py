"""When to try again, and when to say that it cannot be done."""

from __future__ import annotations

from ultramm_strategies.hedger.params import HedgerParams

_NEVER = -1


class Attempts:
    """Counts orders that were to trade at once and did not, and how long the exposure has been outside its band.

    The first is tried again at once; after each further one it pauses, longer each time. One that the market left
    behind counts for nothing: it is tried again where the market is. After too many, or too long, `problem` says so
    until the exposure is back within the band: by a trade of ours, or, where those who are covered have closed their
    positions, once the pause is over. Then a single order that does not trade is too many again, until one has traded.

    Parameters
    ----------
    params : HedgerParams
        Pauses and caps.

    Attributes
    ----------
    problem : str
        In words; empty while all is well.
    """

    def __init__(self, params: HedgerParams) -> None:
        self._params = params
        self._failures = 0
        self._pending = False
        self._traded = True
        self._outside_ns = _NEVER
        self._next_ns = 0
        self._rest_ns = 0
        self.problem = ""

    def asked(self) -> None:
        """An order that is to trade at once is wanted now."""
        self._pending = True

    def traded(self) -> None:
        """One of our orders traded, of whatever kind."""
        self._pending = False
        self._traded = True
        self._failures = 0
        self._next_ns = 0

    def look(self, ts_ns: int, *, outside: bool, working: bool, left_behind: bool = False) -> None:
        """Where things stand: whether there is something to trade, whether an order of ours still may, and whether the
        market has moved away from where the last one was to trade.
        """
        if self._pending and not working:
            self._pending = False
            if not left_behind:
                # It was refused, by us or by the venue, or found nothing to trade with.
                self._fail(ts_ns)
        if not outside:
            self._outside_ns = _NEVER
            if self.problem and (self._traded or ts_ns >= self._rest_ns):
                self.problem = ""
            return
        if self._outside_ns == _NEVER:
            self._outside_ns = ts_ns
        if not self.problem and self.outside_s(ts_ns) > self._params.max_outside_s:
            rest_ns = ts_ns + round(self._params.max_pause_s * 1e9)
            self._give_up(f"the exposure was outside its band for {self._params.max_outside_s:g} s", rest_ns)

    def outside_s(self, ts_ns: int) -> float:
        """How long the exposure has been outside, seconds."""
        return 0.0 if self._outside_ns == _NEVER else (ts_ns - self._outside_ns) * 1e-9

    def pause_s(self, ts_ns: int) -> float:
        """What is left of the pause, seconds."""
        return max(0.0, (self._next_ns - ts_ns) * 1e-9)

    def interrupted(self) -> None:
        """The market was not seen for a time: the exposure counts as outside from when it is seen so again."""
        self._pending = False
        self._outside_ns = _NEVER

    def _fail(self, ts_ns: int) -> None:
        self._failures += 1
        # The market may have left and come back: the first is tried again at once.
        pause_s = self._params.retry_s * 2.0 ** min(self._failures - 2, 60) if self._failures > 1 else 0.0
        self._next_ns = ts_ns + round(min(pause_s, self._params.max_pause_s) * 1e9)
        if self._failures >= self._params.max_tries:
            self._give_up(f"{self._failures} orders in a row traded nothing", self._next_ns)

    def _give_up(self, problem: str, rest_ns: int) -> None:
        self.problem = problem
        self._traded = False
        self._rest_ns = rest_ns
