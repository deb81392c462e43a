"""
Lines for ``ipvsadm --restore``, in the form that ``ipvsadm --save --numeric`` prints.

It takes empty lines and no comments (1.31: "Try `ipvsadm -h'", exit code 255), so they are notes.
Its exit code is that of the last line alone: a line in the middle may have failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.lvs.lines import endpoint, identity, server_line, service_line
from proxyfeed.lvs.render import words
from proxyfeed.lvs.render.sheet import Entry, Rendered, Sheet


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
        yield identity(entry.service)
        yield from (f"  {line}" for line in words.title(entry))


def _service(entry: Entry) -> Iterator[str]:
    service = entry.service
    yield service_line("-A", service)
    for one in service.destinations:
        place = endpoint(one.server.family, one.server.address, one.port)
        yield server_line("-a", service, place, one.weight)
