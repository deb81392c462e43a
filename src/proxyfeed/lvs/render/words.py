"""
What the rendered configurations say to people: what each service is, and what is needed around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from proxyfeed.lvs.render.sheet import Entry, Marked, Rendered, Sheet
from proxyfeed.model import CheckKind, Forwarding

_ALL_BITS = 0xFFFFFFFF
_AROUND = {
    Forwarding.DIRECT: (
        "direct routing: the virtual addresses are on the director and on lo of each real server,",
        "  which has sysctl net.ipv4.conf.all.arp_ignore=1 and net.ipv4.conf.all.arp_announce=2",
        "  and answers on the port that the client asked for",
    ),
    Forwarding.TUNNEL: (
        "tunnels: the virtual addresses are on the director and on the tunnel (tunl0, ip6tnl0) of",
        "  each real server, which has rp_filter=0 there and answers on the port of the client",
    ),
    Forwarding.MASQUERADE: (
        "masquerading: the director has sysctl net.ipv4.ip_forward=1 (IPv6:",
        "  net.ipv6.conf.all.forwarding=1) and is the default gateway of the real servers",
    ),
}


def heading(sheet: Sheet, form: str) -> Iterator[str]:
    """
    What it is, whose it is, and what it expects around it.
    """
    names = ", ".join(spec.name for spec, _ in sheet.sides)
    word = "sets" if len(sheet.sides) > 1 else "set"
    yield f"The virtual services of {word} {names}, made by: proxyfeed lvs render --format {form}"
    yield "To change them, change the configuration of proxyfeed and render it again."
    yield ""
    yield "Around them it takes:"
    for spec, _ in sheet.sides:
        if spec.install_rule:
            yield f"- the marks of set {spec.name}: proxyfeed update keeps its ranges and its rule"
        else:
            yield f"- the marks of set {spec.name}: the rule is yours, proxyfeed keeps its ranges"
    yield "- sysctl net.ipv4.vs.expire_nodest_conn=1: connections end with the server they are on"
    yield "- sysctl net.ipv4.vs.expire_quiescent_template=1: clients leave a server of weight 0"
    for forwarding in dict.fromkeys(lvs.forwarding for _, lvs in sheet.sides):
        first, *rest = _AROUND[forwarding]
        yield f"- {first}"
        yield from rest


def title(entry: Entry) -> Iterator[str]:
    """
    What one service is for.
    """
    if not isinstance(entry, Marked):
        yield f"everybody else at {entry.name} (set {', '.join(entry.sets)})"
        return
    spec, service = entry.spec, entry.service
    yield f"set {spec.name}, mark {service.mark}, IPv{service.family}: {_sharing(entry)}"
    if spec.split:
        order = ", then ".join(one.server.address for one in service.destinations)
        yield f"at home on {order}"
    if spec.mask != _ALL_BITS:
        yield (
            f"the rule sets the bits {spec.mask:#x} alone, and IPVS compares all 32: a packet that "
            "has others is not met here"
        )


def unwatched(sheet: Sheet) -> Iterator[str]:
    """
    What a table alone leaves undone.
    """
    yield "Nothing looks whether a server is alive, and this is the table while all are."
    checks = [spec.name for spec, lvs in sheet.sides if lvs.check.kind is not CheckKind.NONE]
    if checks:
        yield f"Not in it, since it takes keepalived or ldirectord: check of {', '.join(checks)}"
    for spec, lvs in sheet.sides:
        for server in lvs.fallback:
            yield f"Not in it, for the same reason: fallback {server.address} of {spec.name}"


def whole(head: Iterable[str], sheet: Sheet, service: Callable[[Entry], Iterator[str]]) -> Rendered:
    """
    A file that takes comments: what stands at its *head*, and each service behind its title.
    """
    lines = list(head)
    for entry in sheet.entries:
        lines += ["", *commented(title(entry)), *service(entry)]
    return Rendered("".join(f"{line}\n" for line in lines))


def commented(lines: Iterator[str]) -> Iterator[str]:
    yield from (f"# {line}".rstrip() for line in lines)


def literal(text: str) -> str:
    """
    *text* as a regular expression that finds just that; its alphabet is that of ``check.expect``.
    """
    return text.replace(".", "[.]")


def _sharing(entry: Marked) -> str:
    if entry.service.granularity <= 1:
        return "one template for all its clients, so one server at a time"
    return "each client has a template of its own"
