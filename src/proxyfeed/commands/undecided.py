"""
Sets on which somebody has still to decide: what becomes of them at night, and what ``status`` says
of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.drift import describe_drift
from proxyfeed.commands.taking_back import (
    Taken,
    reverted_problem,
    take_back,
    taken_back_event,
    what_happened,
)
from proxyfeed.config import Config
from proxyfeed.errors import ProxyfeedError
from proxyfeed.model import Confirmation, Event, Problem, SetReport, SetSpec, Stage
from proxyfeed.planning import held_prefixes, make_plan
from proxyfeed.report.words import when


def left_alone(known: Iterable[Confirmation]) -> dict[str, str]:
    """
    The sets to which the nightly update applies nothing new, and why.
    """
    return {
        one.set_name: f"the {one.action} by {one.by} waits for confirmation until {when(one.until)}"
        if one.stage is Stage.PENDING
        else f"{what_happened(one)}; to apply it all the same: proxyfeed apply {one.set_name}"
        for one in known
    }


def mend_reverted(
    config: Config, doors: Doors, known: Iterable[Confirmation], touched: Iterable[SetSpec]
) -> Taken:
    """
    Bring what was taken back of the *touched* sets into the kernel again, where it holds that no
    more: after a reboot, and if the configuration says `heal`, also after another hand.
    """
    reports: tuple[SetReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    names = {spec.name for spec in touched}
    for one in known:
        if one.stage is not Stage.REVERTED or one.set_name not in names:
            continue
        drift, is_gone = _changed_since(doors, one)
        if drift and (is_gone or config.heal):
            mended, failed = take_back(doors, one, stays_away=True)
            reports += tuple(replace(each, drift="" if failed else drift) for each in mended)
            problems += failed
    return reports, problems


def still_reverted(config: Config, known: Iterable[Confirmation]) -> list[Event]:
    """
    What is told again after a while, until somebody decides. On a set that is no longer configured
    nobody can.
    """
    return [
        taken_back_event(one)
        for one in known
        if one.stage is Stage.REVERTED and one.set_name in config.sets
    ]


def undecided_problem(doors: Doors, one: Confirmation | None) -> Problem | None:
    """
    What is wrong with a set that is on trial: nothing, as long as it is not overdue.
    """
    if one is None:
        return None
    subject = f"set {one.set_name}"
    if one.stage is Stage.REVERTED:
        drift, _ = _changed_since(doors, one)
        what = f"{subject}: {what_happened(one)}, and is no longer so: {drift}"
        lost = Problem("reverted", 5, what, "proxyfeed boot", subject)
        return lost if drift else reverted_problem(one)
    if not one.is_overdue(doors.uptime()):
        return None
    what = f"{subject}: the {one.action} by {one.by} was to be confirmed until {when(one.until)}"
    what += f", and its timer ({one.timer or 'none is known'}) has not taken it back"
    return Problem("overdue", 5, what, "proxyfeed revert", subject)


def _changed_since(doors: Doors, one: Confirmation) -> tuple[str, bool]:
    """
    What has become of a set since it was taken back, in words, "" for nothing; and whether it is
    gone altogether.
    """
    try:
        live = doors.firewall.read(one.spec)
    except ProxyfeedError:
        return "", False  # whoever looks at the set itself says so
    plan = make_plan(one.spec, one.content, live)
    last = doors.store.last_application(one.set_name)
    drift = describe_drift(one.spec, last, plan, held_prefixes(one.spec, live))
    return drift, plan.is_from_nothing
