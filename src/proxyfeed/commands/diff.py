"""
``diff``: live against what ``apply`` would make of it, or one version against another.
"""

from __future__ import annotations

from dataclasses import replace

from proxyfeed.commands.apply import NO_VERSION
from proxyfeed.commands.covering import cover_warnings
from proxyfeed.commands.desired import desired, states_of
from proxyfeed.commands.doors import Doors, to_problem
from proxyfeed.commands.splitting import moved_labels
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake, ProxyfeedError
from proxyfeed.model import (
    Comparison,
    Diff,
    DiffResult,
    MovedLabel,
    Outcome,
    Problem,
    SetSpec,
    Version,
)
from proxyfeed.planning import held_prefixes, served
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report.words import relabelled_line


def diff(
    config: Config,
    doors: Doors,
    versions: tuple[int, ...],
    *,
    detail: str = "",
    exit_code: bool = False,
) -> Outcome:
    """
    With no version: what ``apply`` would change in the kernel, set by set. With one: what its
    becoming active would change. With two: from the first to the second.
    """
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    if not versions:
        comparisons, problems = _live(config, doors)
        warnings = cover_warnings(one.cover for one in comparisons)
    elif len(versions) == 1:
        comparisons = (_from_active(config, doors, versions[0]),)
    else:
        comparisons = (_between(config, doors, versions[0], versions[1]),)
    differs = exit_code and any(one.diff for one in comparisons)
    return Outcome("diff", DiffResult(comparisons, detail), problems, warnings, differs=differs)


def compare(old: str, new: str, before: PrefixSet, after: PrefixSet, note: str = "") -> Comparison:
    """
    Compare two contents in address space, and line by line besides.
    """
    old_lines, new_lines = tuple(before.lines()), tuple(after.lines())
    known, wanted = set(old_lines), set(new_lines)
    return Comparison(
        old=old,
        new=new,
        diff=Diff.between(before, after),
        entries_added=tuple(line for line in new_lines if line not in known),
        entries_removed=tuple(line for line in old_lines if line not in wanted),
        note=note,
    )


def _live(config: Config, doors: Doors) -> tuple[tuple[Comparison, ...], tuple[Problem, ...]]:
    states = states_of(doors, tuple(config.feeds))
    comparisons, problems = [], []
    for spec in config.sets.values():
        wanted = desired(config, doors, spec, states)
        try:
            live = held_prefixes(spec, doors.firewall.read(spec))
        except ProxyfeedError as exc:
            problems.append(to_problem(exc, f"set {spec.name}"))
            continue
        target = served(spec, wanted.prefixes) if wanted.is_known else live
        names = [f"version {number}" for number in wanted.versions]
        names += [f"{feed} has expired" for feed in wanted.expired]
        name = ", ".join(names) or NO_VERSION
        found = compare(f"live set {spec.name}", f"desired set {spec.name} ({name})", live, target)
        moved = moved_labels(_marks_applied(doors, spec), wanted.marks) if spec.split else ()
        comparisons.append(
            replace(found, waiting=wanted.waiting, moved=moved, set=spec.name, cover=wanted.cover)
        )
    return tuple(comparisons), tuple(problems)


def _marks_applied(doors: Doors, spec: SetSpec) -> dict[str, int]:
    """
    The mark of each label when the set was applied last; with no version, if all had expired.
    """
    last = doors.store.last_application(spec.name)
    versions = last.versions if last else ()
    return doors.store.allotments.read(spec.name, *versions) if versions else {}


def _from_active(config: Config, doors: Doors, number: int) -> Comparison:
    version = doors.store.version(number)
    active = doors.store.state(version.feed, doors.now).active
    content = doors.store.content(version)
    if active is None:
        found = compare("nothing", f"{version.feed} version {number}", PrefixSet(), content)
        return replace(found, feed=version.feed)
    note = _relabelled(doors, active, version)
    if active.id == number:
        note = f"version {number} is the active one; for what it changed: proxyfeed show {number}"
    found = compare(
        f"{version.feed} version {active.id} (active)",
        f"{version.feed} version {number} ({version.status})",
        doors.store.content(active),
        content,
        note,
    )
    return replace(found, moved=_moved(config, doors, active, version), feed=version.feed)


def _between(config: Config, doors: Doors, first: int, second: int) -> Comparison:
    old, new = doors.store.version(first), doors.store.version(second)
    if old.feed != new.feed:
        raise OperatorMistake(
            f"version {first} is of feed {old.feed} and version {second} of feed {new.feed}",
            hint="proxyfeed history",
        )
    found = compare(
        f"{old.feed} version {first} ({old.status})",
        f"{new.feed} version {second} ({new.status})",
        doors.store.content(old),
        doors.store.content(new),
        _relabelled(doors, old, new),
    )
    return replace(found, moved=_moved(config, doors, old, new), feed=new.feed)


def _moved(config: Config, doors: Doors, old: Version, new: Version) -> tuple[MovedLabel, ...]:
    """
    The labels that had another mark with one version than with the other.
    """
    moved: tuple[MovedLabel, ...] = ()
    for spec in config.sets.values():
        if spec.split and new.feed in spec.feeds:
            before, after = (doors.store.allotments.read(spec.name, one.id) for one in (old, new))
            moved += moved_labels(before, after)
    return moved


def _relabelled(doors: Doors, old: Version, new: Version) -> str:
    """
    Which labels hold other addresses, in words; "" where none does.
    """
    if old.labels_digest == new.labels_digest:
        return ""
    return relabelled_line(doors.store.labels(old).changed(doors.store.labels(new)))
