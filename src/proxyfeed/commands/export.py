"""
``export``: a version or a set as a list for another program, printed or kept in a file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from proxyfeed.commands.apply import remember_marks
from proxyfeed.commands.desired import Desired, chosen_sets, desired, states_of
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.refusal import how_to_mend
from proxyfeed.config import Config
from proxyfeed.errors import BadPrefix, ExportFailed, GuardError, OperatorMistake
from proxyfeed.exports import Exported, Part, known, read, revalued, write
from proxyfeed.guard import judge_set
from proxyfeed.marked import union
from proxyfeed.model import Diff, ExportResult, Outcome, Problem, Status, Version, Writing
from proxyfeed.planning import served
from proxyfeed.replacing import Replaced


@dataclass(frozen=True, slots=True)
class Source:
    """
    What is exported: the version of that *number*, or the *set* of that name.
    """

    number: int = 0
    set: str = ""


def export(config: Config, doors: Doors, source: Source, form: str) -> str:
    """
    Print a version, or what a set should hold, in one of `proxyfeed.exports.FORMATS`.

    Raises:
        ExportFailed: nothing is known of what the set should hold.
    """
    known(form)
    if source.set:
        return write(_of_set(config, doors, source.set)[0], form)
    return write(_of_version(doors, doors.store.version(source.number)), form)


def export_to_file(
    config: Config,
    doors: Doors,
    source: Source,
    form: str,
    path: Path,
    *,
    dry_run: bool = False,
    will_reload: bool = False,
) -> Outcome:
    """
    Make the file at *path* hold that list, and leave it alone where it does already.

    Raises:
        ExportFailed: the list is not such that a file may be replaced by it.
        OperatorMistake: what is there is none that ``export`` wrote in that format.
    """
    known(form)
    wanted, of_set = _believed(config, doors, source)
    file = Replaced(path)
    content = write(wanted, form).encode("ascii")
    found = file.read()
    before = _read_back(path, found, form)
    change = Diff.between(union(part for _, part in before), wanted.content)
    if of_set and of_set.missing and change.removed:
        raise _loss(path, change, of_set.missing)
    if of_set and not dry_run:
        # Where nothing is applied, the users of a label keep their mark all the same.
        remember_marks(doors, config.sets[source.set], of_set)
    is_same = found == content
    writing = Writing.UNCHANGED if is_same else Writing.WOULD_WRITE
    if not is_same and not dry_run:
        file.write(content, will_reload=will_reload)
        writing = Writing.WRITTEN
    needs_reload = will_reload and (not is_same or file.waits_for_reload)
    result = ExportResult(
        wanted.subject,
        form,
        str(path),
        writing,
        len(wanted.content),
        change,
        revalued(before, wanted.parts),
        needs_reload=needs_reload,
    )
    return Outcome("export", result)


def note_reload(result: ExportResult, wrong: str) -> Outcome:
    """
    Note whether the program that reads the file was told; *wrong* is what the command failed of,
    "" if it did not.

    After a failure the new file stays. It is good, and the program goes on with the list that it
    read before. The former content stays beside it, and as long as it does, the next run tries the
    command again.
    """
    file = Replaced(Path(result.path))
    if not wrong:
        file.reloaded()
        return Outcome("export", replace(result, needs_reload=False, reloaded=True))
    what = (
        f"{file.path} holds the new list, and the reload command failed: {wrong}\n"
        "  what reads the file goes on with the list that it read before; the next run tries again"
    )
    hint = "the command by hand"
    if file.has_former:
        hint += f"; back to the former list: mv {file.former} {file.path}"
    problem = Problem(ExportFailed.code, ExportFailed.exit_code, what, hint, result.subject)
    return Outcome("export", result, (problem,))


def _believed(config: Config, doors: Doors, source: Source) -> tuple[Exported, Desired | None]:
    """
    What may replace a file that another program goes by, and what it is of, if it is a set.
    """
    if source.set:
        return _of_set(config, doors, source.set)
    version = doors.store.version(source.number)
    if version.status is not Status.ACCEPTED:
        raise GuardError(
            f"version {version.id} is {version.status}, and only an accepted one replaces a file; "
            "the file is as it was",
            hint=f"proxyfeed diff {version.id}",
        )
    exported = _of_version(doors, version)
    feed = config.feeds.get(version.feed)
    if not exported.content and not (feed and feed.limits.may_be_empty):
        raise _empty(f"version {version.id}")
    return exported, None


def _of_version(doors: Doors, version: Version) -> Exported:
    content = doors.store.content(version)
    return Exported(f"feed {version.feed}", version.feed, content)


def _of_set(config: Config, doors: Doors, name: str) -> tuple[Exported, Desired]:
    """
    What the set should hold, judged as it is before it goes into the kernel.
    """
    (spec,) = chosen_sets(config, (name,))
    wanted = desired(config, doors, spec, states_of(doors, spec.feeds))
    subject = f"set {name}"
    if not wanted.is_known:
        raise ExportFailed(
            f"{subject} is not exported: its feeds have no accepted version yet",
            hint="proxyfeed update",
        )
    target = served(spec, wanted.prefixes)
    if not target and not wanted.may_be_empty:
        raise _empty(subject)
    if findings := judge_set(spec, target, may_be_empty=wanted.may_be_empty):
        what = f"{subject} is not exported: it {findings[0].what}"
        raise ExportFailed(what, hint=how_to_mend(spec, target, findings[0]))
    return Exported(subject, name, target), wanted


def _empty(subject: str) -> ExportFailed:
    return ExportFailed(
        f"{subject} is not exported: it holds no address, and its feeds may not be empty",
        hint="proxyfeed status",
    )


def _loss(path: Path, change: Diff, missing: tuple[str, ...]) -> ExportFailed:
    feeds = " ".join(missing)
    return ExportFailed(
        f"{path} is left as it is: {change.removed.addresses:,} addresses would leave, and "
        f"{feeds} has no accepted version yet",
        hint=f"proxyfeed update {feeds}",
    )


def _read_back(path: Path, found: bytes | None, form: str) -> tuple[Part, ...]:
    try:
        return read((found or b"").decode("ascii"), form)
    except (BadPrefix, UnicodeDecodeError) as exc:
        why = exc.message if isinstance(exc, BadPrefix) else "it is no ASCII text"
        raise OperatorMistake(
            f"{path} is left as it is: it is no list of format {form} ({why})",
            hint=f"another --output, or: mv {path} {path}.old",
        ) from exc
