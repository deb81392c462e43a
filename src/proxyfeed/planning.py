"""
What it takes to bring the kernel from what it holds to what it should hold. Pure: the same plan
is printed by ``--dry-run`` and carried out by `proxyfeed.converge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from proxyfeed.firewall.ipset import MARKED, NET, SERVICE, fits, in_order, temporary
from proxyfeed.firewall.layout import (
    ADDRESS_KINDS,
    Target,
    address_set,
    is_of_addresses,
    marked_set,
    targets,
    wanted_rule,
)
from proxyfeed.firewall.rule import looks_at
from proxyfeed.marked import MarkedSet, union
from proxyfeed.model import (
    Action,
    Live,
    LiveSet,
    MarkedKey,
    Member,
    Plan,
    RulePlan,
    SetPlan,
    SetSpec,
)
from proxyfeed.prefixes import PrefixSet

Members = frozenset[Member]
# A delta costs its entries and a swap costs the whole set; below this many a delta always wins.
_SMALL_DELTA = 64
_DELTA_SHARE = 4
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
                for mark, key in _marks_and_keys(one, family) if one else ():
                    mine = mark if spec.split else _NO_MARK
                    keys.setdefault(mine, {4: [], 6: []})[family].append(key)
    held = {mark: PrefixSet.from_keys(both[4], both[6]) for mark, both in keys.items()}
    if spec.split:
        return MarkedSet.of(_disjoint(held))
    return held.get(_NO_MARK, PrefixSet())


def _marks_and_keys(found: LiveSet, family: int) -> Iterator[tuple[int, int]]:
    """
    The entries of one set of the kernel. Without a split the mark is the rule's affair, and 0 here.
    """
    if is_of_addresses(found, family):
        for member in found.members:
            if isinstance(member, MarkedKey):
                yield member.mark, member.key
            elif isinstance(member, int):
                yield _NO_MARK, member


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
    sets = [_plan_set(target, live, afresh=afresh) for target in targets(spec, desired)]
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
            target = Target(done.name, done.type, done.family, old.members)
            sets.append(_plan_set(target, now, afresh=False))
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


def _plan_set(target: Target, live: Live, *, afresh: bool) -> SetPlan:
    action, why = _choose(target, live, afresh=afresh)
    add: tuple[Member, ...] = ()
    delete: tuple[Member, ...] = ()
    if action is Action.DELTA:
        held = live.sets[target.name].members
        add = in_order(target.members - held)
        delete = in_order(held - target.members)
    return SetPlan(
        target.name, target.type, target.family, action, why, target.members, add, delete
    )


def _choose(target: Target, live: Live, *, afresh: bool) -> tuple[Action, str]:
    held = live.sets.get(target.name)
    if any(looks_at(line, temporary(target.name)) for line in live.rules.get(target.family, ())):
        return Action.RETYPE, "a run ended while its rule looked at the temporary set"
    if held is None:
        return Action.CREATE, "it does not exist"
    if (held.type, held.family) != (target.type, target.family):
        family = f"family IPv{held.family}" if held.family else "no family of ours"
        return Action.RETYPE, f"it is of type {held.type}, {family}"
    if held.odd:
        return Action.REPLACE, f"it holds what proxyfeed never writes: {held.odd[0]}"
    if _same(target, held):
        return Action.NOTHING, "it holds what it should"
    return _choose_change(target, held, afresh=afresh)


def _choose_change(target: Target, held: LiveSet, *, afresh: bool) -> tuple[Action, str]:
    wanted = target.members
    adds, deletes = len(wanted - held.members), len(held.members - wanted)
    counts = f"{adds:,} to add, {deletes:,} to delete"
    is_table = target.type not in (NET, MARKED, SERVICE)
    if afresh:
        return Action.RETYPE if is_table else Action.REPLACE, f"{counts}; made anew"
    if is_table:
        return Action.REPLACE, f"{counts}; in one transaction"
    if target.type == MARKED:
        # In place, an entry would have no mark between its deletion and its addition.
        return Action.REPLACE, f"{counts}; all marks change at once"
    if not fits(len(held.members | wanted), held):
        return Action.REPLACE, f"{counts}; too many for its maxelem of {held.max_entries:,}"
    if adds + deletes > max(_SMALL_DELTA, len(wanted) // _DELTA_SHARE):
        return Action.REPLACE, counts
    if target.type == NET and not _is_seamless(target.family, held.members, wanted):
        return Action.REPLACE, f"{counts}; in place a packet could be missed"
    return Action.DELTA, counts


def _same(target: Target, held: LiveSet) -> bool:
    if held.members == target.members or target.type not in ADDRESS_KINDS:
        return held.members == target.members
    # The same addresses, cut in another way, are the same: no write for nothing.
    return _addresses(target.family, held.members) == _addresses(target.family, target.members)


def _is_seamless(family: int, held: Members, target: Members) -> bool:
    """
    Whether every packet is seen right while entries are added to *held* and then deleted in place.

    The kernel tries one prefix length after another, the longest first, and takes no lock for it.
    With the last entry of a length that length goes out of its list and the shorter ones move up,
    so that a packet under way skips one: 64.12.96.0/19 is missed while the only /30 is deleted.
    And where a /19 becomes two /20, a packet may look for the /20 too early and the /19 too late.
    """
    lengths = [{key & 0xFF for key in _keys(members)} for members in (held, target)]
    is_cut_anew = _addresses(family, held - target) & _addresses(family, target - held)
    return lengths[0] <= lengths[1] and not is_cut_anew


def _addresses(family: int, members: Members) -> PrefixSet:
    return _to_set(family, _keys(members))


def _to_set(family: int, keys: Iterable[int]) -> PrefixSet:
    return PrefixSet.from_keys(keys) if family == 4 else PrefixSet.from_keys((), keys)


def _keys(members: Members) -> list[int]:
    return [member for member in members if isinstance(member, int)]
