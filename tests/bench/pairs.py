"""
Pairs of measurements: ours, theirs, ours, theirs.

A machine is now fast and now slow, and its load changes within a minute. The two of a pair meet the
same minute, so their ratio holds where two separate means would not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from tests.bench.lines import Cost, Line

Measure = Callable[[], Cost]


@dataclass(frozen=True, slots=True)
class Pairs:
    """
    What each pair cost, ours first.
    """

    costs: tuple[tuple[Cost, Cost], ...]

    @classmethod
    def measure(cls, ours: Measure, theirs: Measure, count: int, *, warm_up: bool = True) -> Pairs:
        """
        Measure *count* pairs; before them one that fills the caches, unless that is too dear.
        """
        if warm_up:
            ours()
            theirs()
        return cls(tuple((ours(), theirs()) for _ in range(count)))

    @property
    def ours(self) -> Cost:
        return _typical([ours for ours, _ in self.costs])

    @property
    def theirs(self) -> Cost:
        return _typical([theirs for _, theirs in self.costs])

    @property
    def cpu(self) -> float:
        """
        The median of the ratios by CPU time, which is not the ratio of the medians.
        """
        return median(ours.cpu / theirs.cpu for ours, theirs in self.costs)

    @property
    def wall(self) -> float:
        return median(ours.wall / theirs.wall for ours, theirs in self.costs)

    def line(
        self, section: str, work: str, beside: str, at_most: float | None = None, note: str = ""
    ) -> Line:
        return Line(
            section=section,
            work=work,
            beside=beside,
            value=self.cpu,
            unit="times",
            at_most=at_most,
            note=note,
            pairs=len(self.costs),
            ours=self.ours,
            theirs=self.theirs,
            wall=self.wall,
        )


def _typical(costs: list[Cost]) -> Cost:
    return Cost(
        median(cost.wall for cost in costs),
        median(cost.cpu for cost in costs),
        max(cost.memory for cost in costs),
    )
