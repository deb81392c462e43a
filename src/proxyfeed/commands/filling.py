"""
The sets at the end of a night: which are filled, and which are left alone, and why.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from proxyfeed.commands.apply import apply_sets, look_at_set
from proxyfeed.commands.desired import desired
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.drift import describe_drift, layout_of
from proxyfeed.commands.judging import Judged
from proxyfeed.commands.undecided import left_alone, mend_reverted
from proxyfeed.config import Config
from proxyfeed.errors import ProxyfeedError
from proxyfeed.model import Confirmation, Draft, FeedState, Problem, SetReport, SetSpec, Status
from proxyfeed.planning import held_prefixes, make_plan, served

_UNHEALED = "another hand has changed it, and the configuration says heal = false"


def fill_sets(
    config: Config,
    doors: Doors,
    judged: Mapping[str, Judged],
    states: dict[str, FeedState],
    known: Collection[Confirmation],
    *,
    dry_run: bool,
    skip_apply: bool,
) -> tuple[tuple[SetReport, ...], tuple[Problem, ...]]:
    """
    Apply the sets that take one of the *judged* feeds, but for those that are *known* to wait for
    an operator's word.
    """
    touched = [spec for spec in config.sets.values() if set(spec.feeds) & set(judged)]
    if skip_apply or not config.is_automatic:
        reason = "--no-apply was given" if skip_apply else 'the configuration says apply = "manual"'
        return tuple(look_at_set(config, doors, spec, states, reason) for spec in touched), ()
    instead = _unrecorded(judged) if dry_run else {}
    if dry_run:
        # What is confirmed tonight comes back to life, should it have been dead.
        confirmed = [name for name, one in judged.items() if one.reading.outcome.confirms]
        states |= {name: replace(states[name], failing_gaps=()) for name in confirmed}
    unhealed = [
        spec.name
        for spec in touched
        if not config.heal and _has_drifted(config, doors, spec, states, instead)
    ]
    alone = left_alone(known)
    reasons = {**dict.fromkeys(unhealed, _UNHEALED), **alone}
    mended, lost = ((), ()) if dry_run else mend_reverted(config, doors, known, touched)
    done = {report.set for report in mended}
    looked_at = [
        look_at_set(config, doors, spec, states, reasons[spec.name])
        for spec in touched
        if spec.name in reasons and spec.name not in done
    ]
    open_sets = [spec for spec in touched if spec.name not in reasons]
    sets, failed = apply_sets(
        config, doors, open_sets, states, "update", dry_run=dry_run, instead=instead
    )
    problems = [_unhealed_problem(name) for name in unhealed if name not in alone]
    return (*mended, *looked_at, *sets), (*lost, *failed, *problems)


def _unrecorded(judged: Mapping[str, Judged]) -> dict[str, Draft]:
    """
    What a dry run would have accepted.
    """
    return {
        name: Draft(one.reading.content, one.reading.labels)
        for name, one in judged.items()
        if one.reading.status is Status.ACCEPTED and one.reading.content is not None
    }


def _has_drifted(
    config: Config,
    doors: Doors,
    spec: SetSpec,
    states: Mapping[str, FeedState],
    instead: Mapping[str, Draft],
) -> bool:
    """
    Whether the kernel differs from what is desired by nothing but what another hand has done.

    Where something new is to be applied it is, and a set that is gone altogether, as after a
    reboot, is filled again.
    """
    last = doors.store.last_application(spec.name)
    if last is None or spec != last.spec:
        return False
    try:
        live = doors.firewall.read(spec)
    except ProxyfeedError:
        return False  # applying it will say so
    held = held_prefixes(spec, live)
    if held.digest == last.digest and make_plan(spec, held, live).is_nothing:
        return False  # told without what is desired: a cover of 280,000 prefixes takes 2 s
    wanted = desired(config, doors, spec, states, instead)
    if served(spec, wanted.prefixes).digest != last.digest:
        return False
    plan = make_plan(spec, wanted.prefixes, live)
    drift = describe_drift(spec, last, plan, held)
    return bool(drift) and not plan.is_from_nothing and layout_of(plan) == last.layout


def _unhealed_problem(set_name: str) -> Problem:
    what = f"set {set_name}: live differs from desired: {_UNHEALED}"
    hint = f"proxyfeed diff, then: proxyfeed apply {set_name}"
    return Problem("drift", 5, what, hint, f"set {set_name}")
