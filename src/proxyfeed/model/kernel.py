"""
What the kernel holds, and what is to be done about it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from proxyfeed.model.settings import Backend
from proxyfeed.prefixes import PrefixSet


class MarkedKey(NamedTuple):
    """
    A key of `proxyfeed.notation` with the mark that its packets get, in the bits of *mask*.
    """

    key: int
    mark: int
    mask: int


# A key in a set of prefixes, one with its mark in a set with a split, and text such as
# "192.0.2.80,tcp:80" in one of services.
Member = int | MarkedKey | str


@dataclass(frozen=True, slots=True)
class LiveSet:
    """
    One ipset, or one set of nftables, as the kernel lists it.

    *entries* are as ``ipset save`` prints them: ``64.12.96.0/19``, ``192.0.2.1``, with a split
    ``64.12.96.0/19 skbmark 0xb``, in a set of services ``192.0.2.80,tcp:80``. *odd* are those that
    have no such form. *max_entries* is 0 where there is no limit.
    """

    name: str
    type: str
    family: int
    max_entries: int
    entries: frozenset[str]
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """
    All that the kernel holds of one set: its *sets* by name, the names of *temporaries* that a
    crashed run left, and its MARK rules by family, in the tables that the host uses (*rules*) and
    in those of the other variant of iptables (*strays*). *odd* is what else stands in a table of
    ours. *former* is what the other backend holds of the set, since before it was changed.
    """

    sets: dict[str, LiveSet] = field(default_factory=dict)
    temporaries: tuple[str, ...] = ()
    rules: dict[int, tuple[str, ...]] = field(default_factory=dict)
    strays: dict[int, tuple[str, ...]] = field(default_factory=dict)
    odd: tuple[str, ...] = ()
    former: Live | None = None


class Action(StrEnum):
    NOTHING = "nothing"
    CREATE = "create"
    DELTA = "delta"
    REPLACE = "replace"
    RETYPE = "retype"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class SetPlan:
    """
    What is to be done to one set of the kernel, and *why* in words for ``--dry-run``.
    """

    name: str
    type: str
    family: int
    action: Action
    why: str
    target: Collection[Member]
    add: tuple[Member, ...] = ()
    delete: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class RulePlan:
    """
    What is to be done to the MARK rule of one family: *present* as the kernel prints our rules,
    *wanted* the one that should stand there, or None for none. *stray* are rules of ours in the
    tables of the other iptables variant, left from before the host changed its variant.
    """

    family: int
    present: tuple[str, ...]
    wanted: str | None
    stray: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return self.present == ((self.wanted,) if self.wanted else ()) and not self.stray


@dataclass(frozen=True, slots=True)
class Plan:
    """
    All that is to be done to one set. *temporaries* of a crashed run are cleaned on the way, what
    is *odd* goes with the table that it is in, and *former* is removed when all else is proven.
    """

    set_name: str
    sets: tuple[SetPlan, ...]
    rules: tuple[RulePlan, ...] = ()
    temporaries: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    former: Live | None = None
    backend: Backend = Backend.IPSET

    @property
    def is_nothing(self) -> bool:
        """
        Whether the kernel holds all that it should, and nothing of ours besides.
        """
        has_nothing_else = all(one.action is Action.NOTHING for one in self.sets)
        return self.is_proven and has_nothing_else and self.former is None

    @property
    def is_from_nothing(self) -> bool:
        """
        Whether no set of it is in the kernel, as after a reboot.
        """
        return all(one.action is Action.CREATE for one in self.sets)

    @property
    def is_proven(self) -> bool:
        """
        Whether the kernel holds all that it should; a set that is no longer served may remain, and
        what the other backend held.
        """
        return (
            not self.temporaries
            and not self.odd
            and all(one.action in (Action.NOTHING, Action.REMOVE) for one in self.sets)
            and all(one.is_nothing for one in self.rules)
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """
    A plan that was carried out: *digest* is what was read back, *before* what the kernel
    held until then, *seconds* the whole of it.
    """

    plan: Plan
    seconds: float
    digest: str
    before: PrefixSet
    notes: tuple[str, ...] = ()
