"""One side of a book, as total lots per price."""

from __future__ import annotations

from ultramm.market import Side
from ultramm.simulation.events import LevelChange


class BookSide:
    """The lots resting at each price of one side.

    Prices are *ranks*: ``side * ticks``, so that on both sides a higher rank is a better price, and the ask
    side is the bid side of the mirrored market. Every rule about quotes is then written once.

    Parameters
    ----------
    side : Side
        Of the resting orders.

    Attributes
    ----------
    levels : dict of int to int
        Rank to lots, all positive.
    best : int
        Highest rank; meaningless while the side is empty.
    lots : int
        Sum of all levels.
    """

    __slots__ = ("best", "levels", "lots", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.levels: dict[int, int] = {}
        self.best = 0
        self.lots = 0

    def add(self, rank: int, lots: int) -> None:
        """Rest `lots` more at `rank`."""
        if not self.levels or rank > self.best:
            self.best = rank
        self.levels[rank] = self.levels.get(rank, 0) + lots
        self.lots += lots

    def remove(self, rank: int, lots: int) -> None:
        """Take `lots`, at most what is there, from `rank`."""
        left = self.levels[rank] - lots
        self.lots -= lots
        if left > 0:
            self.levels[rank] = left
            return
        del self.levels[rank]
        if rank == self.best and self.levels:
            self.best = max(self.levels)

    def lots_above(self, limit: float) -> int:
        """Lots at ranks strictly above `limit`."""
        rank = self.best
        if rank <= limit:
            return 0
        levels = self.levels
        total = levels[rank]
        rank -= 1
        while rank > limit and total < self.lots:
            total += levels.get(rank, 0)
            rank -= 1
        return total

    def rank_of_lot(self, index: int) -> int:
        """The rank of the lot with this index, counted from the best price; `index` below `lots`."""
        rank = self.best
        levels = self.levels
        index -= levels[rank]
        while index >= 0:
            rank -= 1
            index -= levels.get(rank, 0)
        return rank

    def change(self, rank: int) -> LevelChange:
        """What is now at `rank`, as the world is told."""
        return LevelChange(self.side, self.side * rank, self.levels.get(rank, 0))

    def by_ticks(self) -> dict[int, int]:
        """Price in ticks to lots, best price first."""
        return {self.side * rank: self.levels[rank] for rank in sorted(self.levels, reverse=True)}
