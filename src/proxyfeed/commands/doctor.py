"""
``doctor``: everything between the page and the packet, and what to type where something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.exposure import exposed
from proxyfeed.commands.lvs_check import (
    not_looked_at,
    problems_of,
    service_remarks,
    set_remarks,
    to_remark,
    way_remarks,
)
from proxyfeed.commands.status import status
from proxyfeed.config import Config
from proxyfeed.errors import ProxyfeedError
from proxyfeed.firewall import Firewall
from proxyfeed.lvs.processes import Daemon
from proxyfeed.model import (
    Backend,
    DoctorResult,
    FeedStatus,
    Grade,
    Outcome,
    Problem,
    Remark,
    StatusResult,
)
from proxyfeed.redact import redact
from proxyfeed.report.lengths import lengths_words
from proxyfeed.report.words import version_addresses, when

_TOOLS = {Backend.IPSET: ("ipset", "iptables", "ip6tables"), Backend.NFTABLES: ("nft",)}
# Where `init` says to install what runs every night, and at boot.
_NIGHTLY = ("etc/cron.d/proxyfeed", "etc/systemd/system/proxyfeed.timer")
_AT_BOOT = ("etc/systemd/system/proxyfeed-boot.service", "etc/cron.d/proxyfeed")
Opening = Callable[[], AbstractContextManager[tuple[Config, Doors]]]


def doctor(
    config: Config,
    opening: Opening,
    firewall: Firewall,
    daemons: tuple[Daemon, ...] = (),
    root: Path = Path("/"),
) -> Outcome:
    """
    Look at everything and change nothing. *opening* gives the doors, if there is a database.
    """
    remarks = [*_of_configuration(config), *_of_tools(config, firewall)]
    try:
        with opening() as (_config, doors):
            remarks.append(Remark("database", Grade.OK, f"{redact(config.database)} is readable"))
            remarks += _of_standing(config, doors)
    except ProxyfeedError as exc:
        remarks.append(not_looked_at("database", exc))
    remarks += [*_of_health_checks(config, daemons), *_of_nights(root)]
    return Outcome("doctor", DoctorResult(tuple(remarks)), problems_of(remarks))


def _of_configuration(config: Config) -> Iterator[Remark]:
    yield Remark("configuration", Grade.OK, f"{config.origin}: no mistakes")
    for warning in exposed(config):
        yield Remark("configuration", Grade.WARNING, warning)
    if not config.alerts.to:
        what = "nobody is told when something goes wrong: [alerts] names no target"
        yield Remark("alerts", Grade.WARNING, what, 'write `to = ["..."]` in [alerts]')


def _of_tools(config: Config, firewall: Firewall) -> Iterator[Remark]:
    """
    The tools of those backends that some set has; ``ipvsadm`` speaks only where there is IPVS.
    """
    backends = dict.fromkeys(spec.backend for spec in config.sets.values())
    for tool in (tool for backend in backends for tool in _TOOLS[backend]):
        try:
            yield Remark("tools", Grade.OK, firewall.version(tool))
        except ProxyfeedError as exc:
            yield not_looked_at("tools", exc)


def _of_standing(config: Config, doors: Doors) -> Iterator[Remark]:
    """
    All that ``status`` knows, and after each set the way of its packets.
    """
    outcome = status(config, doors)
    result = cast(StatusResult, outcome.result)
    for feed in result.feeds:
        yield from _of_feed(feed, _about(outcome.problems, f"feed {feed.state.feed}"))
    for found in result.sets:
        yield from set_remarks(found, _about(outcome.problems, f"set {found.set}"))
        if found.desired and (found.cover is None or found.cover.is_reached):
            words = lengths_words(found.desired, config.sets[found.set].backend)
            yield Remark(f"set {found.set}", Grade.NOTE, f"prefix lengths: {words}")
        yield from way_remarks(doors, config.sets[found.set])
    known = {f"feed {one.state.feed}" for one in result.feeds}
    known |= {f"set {one.set}" for one in result.sets}
    yield from (to_remark(one) for one in outcome.problems if one.subject not in known)
    yield from service_remarks(config, doors, tuple(config.sets.values()))
    yield from _of_deliveries(config, result)


def _about(problems: Iterable[Problem], subject: str) -> list[Problem]:
    return [one for one in problems if one.subject == subject]


def _of_feed(feed: FeedStatus, problems: list[Problem]) -> Iterator[Remark]:
    subject = f"feed {feed.state.feed}"
    yield from map(to_remark, problems)
    if feed.state.pin:
        what = f"is pinned to version {feed.state.pin.version}, and follows upstream no more"
        yield Remark(subject, Grade.WARNING, what, f"proxyfeed release {feed.state.feed}")
    active, good = feed.state.active, feed.state.last_good
    if active and not problems:
        what = f"version {active.id}, {version_addresses(active)}"
        what += f", good fetch {when(good.at if good else None)}"
        yield Remark(subject, Grade.OK, what)


def _of_deliveries(config: Config, result: StatusResult) -> Iterator[Remark]:
    test = "proxyfeed alert test"
    for one in result.deliveries:
        if one.error:
            what = f"the last message to {one.target}, {when(one.at)}, failed: {one.error}"
            yield Remark("alerts", Grade.WARNING, what, test)
        else:
            what = f"the last message to {one.target}, {when(one.at)}, arrived"
            yield Remark("alerts", Grade.OK, what)
    if config.alerts.to and not result.deliveries:
        yield Remark("alerts", Grade.NOTE, "no message was sent yet", test)


def _of_health_checks(config: Config, daemons: tuple[Daemon, ...]) -> Iterator[Remark]:
    if not config.lvs:
        return
    for one in daemons:
        yield Remark("health checks", Grade.OK, f"{one.name} runs, as process {one.pid}")
    if not daemons:
        what = "neither keepalived nor ldirectord runs here: nobody takes a dead server out"
        hint = "proxyfeed lvs render --format keepalived"
        yield Remark("health checks", Grade.WARNING, what, hint)


def _of_nights(root: Path) -> Iterator[Remark]:
    for subject, paths, what in (
        ("every night", _NIGHTLY, "proxyfeed update"),
        ("at boot", _AT_BOOT, "proxyfeed boot"),
    ):
        there = [f"/{path}" for path in paths if _is_there(root / path)]
        if there:
            yield Remark(subject, Grade.OK, f"{there[0]} is installed")
        else:
            missing = " nor ".join(f"/{path}" for path in paths)
            said = f"neither {missing} is there: whether something else runs `{what}` is not known"
            yield Remark(subject, Grade.WARNING, said, "proxyfeed init")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
