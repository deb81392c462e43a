"""
What the kernel holds, and what is to be done about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from proxyfeed.prefixes import PrefixSet

# A key of `proxyfeed.notation` in a hash:net, text such as "192.0.2.80,tcp:80" in a hash:ip,port.
Member = int | str


@dataclass(frozen=True, slots=True)
class LiveSet:
    """
    One ipset as the kernel lists it.

    *members* are keys for ``hash:net`` and text for ``hash:ip,port``. *odd* holds the lines that
    proxyfeed would never have written, such as ``10.1.0.0/16 nomatch``.
    """

    name: str
    type: str
    family: int
    max_entries: int
    members: frozenset[Member]
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """
    All that the kernel holds of one set: its ipsets by name, the names of *temporaries* that a
    crashed run left, and its MARK rules by family, in the tables that the host uses (*rules*) and
    in those of the other variant (*strays*).
    """

    sets: dict[str, LiveSet] = field(default_factory=dict)
    temporaries: tuple[str, ...] = ()
    rules: dict[int, tuple[str, ...]] = field(default_factory=dict)
    strays: dict[int, tuple[str, ...]] = field(default_factory=dict)


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
    What is to be done to one ipset, and *why* in words for ``--dry-run``.
    """

    name: str
    type: str
    family: int
    action: Action
    why: str
    target: frozenset[Member]
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
    All that is to be done to one set. *temporaries* of a crashed run are cleaned on the way.
    """

    set_name: str
    sets: tuple[SetPlan, ...]
    rules: tuple[RulePlan, ...] = ()
    temporaries: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """
        Whether the kernel holds all that it should, and nothing of ours besides.
        """
        return self.is_proven and all(one.action is Action.NOTHING for one in self.sets)

    @property
    def is_proven(self) -> bool:
        """
        Whether the kernel holds all that it should; a set that is no longer served may remain.
        """
        return (
            not self.temporaries
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
