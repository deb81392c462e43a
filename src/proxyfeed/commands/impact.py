"""
``diff --impact``: how many of those who are connected now a difference concerns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proxyfeed.commands.desired import states_of
from proxyfeed.commands.doors import Doors, to_problem
from proxyfeed.commands.parts import part_of
from proxyfeed.config import Config
from proxyfeed.errors import ProxyfeedError
from proxyfeed.lvs.impact import impact_on
from proxyfeed.model import Comparison, Connection, Diff, DiffResult, Impact, Outcome, SetSpec
from proxyfeed.planning import served
from proxyfeed.prefixes import PrefixSet

_SUBJECT = "the table of connections"
_UNCOUNTED = (
    "who stays in a set and changes its mark is not in the impact between two versions; for live "
    "against desired it is: proxyfeed diff --impact"
)
_UNCOVERED = (
    "what the cover of a set adds (max_prefixes, max_extra) is not in the impact between two "
    "versions; for live against desired it is: proxyfeed diff --impact"
)


def add_impact(config: Config, doors: Doors, outcome: Outcome) -> Outcome:
    """
    Add to what ``diff`` found whom it concerns.

    Where the table cannot be read, the difference stands alone, with that problem beside it.
    """
    result = outcome.result
    if not isinstance(result, DiffResult):
        return outcome
    try:
        connections = doors.ipvs.connections()
    except ProxyfeedError as exc:
        problem = to_problem(exc, _SUBJECT)
        what = f"the impact cannot be told, the difference is complete: {problem.message}"
        return replace(outcome, problems=(*outcome.problems, replace(problem, message=what)))
    comparisons = tuple(
        replace(one, impact=_impacts(config, doors, one, connections)) for one in result.comparisons
    )
    uncounted = any(one.feed and one.moved for one in comparisons)
    covering = {feed for spec in config.sets.values() if spec.covering for feed in spec.feeds}
    uncovered = any(one.feed in covering for one in comparisons)
    return replace(
        outcome,
        result=replace(result, comparisons=comparisons),
        warnings=(*outcome.warnings, *[_UNCOUNTED] * uncounted, *[_UNCOVERED] * uncovered),
    )


def _impacts(
    config: Config, doors: Doors, one: Comparison, connections: Iterable[Connection]
) -> tuple[Impact, ...]:
    if one.set:
        spec = config.sets[one.set]
        return (impact_on(spec, one.diff, connections),)
    return tuple(
        impact_on(spec, _felt(config, doors, spec, one), connections)
        for spec in config.sets.values()
        if one.feed in spec.feeds
    )


def _felt(config: Config, doors: Doors, spec: SetSpec, one: Comparison) -> Diff:
    """
    What of the difference between two versions of a feed the set would feel: not what another feed
    of it has too, nor what it leaves out.
    """
    others = tuple(feed for feed in spec.feeds if feed != one.feed)
    aside: PrefixSet = spec.exclude
    for feed, state in states_of(doors, others).items():
        aside |= part_of(doors, config.feeds[feed], state).prefixes
    return Diff(served(spec, one.diff.added - aside), served(spec, one.diff.removed - aside))
