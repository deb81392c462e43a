"""
The one way into the kernel: plan, write, read back, prove.

Make before break: small changes go in as one stream that adds before it deletes; anything else is
filled into temporary sets, read back, and swapped in, both families together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from proxyfeed.errors import CommandFailed, KernelError, NotProven, Unequipped
from proxyfeed.firewall import Firewall
from proxyfeed.firewall.ipset import commit_lines, fill_lines, temporary
from proxyfeed.firewall.rule import looks_at, rule_sets, wanted_rule
from proxyfeed.model import Action, Applied, Live, Plan, RulePlan, SetPlan, SetSpec
from proxyfeed.planning import held_prefixes, make_plan, plan_return, served
from proxyfeed.prefixes import FAMILIES, PrefixSet

_ASIDE = (Action.CREATE, Action.REPLACE)


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
    plan = make_plan(spec, desired, before)
    notes: tuple[str, ...] = ()
    if not plan.is_nothing:
        failure = _carry_out(firewall, spec, desired, plan)
        if failure:
            second = _make_anew(firewall, spec, desired)
            if second:
                raise _put_back(firewall, spec, desired, plan, before, second) from second
            notes = (f"made anew after: {failure}",)
    digest = served(spec, desired).digest
    return Applied(plan, clock() - started, digest, held_prefixes(spec, before), notes)


def install_rules(firewall: Firewall, spec: SetSpec) -> None:
    """
    Put the MARK rules of the set in place, where they are not.

    Raises:
        KernelError: a set that they look at is not there yet.
    """
    live = firewall.read(spec)
    for family in spec.families:
        for name in rule_sets(spec, family):
            if name not in live.sets:
                raise KernelError(
                    f"the rule of set {spec.name} cannot be installed before {name} exists",
                    hint="proxyfeed apply",
                )
        wanted = wanted_rule(spec, family)
        strays = live.strays[family]
        _set_rule(firewall, spec.name, RulePlan(family, live.rules[family], wanted, strays))


def remove_rules(firewall: Firewall, spec: SetSpec) -> tuple[str, ...]:
    """
    Take every MARK rule of the set out, and return those that were there.
    """
    gone = []
    for family, present in (live := firewall.read(spec)).rules.items():
        strays = live.strays.get(family, ())
        _set_rule(firewall, spec.name, RulePlan(family, present, None, strays))
        gone += [*present, *strays]
    return tuple(gone)


def _carry_out(
    firewall: Firewall, spec: SetSpec, desired: PrefixSet, plan: Plan
) -> KernelError | Unequipped | None:
    """
    Write *plan* and read back. What goes wrong is returned: the caller has a second way.
    """
    try:
        _write(firewall, plan)
        left = make_plan(spec, desired, firewall.read(spec))
    except (KernelError, Unequipped) as exc:
        return exc
    if left.is_proven:
        return None
    return NotProven(f"set {spec.name} was written and reads back otherwise: {_open_ends(left)}")


def _make_anew(
    firewall: Firewall, spec: SetSpec, desired: PrefixSet
) -> KernelError | Unequipped | None:
    try:
        again = make_plan(spec, desired, firewall.read(spec), afresh=True)
    except (KernelError, Unequipped) as exc:
        return exc
    return _carry_out(firewall, spec, desired, again)


def _write(firewall: Firewall, plan: Plan) -> None:
    ruled = {planned.family for planned in plan.rules}
    retyped = [planned for planned in plan.sets if planned.action is Action.RETYPE]
    for planned in retyped:
        _retype(firewall, planned, plan.set_name if planned.family in ruled else None)
    left_over = set(plan.temporaries) - {temporary(planned.name) for planned in retyped}
    # What a rule looks at cannot be destroyed before the rule is changed.
    rules = [line for planned in plan.rules for line in planned.present]
    in_use = {name for name in left_over if any(looks_at(line, name) for line in rules)}
    _clean(firewall, left_over - in_use)
    aside = [planned for planned in plan.sets if planned.action in _ASIDE]
    for planned in aside:
        _fill(firewall, temporary(planned.name), planned)
    commit = list(commit_lines(plan.sets))
    if commit:
        firewall.ipset.restore(commit)
    for rule in plan.rules:
        _set_rule(firewall, plan.set_name, rule)
    _clean(firewall, [temporary(p.name) for p in aside if p.action is Action.REPLACE])
    _clean(firewall, in_use)
    _remove(firewall, [p.name for p in plan.sets if p.action is Action.REMOVE])


def _fill(firewall: Firewall, name: str, planned: SetPlan) -> None:
    """
    Make a set that nothing looks at yet, and prove it before anything does.
    """
    firewall.ipset.restore(fill_lines(name, planned))
    if firewall.ipset.read(name).members != planned.target:
        raise NotProven(f"{name} was filled and reads back otherwise")


def _retype(firewall: Firewall, planned: SetPlan, set_name: str | None) -> None:
    """
    Put a set of the right type in the place of one that has our name and the wrong type.

    The kernel swaps only what is alike, so the rule looks at the temporary set in the meantime,
    and no packet passes unmarked. A run that ended in between left the rule there: it is resumed.
    """
    aside = temporary(planned.name)
    names = firewall.ipset.names()
    if not _pointing(firewall, set_name, planned.family, aside):
        _clean(firewall, [name for name in names if name == aside])
        _fill(firewall, aside, planned)
    _repoint(firewall, set_name, planned.family, planned.name, aside)
    _clean(firewall, [name for name in names if name == planned.name])
    _fill(firewall, planned.name, planned)
    _repoint(firewall, set_name, planned.family, aside, planned.name)
    _clean(firewall, [aside])


def _pointing(
    firewall: Firewall, set_name: str | None, family: int, target: str
) -> tuple[str, ...]:
    if set_name is None:
        return ()
    return tuple(rule for rule in firewall.rules.read(set_name, family) if looks_at(rule, target))


def _repoint(firewall: Firewall, set_name: str | None, family: int, old: str, new: str) -> None:
    rules = _pointing(firewall, set_name, family, old)
    if rules:
        # Of several the last has had the last word on the mark.
        firewall.rules.change(family, rules, rules[-1].replace(f" {old} ", f" {new} "))


def _set_rule(firewall: Firewall, set_name: str, planned: RulePlan) -> None:
    # Read anew: mending a set of the wrong type has changed the rule on its way.
    present = firewall.rules.read(set_name, planned.family)
    if present != ((planned.wanted,) if planned.wanted else ()):
        firewall.rules.change(planned.family, present, planned.wanted)
    if planned.stray:
        firewall.rules.remove_strays(planned.family, planned.stray)


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
        _write(firewall, plan_return(plan, before, firewall.read(spec)))
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


def _remove(firewall: Firewall, names: Iterable[str]) -> None:
    """
    Destroy what is no longer served. What a rule of another hand looks at stays, with all after it,
    and `status` goes on naming it: that is no reason to keep new content out.
    """
    with suppress(CommandFailed):
        for name in names:
            firewall.ipset.destroy(name)


def _clean(firewall: Firewall, names: Iterable[str]) -> None:
    for name in sorted(names):
        firewall.ipset.destroy(name)


def _open_ends(plan: Plan) -> str:
    ends = [f"{p.name}: {p.why}" for p in plan.sets if p.action is not Action.NOTHING]
    ends += [f"the IPv{rule.family} rule" for rule in plan.rules if not rule.is_nothing]
    return "; ".join([*ends, *(f"{name} is left over" for name in plan.temporaries)])
