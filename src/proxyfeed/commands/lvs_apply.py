"""
``lvs apply``: the services of the marks in IPVS, as they are configured, and nothing else.
"""

from __future__ import annotations

from contextlib import suppress

from proxyfeed.commands.doors import Doors, to_problem
from proxyfeed.commands.lvs import sides
from proxyfeed.config import Config
from proxyfeed.errors import (
    KernelError,
    NotProven,
    OperatorMistake,
    ProxyfeedError,
    Unequipped,
)
from proxyfeed.lvs.changing import changes_of
from proxyfeed.lvs.processes import Daemon
from proxyfeed.lvs.render.sheet import Side
from proxyfeed.lvs.services import fwmark_services
from proxyfeed.model import LiveService, LvsApplyResult, Outcome, ServiceChange


def apply(
    config: Config,
    doors: Doors,
    names: tuple[str, ...],
    *,
    dry_run: bool = False,
    daemons: tuple[Daemon, ...] = (),
) -> Outcome:
    """
    Bring the services of the named sets, or of all that have real servers, to what they should be.

    *daemons* keep the same table, and would be worked against. Of what fails, the lines that were
    to be typed are reported all the same.
    """
    changes: tuple[ServiceChange, ...] = ()
    try:
        wanted = sides(config, names)
        changes = _changes(wanted, doors.ipvs.read())
        if not dry_run and any(change.lines for change in changes):
            _refuse_beside(daemons)
            _write(doors, changes)
            _prove(doors, wanted)
    except ProxyfeedError as exc:
        result = LvsApplyResult(changes, dry_run, is_proven=False)
        return Outcome("lvs apply", result, (to_problem(exc, "virtual services"),))
    changed = dict.fromkeys(change.set for change in changes if change.lines)
    warnings = tuple(
        f"set {name}: nobody checks its servers: one that dies stays in the service until you take "
        "it out; keepalived or ldirectord would (proxyfeed lvs render)"
        for name in changed
    )
    return Outcome("lvs apply", LvsApplyResult(changes, dry_run), warnings=warnings)


def _write(doors: Doors, changes: tuple[ServiceChange, ...]) -> None:
    for change in changes:
        if change.lines:
            doors.progress(f"writing mark {change.mark:#x}")
            # What fails is typed again when it is proven, and then says why.
            with suppress(KernelError, Unequipped):
                doors.ipvs.write(change.lines)


def _refuse_beside(daemons: tuple[Daemon, ...]) -> None:
    if daemons:
        named = ", ".join(f"{one.name} (process {one.pid})" for one in daemons)
        raise OperatorMistake(
            f"{named} keeps the virtual services here, and takes out the servers that are dead: "
            "lvs apply would put them in again; nothing was changed",
            hint="proxyfeed lvs render --format "
            f"{daemons[0].name}; where it keeps other services only: proxyfeed lvs apply --force",
        )


def _changes(wanted: tuple[Side, ...], table: tuple[LiveService, ...]) -> tuple[ServiceChange, ...]:
    return tuple(
        change
        for spec, lvs in wanted
        for change in changes_of(spec.name, fwmark_services(spec, lvs), table)
    )


def _prove(doors: Doors, wanted: tuple[Side, ...]) -> None:
    """
    Read back. What is left to do is typed line by line, so that ipvsadm says what is wrong with it.

    Raises:
        NotProven: it was written, and reads back otherwise.
        KernelError, Unequipped: it could not be read, or ipvsadm refused a line.
    """
    left = _left(doors, wanted)
    for change in left:
        for line in change.lines:
            doors.ipvs.type(line)
    left = _left(doors, wanted) if left else ()
    if left:
        one = left[0]
        raise NotProven(
            f"set {one.set}: the IPv{one.family} service of mark {one.mark:#x} was written and "
            f"reads back otherwise: ipvsadm {one.lines[0]} is still to be done",
            hint=f"ipvsadm --save --numeric, then: proxyfeed lvs check {one.set}",
        )


def _left(doors: Doors, wanted: tuple[Side, ...]) -> tuple[ServiceChange, ...]:
    return tuple(one for one in _changes(wanted, doors.ipvs.read()) if one.lines)
