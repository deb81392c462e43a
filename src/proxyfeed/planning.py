"""
What it takes to bring the kernel from what it holds to what it should hold. Pure: the same plan
is printed by ``--dry-run`` and carried out by `proxyfeed.converge`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from proxyfeed.firewall.ipset import NET, SERVICE, fits, in_order, net_set, service_set, temporary
from proxyfeed.firewall.rule import looks_at, wanted_rule
from proxyfeed.model import Action, Live, LiveSet, Member, Plan, RulePlan, SetPlan, SetSpec
from proxyfeed.prefixes import FAMILIES, PrefixSet

Members = frozenset[Member]
# A delta costs its entries and a swap costs the whole set; below this many a delta always wins.
_SMALL_DELTA = 64
_DELTA_SHARE = 4


def held_prefixes(spec: SetSpec, live: Live) -> PrefixSet:
    """
    The addresses that the kernel holds for a set, in the families that it serves.
    """
    keys: dict[int, Collection[int]] = {4: (), 6: ()}
    for family in spec.families:
        found = live.sets.get(net_set(spec.name, family))
        if found and found.type == NET:
            keys[family] = _keys(found.members)
    return PrefixSet.from_keys(keys[4], keys[6])


def served(spec: SetSpec, desired: PrefixSet) -> PrefixSet:
    """
    The part of *desired* that the kernel is to hold: the families that the set serves.
    """
    return PrefixSet(*(desired.keys(f) if f in spec.families else () for f in FAMILIES))


def make_plan(spec: SetSpec, desired: PrefixSet, live: Live, *, afresh: bool = False) -> Plan:
    """
    Plan every ipset and every rule of one set.

    With *afresh* nothing is mended in place: what differs is made anew, whole.
    """
    targets = dict(_targets(spec, desired))
    sets = [
        _plan_set(name, kind, family, members, live, afresh=afresh)
        for (name, kind, family), members in targets.items()
    ]
    wanted = {name for name, _, _ in targets}
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
    return Plan(spec.name, tuple(sets), tuple(rules), live.temporaries)


def plan_return(plan: Plan, before: Live, now: Live) -> Plan:
    """
    Plan the way back: every set and rule that *plan* is about to what it was *before*.

    A set that had the wrong type is not made again, and of several rules only the last is.
    """
    sets = []
    for done in plan.sets:
        old = before.sets.get(done.name)
        if old and (old.type, old.family) == (done.type, done.family):
            back = _plan_set(done.name, done.type, done.family, old.members, now, afresh=False)
            sets.append(back)
        elif old is None and done.name in now.sets:
            sets.append(replace(done, action=Action.REMOVE, why="it was not there"))
    rules = [
        RulePlan(family, now.rules.get(family, ()), wanted=lines[-1] if lines else None)
        for family, lines in before.rules.items()
        if not any(looks_at(line, name) for line in lines for name in before.temporaries)
    ]
    return Plan(plan.set_name, tuple(sets), tuple(rules), now.temporaries)


def _targets(spec: SetSpec, desired: PrefixSet) -> Iterator[tuple[tuple[str, str, int], Members]]:
    for family in spec.families:
        services = [service for service in spec.virtual if service.family == family]
        if services:
            members: Members = frozenset(f"{s.address},{s.protocol}:{s.port}" for s in services)
            yield (service_set(spec.name, family), SERVICE, family), members
        yield (net_set(spec.name, family), NET, family), frozenset(desired.keys(family))


def _plan_set(
    name: str, kind: str, family: int, target: Members, live: Live, *, afresh: bool
) -> SetPlan:
    action, why = _choose(name, kind, family, target, live, afresh=afresh)
    add: tuple[Member, ...] = ()
    delete: tuple[Member, ...] = ()
    if action is Action.DELTA:
        held = live.sets[name].members
        add = in_order(target - held)
        delete = in_order(held - target)
    return SetPlan(name, kind, family, action, why, target, add, delete)


def _choose(
    name: str, kind: str, family: int, target: Members, live: Live, *, afresh: bool
) -> tuple[Action, str]:
    held = live.sets.get(name)
    if any(looks_at(line, temporary(name)) for line in live.rules.get(family, ())):
        return Action.RETYPE, "a run ended while its rule looked at the temporary set"
    if held is None:
        return Action.CREATE, "it does not exist"
    if (held.type, held.family) != (kind, family):
        return Action.RETYPE, f"it is of type {held.type}, family IPv{held.family}"
    if held.odd:
        return Action.REPLACE, f"it holds what proxyfeed never writes: {held.odd[0]}"
    if _same(kind, family, held, target):
        return Action.NOTHING, "it holds what it should"
    adds, deletes = len(target - held.members), len(held.members - target)
    counts = f"{adds:,} to add, {deletes:,} to delete"
    if afresh:
        return Action.REPLACE, f"{counts}; made anew"
    if not fits(len(held.members | target), held):
        return Action.REPLACE, f"{counts}; too many for its maxelem of {held.max_entries:,}"
    if adds + deletes > max(_SMALL_DELTA, len(target) // _DELTA_SHARE):
        return Action.REPLACE, counts
    if kind == NET and not _is_seamless(family, held.members, target):
        return Action.REPLACE, f"{counts}; in place a packet could be missed"
    return Action.DELTA, counts


def _same(kind: str, family: int, held: LiveSet, target: Members) -> bool:
    if held.members == target or kind != NET:
        return held.members == target
    # The same addresses, cut in another way, are the same: no write for nothing.
    return _addresses(family, held.members) == _addresses(family, target)


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
    keys = _keys(members)
    return PrefixSet.from_keys(keys) if family == 4 else PrefixSet.from_keys((), keys)


def _keys(members: Members) -> list[int]:
    return [member for member in members if isinstance(member, int)]
