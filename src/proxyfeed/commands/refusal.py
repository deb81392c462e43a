"""
When a set is not applied although there is something to apply.
"""

from __future__ import annotations

from proxyfeed.commands.desired import Desired
from proxyfeed.commands.doors import Doors
from proxyfeed.errors import KernelError
from proxyfeed.guard import judge_set
from proxyfeed.model import Application, SetSpec
from proxyfeed.planning import held_prefixes, served


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
            hint=how_to_mend(spec),
        )


def how_to_mend(spec: SetSpec) -> str:
    """
    What to do about a set that must not hold what it should.
    """
    first = "`max_prefixes`, " if spec.max_prefixes is not None else ""
    return (
        f"mend {first}`virtual`, `exclude` or `protect` of sets.{spec.name}, or: "
        "proxyfeed rollback VERSION"
    )


def refuse_loss(
    doors: Doors, spec: SetSpec, wanted: Desired, last: Application | None, action: str
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
