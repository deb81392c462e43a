"""
What a command did.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing that went wrong, for the report, the alert and the exit code.
    """

    code: str
    exit_code: int
    message: str
    hint: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Everything that one command did: *result* is its own value, of a type of its own.
    """

    command: str
    result: object
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    differs: bool = field(default=False)

    @property
    def exit_code(self) -> int:
        """
        The highest of the problems' codes; 1 for a difference that was asked for by exit code.
        """
        if self.problems:
            return max(problem.exit_code for problem in self.problems)
        return 1 if self.differs else 0
