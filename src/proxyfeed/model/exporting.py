"""
What became of a file that ``export`` keeps for another program.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from proxyfeed.model.versions import Diff
from proxyfeed.prefixes import PrefixSet


class Writing(StrEnum):
    """
    What ``export --output`` did to the file, or would do.
    """

    UNCHANGED = "unchanged"
    WRITTEN = "written"
    WOULD_WRITE = "would write"


@dataclass(frozen=True, slots=True)
class ExportResult:
    """
    *change* is against what the file held; *revalued* are addresses that have another value now.
    *needs_reload* says that who reads the file has not read this yet, *reloaded* that it has.
    """

    subject: str
    format: str
    path: str
    writing: Writing
    prefixes: int
    change: Diff
    revalued: PrefixSet = PrefixSet()
    needs_reload: bool = False
    reloaded: bool = False
