"""
What it takes to bring the kernel from what it holds to what it should hold. Pure: the same plan
is printed by ``--dry-run`` and carried out by `proxyfeed.converge`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from proxyfeed.firewall.choosing import plan_set
from proxyfeed.firewall.layout import (
    Target,
    address_set,
    is_of_addresses,
    marked_set,
    read_members,
    targets,
    wanted_rule,
)
from proxyfeed.firewall.members import by_kind
from proxyfeed.firewall.rule import looks_at
from proxyfeed.marked import MarkedSet, union
from proxyfeed.model import (
    Action,
    Live,
    LiveSet,
    Plan,
    RulePlan,
    SetPlan,
    SetSpec,
)
from proxyfeed.prefixes import FAMILIES, PrefixSet

_NO_MARK = 0


def held_prefixes(spec: SetSpec, live: Live) -> PrefixSet:
    """
    The addresses that the kernel holds for a set, by either backend, in the families that it
    serves.
    """
    keys: dict[int, dict[int, list[int]]] = {}
    for backend, found in ((spec.backend, live), (spec.backend.other, live.former or Live())):
        for family in spec.families:
            for name in (address_set, marked_set):
                one = found.sets.get(name(spec.name, family, backend))
                for mark, several in _keys_by_mark(one, family).items() if one else ():
                    mine = mark if spec.split else _NO_MARK
                    keys.setdefault(mine, {4: [], 6: []})[family] += several
    held = {mark: PrefixSet.from_keys(both[4], both[6]) for mark, both in keys.items()}
    if spec.split:
        return MarkedSet.of(_disjoint(held))
    return held.get(_NO_MARK, PrefixSet())


def held_before(plan: Plan, spec: SetSpec, desired: PrefixSet, before: Live) -> PrefixSet:
    """
    As `held_prefixes`, told from *plan*, which is about the way from *before* to *desired*.

    A small change is counted back: at 1,000,000 prefixes in 0.3 s, where to read all takes 2.2 s.
    """
    content = served(spec, desired)
    if plan.is_nothing:
        return content
    in_place = (Action.NOTHING, Action.DELTA)
    if spec.split or plan.former or any(one.action not in in_place for one in plan.sets):
        return held_prefixes(spec, before)
    added = {family: set[int]() for family in FAMILIES}
    deleted: dict[int, list[int]] = {4: [], 6: []}
    for planned in plan.sets:
        added[planned.family].update(by_kind(planned.add).keys)
        deleted[planned.family] += by_kind(planned.delete).keys
    # What stayed is in order, and sorted again in no time.
    stayed = {f: [key for key in content.keys(f) if key not in added[f]] for f in FAMILIES}
    return PrefixSet.from_keys(stayed[4] + deleted[4], stayed[6] + deleted[6])


def _keys_by_mark(found: LiveSet, family: int) -> dict[int, list[int]]:
    """
    The entries of one set of the kernel. Without a split the mark is the rule's affair, and 0 here.
    """
    if not is_of_addresses(found, family):
        return {}
    kinds = by_kind(read_members(found, found.entries)[0])
    keys = {_NO_MARK: kinds.keys}
    for member in kinds.marked:
        keys.setdefault(member.mark, []).append(member.key)
    return keys


def _disjoint(held: Mapping[int, PrefixSet]) -> dict[int, PrefixSet]:
    """
    Of addresses that are held twice, as by two backends, the greater mark counts.
    """
    parts: dict[int, PrefixSet] = {}
    for mark in sorted(held, reverse=True):
        parts[mark] = held[mark] - union(parts.values())
    return parts


def served(spec: SetSpec, desired: PrefixSet) -> PrefixSet:
    """
    The part of *desired* that the kernel is to hold: the families that the set serves.
    """
    return desired.within(spec.families)


def make_plan(spec: SetSpec, desired: PrefixSet, live: Live, *, afresh: bool = False) -> Plan:
    """
    Plan every ipset and every rule of one set.

    With *afresh* nothing is mended in place: what differs is made anew, whole.
    """
    return plan_targets(spec, tuple(targets(spec, desired)), live, afresh=afresh)


def plan_targets(
    spec: SetSpec, wanted_sets: Sequence[Target], live: Live, *, afresh: bool = False
) -> Plan:
    """
    As `make_plan`, with the targets already made. A converge plans twice or more, and the text of
    1,000,000 entries takes 0.9 s.
    """
    sets = [plan_set(target, live, afresh=afresh) for target in wanted_sets]
    wanted = {planned.name for planned in sets}
    sets += [
        SetPlan(name, found.type, found.family, Action.REMOVE, "no longer served", frozenset())
        for name, found in live.sets.items()
        if name not in wanted
    ]
    rules = [
        RulePlan(
            family=family,
            present=present,
            wanted=wanted_rule(spec, family) if family in spec.families else None,
            stray=live.strays.get(family, ()),
        )
        for family, present in live.rules.items()
    ]
    return Plan(
        set_name=spec.name,
        sets=tuple(sets),
        rules=tuple(rules),
        temporaries=live.temporaries,
        odd=live.odd,
        former=live.former,
        backend=spec.backend,
    )


def plan_return(plan: Plan, before: Live, now: Live) -> Plan:
    """
    Plan the way back: every set and rule that *plan* is about to what it was *before*.

    A set that had the wrong type is not made again, and of several rules only the last is.
    """
    sets = []
    for done in plan.sets:
        old = before.sets.get(done.name)
        if old and (old.type, old.family) == (done.type, done.family):
            members, _ = read_members(old, old.entries)
            target = Target.of(done.name, done.type, done.family, members)
            sets.append(plan_set(target, now, afresh=False))
        elif old is None and done.name in now.sets:
            sets.append(replace(done, action=Action.REMOVE, why="it was not there"))
    rules = [
        RulePlan(family, now.rules.get(family, ()), wanted=lines[-1] if lines else None)
        for family, lines in before.rules.items()
        if not any(looks_at(line, name) for line in lines for name in before.temporaries)
    ]
    return Plan(
        set_name=plan.set_name,
        sets=tuple(sets),
        rules=tuple(rules),
        temporaries=now.temporaries,
        odd=now.odd,
        backend=plan.backend,
    )
