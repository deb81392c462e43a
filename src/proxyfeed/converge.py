"""
The one way into the kernel: plan, write, read back, prove.

Both backends keep the promise that no packet goes unmarked which is in the old content and in the
new; here is what holds for either: nothing counts that was not read back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from proxyfeed.errors import KernelError, NotProven, Unequipped
from proxyfeed.firewall import Firewall
from proxyfeed.firewall.ipset import temporary
from proxyfeed.firewall.layout import Target, targets, wanted_rule
from proxyfeed.model import Action, Applied, Live, Plan, RulePlan, SetSpec
from proxyfeed.planning import (
    held_before,
    held_prefixes,
    make_plan,
    plan_return,
    plan_targets,
    served,
)
from proxyfeed.prefixes import FAMILIES, PrefixSet

Wanted = tuple[Target, ...]


def converge(
    firewall: Firewall,
    spec: SetSpec,
    desired: PrefixSet,
    clock: Callable[[], float] = time.monotonic,
) -> Applied:
    """
    Make the kernel hold exactly *desired* for the set, and prove it by reading back.

    If the proof fails the sets are made anew once; if it fails again the old content is put back.

    Raises:
        NotProven: the kernel would not take it. The message says what it holds now.
        KernelError, Unequipped: it could not be read or written at all.
    """
    started = clock()
    before = firewall.read(spec)
    wanted = tuple(targets(spec, desired))
    plan = plan_targets(spec, wanted, before)
    notes: tuple[str, ...] = ()
    if not plan.is_nothing:
        left = _carry_out(firewall, spec, wanted, plan)
        if not isinstance(left, Plan):
            notes = (f"made anew after: {left}",)
            left = _make_anew(firewall, spec, wanted)
            if not isinstance(left, Plan):
                raise _put_back(firewall, spec, desired, plan, before, left) from left
        notes += _not_removed(left)
    if plan.former is not None:
        notes += _retire(firewall, spec, wanted, plan)
    seconds = clock() - started
    digest = served(spec, desired).digest
    return Applied(plan, seconds, digest, held_before(plan, spec, desired, before), notes)


def make_missing(firewall: Firewall, spec: SetSpec) -> tuple[str, ...]:
    """
    Make the sets that are not there, empty, and return their names; what is there stays as it is.

    For a boot whose database cannot be read: saved rules that look at a set of ours can be restored
    only when it exists.
    """
    plan = make_plan(spec, PrefixSet(), firewall.read(spec))
    missing = tuple(planned for planned in plan.sets if planned.action is Action.CREATE)
    if missing:
        # What a run that was cut off has left of them is in the way.
        aside = {temporary(planned.name) for planned in missing}
        in_the_way = tuple(name for name in plan.temporaries if name in aside)
        made = Plan(spec.name, missing, temporaries=in_the_way, backend=spec.backend)
        firewall.write(made)
    return tuple(planned.name for planned in missing)


def install_rules(firewall: Firewall, spec: SetSpec) -> None:
    """
    Put the MARK rules of the set in place, where they are not.

    Raises:
        KernelError: a set that they look at is not there yet.
    """
    live = firewall.read(spec)
    for target in targets(spec, PrefixSet()):
        if target.name not in live.sets:
            raise KernelError(
                f"the rule of set {spec.name} cannot be installed before {target.name} exists",
                hint="proxyfeed apply",
            )
    wanted = {family: wanted_rule(spec, family) for family in spec.families}
    firewall.set_rules(spec, _rule_plans(live, wanted))


def remove_rules(firewall: Firewall, spec: SetSpec) -> tuple[str, ...]:
    """
    Take every MARK rule of the set out, of either backend, and return those that were there.
    """
    live = firewall.read(spec)
    removed: tuple[str, ...] = ()
    for backend, found in ((spec.backend, live), (spec.backend.other, live.former or Live())):
        plans = _rule_plans(found, {})
        present = tuple(line for plan in plans for line in (*plan.present, *plan.stray))
        if present:
            firewall.set_rules(replace(spec, backend=backend), plans)
        removed += present
    return removed


def _rule_plans(live: Live, wanted: dict[int, str]) -> list[RulePlan]:
    return [
        RulePlan(family, present, wanted.get(family), live.strays.get(family, ()))
        for family, present in live.rules.items()
    ]


def _carry_out(
    firewall: Firewall, spec: SetSpec, wanted: Wanted, plan: Plan
) -> Plan | KernelError | Unequipped:
    """
    Write *plan* and read back: a proven plan of what is left to do. What goes wrong is returned
    too: the caller has a second way.
    """
    try:
        firewall.write(plan)
        left = plan_targets(spec, wanted, firewall.read(spec))
    except (KernelError, Unequipped) as exc:
        return exc
    if left.is_proven:
        return left
    return NotProven(f"set {spec.name} was written and reads back otherwise: {_open_ends(left)}")


def _make_anew(
    firewall: Firewall, spec: SetSpec, wanted: Wanted
) -> Plan | KernelError | Unequipped:
    try:
        again = plan_targets(spec, wanted, firewall.read(spec), afresh=True)
    except (KernelError, Unequipped) as exc:
        return exc
    return _carry_out(firewall, spec, wanted, again)


def _not_removed(left: Plan) -> tuple[str, ...]:
    """
    Note what is no longer served and there all the same: a rule that looks at it, be it one of ours
    since before `rule = false`, goes on by a content that nobody keeps right.
    """
    names = ", ".join(one.name for one in left.sets if one.action is Action.REMOVE)
    where = "(iptables-save; ip6tables-save) | grep match-set"
    what = f"{names} is no longer served and could not be removed: is it in use? See: {where}"
    return (what,) if names else ()


def _retire(firewall: Firewall, spec: SetSpec, wanted: Wanted, plan: Plan) -> tuple[str, ...]:
    """
    Take out what the other backend held, now that this one is proven to mark the same packets, and
    note what stays, such as an ipset that a rule of another hand looks at.
    """
    done = f"set {spec.name} is in place by {spec.backend}"
    former = f"what {spec.backend.other} held of it"
    try:
        firewall.retire(plan)
    except (KernelError, Unequipped) as exc:
        what = f"{done}, and {former} could not be removed: {exc}"
        raise KernelError(what, hint="proxyfeed apply") from exc
    try:
        live = firewall.read(spec)
    except (KernelError, Unequipped) as exc:
        what = f"{done}, and whether {former} is gone could not be looked at: {exc}"
        raise KernelError(what, hint="proxyfeed apply") from exc
    ends = plan_targets(spec, wanted, live)
    if not ends.is_proven:
        what = f"{done} no more, since {former} was removed: {_open_ends(ends)}"
        raise NotProven(what, hint="proxyfeed apply")
    left = live.former
    if left is None:
        return ()
    if any([*left.rules.values(), *left.strays.values()]):
        what = f"{done}, and {former} was removed and still marks packets"
        raise NotProven(what, hint="proxyfeed apply")
    names = ", ".join(sorted((*left.sets, *left.temporaries))) or "a table"
    return (f"{former} marks nothing any more, but {names} could not be removed: is it in use?",)


def _put_back(
    firewall: Firewall,
    spec: SetSpec,
    desired: PrefixSet,
    plan: Plan,
    before: Live,
    cause: Exception,
) -> NotProven:
    """
    Bring back what was there *before*, and say in the returned error what the kernel holds now.
    """
    what = f"set {spec.name} was not applied: {cause}"
    try:
        firewall.write(plan_return(plan, before, firewall.read(spec)))
    except (KernelError, Unequipped) as exc:
        what += f"; putting the old content back failed too: {exc}"
    try:
        now = firewall.read(spec)
    except (KernelError, Unequipped) as exc:
        return NotProven(f"{what}; what the kernel holds now is not known: {exc}")
    # Of a family that is no longer served too: it was there, and may be gone.
    both = replace(spec, families=FAMILIES)
    old, holds = held_prefixes(both, before), held_prefixes(both, now)
    if holds == old and plan_return(plan, before, now).is_nothing:
        return NotProven(f"{what}; the old content is in place")
    for word, content in (("old", old), ("new", served(spec, desired))):
        if holds == content:
            return NotProven(f"{what}; the {word} addresses are in place, the rest around them not")
    return NotProven(f"{what}; the kernel holds neither the old addresses nor the new ones")


def _open_ends(plan: Plan) -> str:
    ends = [f"{p.name}: {p.why}" for p in plan.sets if p.action is not Action.NOTHING]
    ends += [f"the IPv{rule.family} rule" for rule in plan.rules if not rule.is_nothing]
    ends += [f"{name} is left over" for name in plan.temporaries]
    return "; ".join([*ends, *(f"{what} is none of ours" for what in plan.odd)])
