"""
How a set is split: which labels have which marks.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxyfeed.model.listing import Labels
from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class AllottedLabel:
    """
    One label with its mark, and the *prefixes* that get it; "" for those without a label.
    """

    label: str
    mark: int
    prefixes: PrefixSet


@dataclass(frozen=True, slots=True)
class MovedLabel:
    """
    A label whose users change from one mark to another, and so to another real server.
    """

    label: str
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Carried:
    """
    What one address carries in one split set: its *label* of the kind *by*, and the *mark* of that.
    """

    set: str
    by: str
    label: str
    mark: int


@dataclass(frozen=True, slots=True)
class SetSplit:
    """
    What each mark of a set leads: *labels* of the kind *by*, such as ``country``, in order.
    """

    set: str
    by: str
    marks: tuple[int, ...]
    labels: tuple[AllottedLabel, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A content that is in no database: what a dry run would have accepted.
    """

    content: PrefixSet
    labels: Labels = Labels()
