"""
What it takes to bring the service of each mark to what it should be. Pure.

Lines come in the order in which they must be carried out: what is new goes in before what is old
goes out, and a service is never taken away to be made again. Between the line that makes a service
and that of its first server its packets are refused, so both go to one ``ipvsadm --restore``.
Nothing is written but services of marks that are wanted, and their servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxyfeed.lvs.lines import endpoint, identity, server_line, service_line
from proxyfeed.lvs.table import service_of
from proxyfeed.model import (
    Destination,
    Forwarding,
    FwmarkService,
    LiveServer,
    LiveService,
    ServiceChange,
)


def changes_of(
    set_name: str, wanted: Iterable[FwmarkService], table: Iterable[LiveService]
) -> tuple[ServiceChange, ...]:
    """
    One for each service, also where nothing is to be done.
    """
    table = tuple(table)
    changes = []
    for service in wanted:
        live = service_of(table, service.mark, service.family)
        lines = tuple(_new_lines(service) if live is None else _lines(service, live))
        why = "as it should be"
        if live is None:
            why = "there was none"
        elif lines:
            why = "it differed"
        changes.append(ServiceChange(set_name, service.mark, service.family, why, lines))
    return tuple(changes)


def _new_lines(service: FwmarkService) -> Iterator[str]:
    yield service_line("-A", service)
    for one in service.destinations:
        yield server_line("-a", service, _place(one), one.weight)


def _lines(service: FwmarkService, live: LiveService) -> Iterator[str]:
    settings = (live.scheduler, live.persistence, live.granularity, live.odd)
    if settings != (service.scheduler, service.persistence, service.granularity, ()):
        yield service_line("-E", service)
    kept = {one.server.address: _present(one, live.servers) for one in service.destinations}
    for one in service.destinations:
        server = kept[one.server.address]
        if server is None:
            yield server_line("-a", service, _place(one), one.weight)
        elif not _is_same(one, service.forwarding, server):
            place = endpoint(server.family, server.address, server.port)
            yield server_line("-e", service, place, one.weight)
    for server in live.servers:
        if server not in kept.values():
            place = endpoint(server.family, server.address, server.port)
            yield f"-d {identity(service)} -r {place}"


def _present(wanted: Destination, servers: Iterable[LiveServer]) -> LiveServer | None:
    """
    The server as it is there already. In a service of a mark its port means nothing, and ldirectord
    writes one: whoever is bound to it is not torn away for that.
    """
    there = [one for one in servers if one.address == wanted.server.address]
    return min(there, key=lambda one: one.port != wanted.port, default=None)


def _is_same(wanted: Destination, forwarding: Forwarding, live: LiveServer) -> bool:
    return (live.weight, live.forwarding, live.odd) == (wanted.weight, forwarding, ())


def _place(wanted: Destination) -> str:
    return endpoint(wanted.server.family, wanted.server.address, wanted.port)
