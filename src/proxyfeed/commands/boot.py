"""
``boot``: what was confirmed last to an empty kernel, from the local database alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxyfeed.commands.apply import apply_sets
from proxyfeed.commands.desired import states_of
from proxyfeed.commands.doors import Doors, to_problem
from proxyfeed.commands.taking_back import take_back_at_boot
from proxyfeed.config import Config
from proxyfeed.converge import make_missing
from proxyfeed.errors import ProxyfeedError
from proxyfeed.firewall import Firewall
from proxyfeed.model import ApplyResult, FeedState, Outcome, Problem, SetReport, SetSpec


def boot(config: Config, doors: Doors) -> Outcome:
    """
    Fill every set with what was confirmed last, and install its rule. Needs no network, and tells
    nobody: there is none yet.
    """
    back, failed = take_back_at_boot(config, doors)
    decided = {report.set for report in back}
    specs = [spec for name, spec in config.sets.items() if name not in decided]
    states = states_of(doors, tuple({feed: None for spec in specs for feed in spec.feeds}))
    reports, problems = back, failed
    for spec in specs:
        # How far a newer cover spreads is for the nightly run to judge, by what is held then.
        is_newest = config.is_automatic and not spec.covering
        known = states if is_newest else _as_applied(doors, spec, states)
        applied, wrong = apply_sets(config, doors, [spec], known, "boot")
        reports, problems = (*reports, *applied), (*problems, *wrong)
    reports, more = _make_missing(config, doors.firewall, reports)
    warnings = tuple(f"set {one.set}: {note}" for one in reports for note in one.notes)
    return Outcome("boot", ApplyResult(reports), (*problems, *more), warnings)


def _as_applied(
    doors: Doors, spec: SetSpec, states: Mapping[str, FeedState]
) -> dict[str, FeedState]:
    """
    Where the feeds stood when the set was applied last: with ``apply = "manual"`` a newer version
    is for the operator to apply, and not for a boot.
    """
    last = doors.store.last_application(spec.name)
    versions = map(doors.store.version, last.versions if last else ())
    applied = {version.feed: version for version in versions}
    return {
        feed: replace(state, active=applied.get(feed, state.active))
        for feed, state in states.items()
    }


def boot_without_database(config: Config, firewall: Firewall, cause: ProxyfeedError) -> Outcome:
    """
    Make the sets that are not there, empty: a restore of saved rules that look at them must not
    fail as a whole. Nothing is marked by them until there is a database again.
    """
    sets = (SetReport(name, skipped="the database cannot be used") for name in config.sets)
    reports, more = _make_missing(config, firewall, tuple(sets))
    what = f"{cause.message}; no set was filled, and nobody behind a proxy farm is marked"
    lost = Problem(cause.code, cause.exit_code, what, f"{cause.hint}, then: proxyfeed update")
    warnings = tuple(f"set {one.set}: {note}" for one in reports for note in one.notes)
    return Outcome("boot", ApplyResult(reports), (lost, *more), warnings)


def _make_missing(
    config: Config, firewall: Firewall, reports: tuple[SetReport, ...]
) -> tuple[tuple[SetReport, ...], tuple[Problem, ...]]:
    """
    Make what is missing of the sets that were not filled; note what was made in their reports.
    """
    found: list[SetReport] = []
    problems: list[Problem] = []
    for report in reports:
        made: tuple[str, ...] = ()
        if report.set in config.sets and (report.failed or report.skipped):
            try:
                made = make_missing(firewall, config.sets[report.set])
            except ProxyfeedError as exc:
                problems.append(to_problem(exc, f"set {report.set}"))
        notes = (f"made empty, so that saved rules can be restored: {', '.join(made)}",)
        found.append(replace(report, notes=(*report.notes, *notes)) if made else report)
    return tuple(found), tuple(problems)
