"""
When a set is not applied although there is something to apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from proxyfeed.commands.covering import covered
from proxyfeed.commands.desired import Desired
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.parts import part_of
from proxyfeed.config import Config
from proxyfeed.errors import KernelError
from proxyfeed.guard import exceeds, judge_set
from proxyfeed.marked import union
from proxyfeed.model import Application, Finding, SetSpec
from proxyfeed.planning import held_prefixes, served
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.report.words import percent


def refuse_absurd(spec: SetSpec, wanted: Desired) -> None:
    """
    Raises:
        KernelError: the set must not hold that, whatever version says so.
    """
    target = served(spec, wanted.prefixes)
    findings = judge_set(spec, target, may_be_empty=wanted.may_be_empty)
    if findings:
        raise KernelError(
            f"set {spec.name} is not applied: it {findings[0].what}",
            hint=how_to_mend(spec, target, findings[0]),
        )


def how_to_mend(spec: SetSpec, target: PrefixSet, finding: Finding) -> str:
    """
    What to do about a set that must not hold *target*, for what was found first.
    """
    if finding.rule == "too-many":
        return (
            f"set `max_prefixes = {len(target)}` or more in sets.{spec.name}, or smaller "
            "`widest_ipv4` and `widest_ipv6` of its feeds"
        )
    return (
        f"mend `virtual`, `exclude` or `protect` of sets.{spec.name}, or: "
        "proxyfeed rollback VERSION"
    )


def refuse_spread(
    config: Config,
    doors: Doors,
    spec: SetSpec,
    wanted: Desired,
    last: Application | None,
    action: str,
) -> None:
    """
    Refuse to widen a cover at night by more than its feeds may grow.

    A fixed number of prefixes frees one for each new address that lies far off, and merges others
    for it: with 8 such addresses beside AOL's list in 16 prefixes 60,036 became 186,504.

    Raises:
        KernelError: the kernel was left as it is. Only an operator's own command may do that.
    """
    target = served(spec, wanted.prefixes)
    if action != "update" or not wanted.cover or last is None or target.digest == last.digest:
        return
    live = before = held_prefixes(spec, doors.firewall.read(spec))
    if live.digest != last.digest:
        # After a reboot, or another hand.
        before = covered(config, spec, _listed_then(config, doors, last))
    added = target - wanted.listed - before
    growth = min(config.feeds[feed].limits.growth for feed in spec.feeds)
    way = "" if live else "proxyfeed boot, which fills it as it was, then: "
    for family in FAMILIES:
        more, held = added.family(family).addresses, before.family(family).addresses
        if exceeds(more, held, growth):
            raise KernelError(
                f"set {spec.name} is not applied: for {spec.covering} its cover would add "
                f"{more:,} IPv{family} addresses that no feed lists, more than `max_growth` "
                f"({percent(growth)}) of the {held:,} that were applied last; the kernel keeps "
                "what it has",
                hint=f"{way}proxyfeed diff, then: proxyfeed apply {spec.name}",
            )


def refuse_loss(
    config: Config,
    doors: Doors,
    spec: SetSpec,
    wanted: Desired,
    last: Application | None,
    action: str,
) -> None:
    """
    Refuse to take addresses out that leave because something is not known, and not because it
    changed: a feed of the set has no version yet, or the database is newer than the kernel's set.

    Only an operator's own ``apply`` may do the latter.

    Raises:
        KernelError: the kernel was left as it is.
    """
    is_unknown = last is None and action != "apply"
    if not wanted.missing and not is_unknown:
        return
    lost = held_prefixes(spec, doors.firewall.read(spec)) - wanted.prefixes
    if last and last.spec and last.spec.covering:
        lost &= _listed_then(config, doors, last)  # a cover may draw back from what it added
    if not lost:
        return
    if wanted.missing:
        feeds = ", ".join(wanted.missing)
        raise KernelError(
            f"set {spec.name} is not applied: {lost.addresses:,} addresses would leave, and "
            f"{feeds} has no accepted version yet",
            hint=f"proxyfeed update {' '.join(wanted.missing)}, or take it out of "
            f"sets.{spec.name}.feeds",
        )
    raise KernelError(
        f"set {spec.name} is not applied: the kernel holds it and this database never applied it; "
        f"{lost.addresses:,} addresses would leave",
        hint="proxyfeed diff, and if that is right: proxyfeed apply",
    )


def _listed_then(config: Config, doors: Doors, last: Application) -> PrefixSet:
    """
    What a set was given by its feeds when it was applied last: what waited to leave it included.
    """
    exclude = last.spec.exclude if last.spec else PrefixSet()
    return union(_given_then(config, replace(doors, now=last.at), last)) - exclude


def _given_then(config: Config, then: Doors, last: Application) -> Iterator[PrefixSet]:
    for version in map(then.store.version, last.versions):
        if version.feed in config.feeds:
            state = then.store.state(version.feed, then.now)
            state = replace(state, active=version, failing_gaps=())
            yield part_of(then, config.feeds[version.feed], state).prefixes
        else:
            yield then.store.content(version)
