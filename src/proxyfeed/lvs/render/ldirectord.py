"""
``ldirectord.cf``, as ldirectord of Debian 12 reads it (resource-agents 4.12, 1.186-ha).

What it cannot do was found in its source and is an error here: it would do something else in
silence.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.errors import Inexpressible
from proxyfeed.lvs.lines import endpoint, netmask
from proxyfeed.lvs.render import words
from proxyfeed.lvs.render.sheet import Entry, Marked, Ordinary, Rendered, Sheet
from proxyfeed.model import Check, CheckKind, Forwarding
from proxyfeed.notation import BITS

_METHODS = {
    Forwarding.DIRECT: "gate",
    Forwarding.TUNNEL: "ipip",
    Forwarding.MASQUERADE: "masq",
}
# Behind it `ipvsadm -L -n` prints a negative mark, which ldirectord does not recognise: it would
# never take a server out.
_HIGHEST_MARK = 0x7FFFFFFF
_INSTEAD = "proxyfeed lvs render --format keepalived"


def render(sheet: Sheet) -> Rendered:
    """
    Render all of *sheet*.

    Raises:
        Inexpressible: ldirectord has no words for something in it.
    """
    every = _check_interval(sheet)
    for entry in sheet.entries:
        _refuse(entry)
    head = [*words.commented(_heading(sheet)), ""]
    return words.whole([*head, f"checkinterval = {every}", "quiescent = no"], sheet, _service)


def _heading(sheet: Sheet) -> Iterator[str]:
    yield from words.heading(sheet, "ldirectord")
    yield "- quiescent = no: a server that is out is taken out, and its clients move on"
    web = [one for one in sheet.entries if _is_web(one.check)]
    if any(one.service.family == 6 for one in web):
        yield "- libnet-inet6glue-perl: without it ldirectord ends at the first IPv6 check by HTTP"
    if web:
        yield "- ldirectord takes any 2xx for alive, and follows redirects"


def _check_interval(sheet: Sheet) -> int:
    """
    How often servers are asked: ldirectord has one answer for all services.
    """
    first: dict[int, str] = {}
    for spec, lvs in sheet.sides:
        if lvs.check.kind is not CheckKind.NONE:
            first.setdefault(int(lvs.check.every.total_seconds()), spec.name)
    if len(first) > 1:
        (one, name), (other, second) = list(first.items())[:2]
        raise Inexpressible(
            f"ldirectord asks all servers at one interval, and sets.{name}.lvs.check.every is "
            f"{one}s, sets.{second}.lvs.check.every {other}s",
            hint=f"write the same in both, or: {_INSTEAD}",
        )
    return next(iter(first), int(Check().every.total_seconds()))


def _refuse(entry: Entry) -> None:
    match entry:
        case Marked(spec=spec, service=service) if service.mark > _HIGHEST_MARK:
            raise Inexpressible(
                f"sets.{spec.name}.{'split' if spec.split else 'mark'}: ldirectord does not "
                f"recognise the mark {service.mark:#x} in the kernel, where it is negative",
                hint=f"take a mark up to {_HIGHEST_MARK:#x}, or: {_INSTEAD}",
            )
        case Ordinary(service=udp) if udp.protocol == "udp":
            if entry.check.kind is CheckKind.CONNECT:
                raise Inexpressible(
                    f"sets.{entry.sets[0]}.lvs.check: for {entry.name} ldirectord would ping the "
                    f"servers instead of connecting to port {entry.check.port}",
                    hint=f'write type = "http" or "none", or: {_INSTEAD}',
                )


def _service(entry: Entry) -> Iterator[str]:
    service = entry.service
    six = "6" if service.family == 6 else ""
    method = _METHODS[service.forwarding]
    if isinstance(entry, Marked):
        yield f"virtual{six} = {entry.service.mark}"
        lines = ["protocol = fwm"]
        if entry.service.granularity != BITS[service.family]:
            lines.append(f"netmask = {netmask(service.family, entry.service.granularity)}")
    else:
        place = endpoint(service.family, entry.service.address, entry.service.port)
        yield f"virtual{six} = {place}"
        lines = [f"protocol = {entry.service.protocol}"]
    lines += [f"scheduler = {service.scheduler}", f"persistent = {service.persistence}"]
    lines += [
        f"real{six} = {endpoint(one.server.family, one.server.address, one.port)} {method}"
        f" {one.weight}"
        for one in service.destinations
    ]
    if service.fallback:
        port = service.destinations[0].port
        place = endpoint(service.family, service.fallback.address, port)
        lines.append(f"fallback{six} = {place} {method}")
    yield from (f"    {line}" for line in (*lines, *_check(entry.check)))


def _check(check: Check) -> Iterator[str]:
    seconds = int(check.timeout.total_seconds())
    if check.kind is CheckKind.NONE:
        yield "checktype = on"
        return
    if check.kind is CheckKind.CONNECT:
        yield "checktype = connect"
        yield f"checkport = {check.port}"
        yield f"checktimeout = {seconds}"
        return
    yield "checktype = negotiate"
    yield f"service = {check.kind}"
    yield f"checkport = {check.port}"
    yield f"negotiatetimeout = {seconds}"
    yield f'request = "{check.path}"'
    if check.host:
        yield f'virtualhost = "{check.host}"'
    if check.expect:
        yield f'receive = "{words.literal(check.expect)}"'


def _is_web(check: Check) -> bool:
    return check.kind in (CheckKind.HTTP, CheckKind.HTTPS)
