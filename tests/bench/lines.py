"""
What a run of the benchmarks finds: costs, lines of its table, and what it had to leave out.
"""

from __future__ import annotations

from dataclasses import dataclass


class NotMeasured(Exception):
    """
    A measurement failed, or two programs that should agree gave different answers.
    """


@dataclass(frozen=True, slots=True)
class Cost:
    """
    Of one run: seconds on the *wall*, seconds of *cpu* (user and system, with all children that
    were waited for), and MiB of *memory*, the peak of its largest process.
    """

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of the table: *value*, in *unit*, which should be *at_most* so much, if anything.

    The unit ``times`` is a ratio of *ours* to *theirs* by CPU time, the median of *pairs* ratios;
    *wall* is the same by the wall clock.
    """

    section: str
    work: str
    beside: str
    value: float
    unit: str
    at_most: float | None = None
    note: str = ""
    pairs: int = 1
    ours: Cost | None = None
    theirs: Cost | None = None
    wall: float | None = None

    @property
    def is_met(self) -> bool | None:
        return None if self.at_most is None else self.value <= self.at_most


@dataclass(frozen=True, slots=True)
class LeftOut:
    """
    A line that this machine cannot give, and *why*; with *is_failure* it should have been able to.
    """

    section: str
    work: str
    why: str
    is_failure: bool = False


Found = Line | LeftOut
