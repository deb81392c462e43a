"""
Lines for ``ipvsadm --restore``, in the form that ``ipvsadm --save --numeric`` prints.

It takes empty lines and no comments (1.31: "Try `ipvsadm -h'", exit code 255), so they are notes.
Its exit code is that of the last line alone: a line in the middle may have failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.lvs.render import words
from proxyfeed.lvs.render.sheet import Entry, Marked, Rendered, Sheet
from proxyfeed.model import Forwarding

LONGEST = {4: 32, 6: 128}
_FLAGS = {Forwarding.DIRECT: "-g", Forwarding.TUNNEL: "-i", Forwarding.MASQUERADE: "-m"}


def render(sheet: Sheet) -> Rendered:
    """
    Render the table while all servers are alive: there is nothing in it that would find out.
    """
    services = ("".join(f"{line}\n" for line in _service(one)) for one in sheet.entries)
    return Rendered("\n".join(services), tuple(words.commented(_notes(sheet))))


def _notes(sheet: Sheet) -> Iterator[str]:
    yield from words.heading(sheet, "ipvsadm")
    yield ""
    yield from words.unwatched(sheet)
    yield "Load it into an empty table; afterwards, proxyfeed lvs check tells what is there."
    for entry in sheet.entries:
        yield ""
        yield address(entry)
        yield from (f"  {line}" for line in words.title(entry))


def address(entry: Entry) -> str:
    """
    What names a service to ipvsadm: ``-f 1``, ``-f 1 -6``, ``-t 192.0.2.80:80``.
    """
    if isinstance(entry, Marked):
        # -6 is taken behind the mark, not before it.
        return f"-f {entry.service.mark}{' -6' if entry.service.family == 6 else ''}"
    flag = {"tcp": "-t", "udp": "-u"}[entry.service.protocol]
    return f"{flag} {str(entry.name).removesuffix('/udp')}"


def netmask(family: int, length: int) -> str:
    """
    A prefix length as IPVS tools take it: a dotted quad for IPv4, a number for IPv6.
    """
    if family == 6:
        return str(length)
    mask = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
    return ".".join(str(mask >> shift & 0xFF) for shift in (24, 16, 8, 0))


def _service(entry: Entry) -> Iterator[str]:
    service, name = entry.service, address(entry)
    mask = ""
    # The longest is its default, which it does not print.
    if isinstance(entry, Marked) and entry.service.granularity != LONGEST[service.family]:
        mask = f" -M {netmask(service.family, entry.service.granularity)}"
    yield f"-A {name} -s {service.scheduler} -p {service.persistence}{mask}"
    for one in service.destinations:
        place = words.port_of(one.server, one.port)
        yield f"-a {name} -r {place} {_FLAGS[service.forwarding]} -w {one.weight}"
