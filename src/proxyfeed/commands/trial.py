"""
Commit-confirm: before anything is applied, the way back is recorded and its timer stands.

Wherever the program ends in between, either nothing was applied, or what was applied is pending:
then the timer takes it back, or the next command that applies or confirms, or the next boot.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.taking_back import pending, stop_idle_timers, take_back, to_trial
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import (
    Action,
    Application,
    Confirmation,
    Pin,
    Plan,
    Problem,
    SetReport,
    SetSpec,
    Stage,
    Trial,
)
from proxyfeed.planning import held_prefixes, make_plan
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report.words import when


def refuse_pending(doors: Doors, specs: Iterable[SetSpec]) -> None:
    """
    Raises:
        OperatorMistake: what was done to one of the sets last is not decided on yet.
    """
    names = {spec.name for spec in specs}
    for one in pending(doors):
        if one.set_name in names:
            raise OperatorMistake(
                f"set {one.set_name}: the {one.action} by {one.by} waits for confirmation until "
                f"{when(one.until)}; nothing was changed",
                hint="proxyfeed confirm, or: proxyfeed revert",
            )


def begin(
    doors: Doors,
    specs: Sequence[SetSpec],
    action: str,
    within: timedelta,
    *,
    feed: str | None = None,
    pin: Pin | None = None,
) -> tuple[Confirmation, ...]:
    """
    Record what the kernel holds of the sets, and start what brings it back. Of a rollback, *feed*
    is what is pinned, and *pin* what it gets back.

    Raises:
        OperatorMistake: there is nothing to go back to.
        TimerFailed: nothing would bring it back, so nothing may be applied.
    """
    names = [spec.name for spec in specs]
    known = {one.set_name: one for one in doors.store.confirmations.all()}
    token, due = os.urandom(4).hex(), doors.uptime().after(within.total_seconds())
    ways_back = []
    for spec in specs:
        last = _last_application(doors, spec)
        old = last.spec or spec
        ways_back.append(
            Confirmation(
                host=doors.host,
                set_name=spec.name,
                token=token,
                action=action,
                stage=Stage.PENDING,
                at=doors.now,
                until=doors.now + within,
                due=due,
                by=doors.who,
                versions=last.versions,
                content=_held(doors, old, last),
                spec=old,
                feed=feed,
                pin=pin,
                was_reverted=spec.name in known,
            )
        )
    doors.store.confirmations.replace(names, ways_back)
    try:
        timer = doors.timer.start(token)
        doors.store.confirmations.note_timer(token, timer)
    except BaseException:
        before = [known[name] for name in names if name in known]
        doors.store.confirmations.replace(names, before)
        raise
    return tuple(replace(one, timer=timer) for one in ways_back)


def settle(
    doors: Doors, begun: Sequence[Confirmation], reports: Iterable[SetReport]
) -> tuple[tuple[Trial, ...], tuple[Problem, ...]]:
    """
    Forget the way back of what an operator has decided by applying it, or what came to nothing;
    return what waits, and what else went wrong.

    A set that was not applied holds what it held, or is brought back to it. What a rollback does,
    it does to all of its sets or to none: they have one pin.
    """
    plans = {report.set: report.plan for report in reports}
    failed = [one for one in begun if plans.get(one.set_name) is None]
    if any(one.feed for one in failed):
        failed = list(begun)
    problems: list[Problem] = []
    for one in failed:
        problems += take_back(doors, one, stays_away=False)[1]
    waits = {one.set_name for one in begun if one.feed or not _is_nothing(plans.get(one.set_name))}
    known = {one.set_name for one in doors.store.confirmations.all()} - waits
    decided = [name for name, plan in plans.items() if plan and name in known]
    if decided:
        doors.store.confirmations.forget(decided)
    tokens = {one.token for one in begun}
    waiting = [one for one in pending(doors) if one.token in tokens]
    stop_idle_timers(doors, begun)
    return tuple(to_trial(doors, one) for one in waiting), tuple(problems)


def _is_nothing(plan: Plan | None) -> bool:
    return plan is not None and plan.is_nothing


def _last_application(doors: Doors, spec: SetSpec) -> Application:
    last = doors.store.last_application(spec.name)
    if last is None:
        raise OperatorMistake(
            f"set {spec.name} was never applied on this host, so there is nothing that could be "
            "brought back; nothing was changed",
            hint=f"without --confirm-within: proxyfeed apply {spec.name}",
        )
    return last


def _held(doors: Doors, spec: SetSpec, last: Application) -> PrefixSet:
    """
    What the kernel holds of a set, provided that all of what was applied is there: after a reboot
    nothing is, and nothing is not what anybody has confirmed. What was applied before schema 0003
    is known to have been applied by *spec* only if the kernel has all as that says.
    """
    live = doors.firewall.read(spec)
    held = held_prefixes(spec, live)
    plan = make_plan(spec, held, live)
    missing = [
        one.name
        for one in plan.sets
        # A name may have spaces in it: "inet proxyfeed_aol addresses_4".
        if one.action is Action.CREATE and f" {one.name} " in f" {last.layout} "
    ]
    if missing:
        raise OperatorMistake(
            f"the kernel does not hold {', '.join(missing)}, as after a reboot, so there "
            "is nothing that could be brought back; nothing was changed",
            hint=f"without --confirm-within: proxyfeed apply {spec.name}",
        )
    if last.spec is None and not plan.is_nothing:
        raise OperatorMistake(
            f"set {spec.name} was last applied by an earlier proxyfeed, which did not record by "
            "what, and the kernel has it otherwise than it is configured now, so there is nothing "
            "that could be brought back; nothing was changed",
            hint=f"without --confirm-within: proxyfeed apply {spec.name}",
        )
    return held
