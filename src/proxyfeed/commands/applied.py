"""
What was carried out in the kernel, as it is reported and as it is recorded.
"""

from __future__ import annotations

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.drift import layout_of
from proxyfeed.model import Application, Applied, Diff, SetReport, SetSpec
from proxyfeed.planning import served
from proxyfeed.prefixes import PrefixSet


def to_report(
    spec: SetSpec, content: PrefixSet, versions: tuple[int, ...], applied: Applied
) -> SetReport:
    """
    Report that *content*, of *versions*, is in the kernel now.
    """
    target = served(spec, content)
    return SetReport(
        set=spec.name,
        versions=versions,
        plan=applied.plan,
        change=Diff.between(applied.before, target),
        holds=target,
        seconds=applied.seconds,
        digest=applied.digest,
        notes=applied.notes,
    )


def to_application(
    doors: Doors, spec: SetSpec, versions: tuple[int, ...], applied: Applied, action: str
) -> Application:
    return Application(
        host=doors.host,
        set_name=spec.name,
        action=action,
        versions=versions,
        at=doors.now,
        by=doors.who,
        seconds=applied.seconds,
        digest=applied.digest,
        layout=layout_of(applied.plan),
        spec=spec,
    )
