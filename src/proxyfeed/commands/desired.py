"""
What the database says that a set should hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proxyfeed.commands.doors import Doors
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import FeedState, SetSpec
from proxyfeed.prefixes import PrefixSet


@dataclass(frozen=True, slots=True)
class Desired:
    """
    *prefixes* is the union of the feeds' active *versions*, less what the set excludes; *missing*
    names the feeds that never had an accepted version.
    """

    prefixes: PrefixSet
    versions: tuple[int, ...]
    missing: tuple[str, ...]


def desired(
    doors: Doors,
    spec: SetSpec,
    states: Mapping[str, FeedState],
    instead: Mapping[str, PrefixSet] | None = None,
) -> Desired:
    """
    Compute the desired content of one set.

    *instead* gives contents that are not in the database: what a dry run would have accepted.
    """
    whole = PrefixSet()
    versions, missing = [], []
    for feed in spec.feeds:
        active = states[feed].active
        if instead and feed in instead and states[feed].pin is None:
            whole |= instead[feed]
        elif active is None:
            missing.append(feed)
        else:
            versions.append(active.id)
            whole |= doors.store.content(active)
    return Desired(whole - spec.exclude, tuple(versions), tuple(missing))


def chosen_sets(config: Config, names: tuple[str, ...]) -> tuple[SetSpec, ...]:
    """
    The sets that the operator named, or all of them.

    Raises:
        OperatorMistake: a name that no set has.
    """
    for name in names:
        if name not in config.sets:
            known = ", ".join(config.sets)
            raise OperatorMistake(f"there is no set {name!r}; known: {known}")
    return tuple(config.sets[name] for name in (dict.fromkeys(names) or config.sets))


def states_of(doors: Doors, feeds: tuple[str, ...]) -> dict[str, FeedState]:
    return {feed: doors.store.state(feed, doors.now) for feed in feeds}
