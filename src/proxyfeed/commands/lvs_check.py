"""
``lvs check``: the way of a marked packet, from the set to the real servers, link by link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxyfeed.commands.desired import chosen_sets, states_of
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.lvs import sides
from proxyfeed.commands.status import set_status
from proxyfeed.config import Config
from proxyfeed.errors import KernelError, ProxyfeedError
from proxyfeed.lvs.addresses import addresses_of
from proxyfeed.lvs.findings import remarks_on_marks, remarks_on_ordinary
from proxyfeed.lvs.host import remarks_on_director, remarks_on_real_server
from proxyfeed.lvs.ipvs import Ipvs
from proxyfeed.lvs.services import fwmark_services, ordinary_services
from proxyfeed.lvs.sysctls import Sysctls
from proxyfeed.model import (
    CheckResult,
    Forwarding,
    Grade,
    LiveService,
    MarkWay,
    Outcome,
    Problem,
    Remark,
    SetSpec,
    SetStatus,
    Suspect,
)
from proxyfeed.report.words import addresses

# How many rules of others are named before the rest is counted.
_SHOWN = 3


def check(config: Config, doors: Doors, names: tuple[str, ...]) -> Outcome:
    """
    Look at the chain of the named sets, or of all, and change nothing.
    """
    remarks = list(chain_remarks(config, doors, chosen_sets(config, names)))
    return Outcome("lvs check", CheckResult(tuple(remarks)), problems_of(remarks))


def check_real_server(
    config: Config, ipvs: Ipvs, sysctls: Sysctls, names: tuple[str, ...]
) -> Outcome:
    """
    Look at this machine as one of the real servers of the named sets.
    """
    found = sides(config, names)
    ways = {lvs.forwarding for _, lvs in found}
    virtual = [
        one
        for spec, lvs in found
        # By nat the director writes the address of the real server into each packet.
        if lvs.forwarding is not Forwarding.MASQUERADE
        for one in spec.virtual
    ]
    try:
        here = addresses_of(ipvs.addresses())
    except ProxyfeedError as exc:
        remarks = [not_looked_at("real server", exc)]
    else:
        remarks = list(remarks_on_real_server(sysctls, ways, virtual, here))
    return Outcome("lvs check", CheckResult(tuple(remarks)), problems_of(remarks))


def chain_remarks(config: Config, doors: Doors, sets: Iterable[SetSpec]) -> Iterator[Remark]:
    """
    All that is to be said of *sets*, and of this machine as their director.
    """
    sets = tuple(sets)
    states = states_of(doors, tuple(config.feeds))
    known = {one.set_name: one for one in doors.store.confirmations.all()}
    for spec in sets:
        doors.progress(f"looking at set {spec.name}")
        found, problems = set_status(config, doors, spec, states, known.get(spec.name))
        yield from set_remarks(found, problems)
        yield from way_remarks(doors, spec)
    yield from service_remarks(config, doors, sets)


def set_remarks(found: SetStatus, problems: Iterable[Problem]) -> Iterator[Remark]:
    """
    The set and its rule: whether they are as they should be.
    """
    subject = f"set {found.set}"
    remarks = [to_remark(problem) for problem in problems]
    if found.note and not remarks:
        remarks.append(Remark(subject, Grade.WARNING, found.note, "proxyfeed status"))
    what = f"live equals desired: {addresses(found.desired)}"
    if found.plan and found.plan.rules:
        what += ", and the MARK rule stands"
    yield from remarks or [Remark(subject, Grade.OK, what)]


def way_remarks(doors: Doors, spec: SetSpec) -> Iterator[Remark]:
    """
    What the rules of others do to the packets that ours marks.
    """
    try:
        ways = doors.firewall.ways(spec)
    except ProxyfeedError as exc:
        yield not_looked_at(f"set {spec.name}", exc)
        return
    for way in ways:
        yield from _of_way(spec, way)


def service_remarks(config: Config, doors: Doors, sets: tuple[SetSpec, ...]) -> Iterator[Remark]:
    """
    The virtual services of those sets that have real servers, and the settings for them.
    """
    served = [spec for spec in sets if spec.name in config.lvs]
    for spec in sets:
        if spec not in served:
            what = f"what its mark leads to is not known: there is no [sets.{spec.name}.lvs]"
            yield Remark(f"set {spec.name}", Grade.NOTE, what)
    if not served:
        return
    try:
        table = doors.ipvs.read()
    except ProxyfeedError as exc:
        yield not_looked_at("virtual services", exc)
    else:
        for spec in served:
            yield from _of_services(config, spec, table)
    ways = {(config.lvs[spec.name].forwarding, one) for spec in served for one in spec.families}
    yield from remarks_on_director(doors.sysctls, ways)


def problems_of(remarks: Iterable[Remark]) -> tuple[Problem, ...]:
    """
    What is broken, as the exit code and the messages have it.
    """
    return tuple(
        Problem(one.code, one.exit_code, f"{one.subject}: {one.what}", one.hint, one.subject)
        for one in remarks
        if one.grade is Grade.BROKEN
    )


def to_remark(problem: Problem) -> Remark:
    what = problem.message.removeprefix(f"{problem.subject}: ")
    return Remark(
        problem.subject, Grade.BROKEN, what, problem.hint, problem.code, problem.exit_code
    )


def not_looked_at(subject: str, exc: ProxyfeedError) -> Remark:
    """
    What could not be looked at is broken until it can.
    """
    return Remark(subject, Grade.BROKEN, exc.message, exc.hint, exc.code, exc.exit_code)


def _of_services(config: Config, spec: SetSpec, table: tuple[LiveService, ...]) -> Iterator[Remark]:
    lvs = config.lvs[spec.name]
    yield from remarks_on_marks(spec.name, fwmark_services(spec, lvs), table)
    yield from remarks_on_ordinary(spec.name, ordinary_services(spec, lvs), table)


def _of_way(spec: SetSpec, way: MarkWay) -> Iterator[Remark]:
    subject, rule = f"set {spec.name}", f"the IPv{way.family} rule"
    if way.packets is not None:
        yield Remark(subject, Grade.NOTE, f"{rule} has marked {way.packets:,} packets so far")
    listing = _listing(way.family)
    words = (
        (way.shadowing, "sees no packet", "may miss packets", "before it stands"),
        (way.overwriting, "marks for nothing", "may have its mark undone", "after it comes"),
    )
    for suspects, surely, perhaps, where in words:
        for is_certain in (True, False):
            named = [one for one in suspects if one.is_certain is is_certain]
            if named:
                what = f"{rule} {surely if is_certain else perhaps}: {where} {_names(named)}"
                yield _graded(subject, what, listing, is_certain=is_certain)


def _graded(subject: str, what: str, hint: str, *, is_certain: bool) -> Remark:
    if not is_certain:
        return Remark(subject, Grade.WARNING, what, hint)
    return Remark(subject, Grade.BROKEN, what, hint, "chain", KernelError.exit_code)


def _names(suspects: list[Suspect]) -> str:
    shown = "; ".join(one.rule for one in suspects[:_SHOWN])
    more = len(suspects) - _SHOWN
    return f"{shown} (and {more} more)" if more > 0 else shown


def _listing(family: int) -> str:
    program = "ip6tables" if family == 6 else "iptables"
    return f"{program} -t mangle -S -v; nft --terse list ruleset"
