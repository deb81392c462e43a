"""
What it takes to bring the service of each mark to what it should be. Pure.

Lines come in the order in which they must be carried out: what is new goes in before what is old
goes out, and a service is never taken away to be made again. Between the line that makes a service
and that of its first server its packets are refused, so both go to one ``ipvsadm --restore``.
Nothing is written but services of marks that are wanted, and their servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxyfeed.lvs.render.ipvsadm import netmask
from proxyfeed.lvs.table import FORWARDING, LONGEST, service_of
from proxyfeed.model import (
    Destination,
    Forwarding,
    FwmarkService,
    LiveServer,
    LiveService,
    ServiceChange,
)

_WAY = {way: word for word, way in FORWARDING.items()}


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
    yield f"-A {_identity(service)} {_settings(service)}"
    for one in service.destinations:
        yield _server_line("-a", service, one, f"{one.server.bracketed}:{one.port}")


def _lines(service: FwmarkService, live: LiveService) -> Iterator[str]:
    settings = (live.scheduler, live.persistence, live.granularity, live.odd)
    if settings != (service.scheduler, service.persistence, service.granularity, ()):
        yield f"-E {_identity(service)} {_settings(service)}"
    kept = {one.server.address: _present(one, live.servers) for one in service.destinations}
    for one in service.destinations:
        server = kept[one.server.address]
        if server is None:
            yield _server_line("-a", service, one, f"{one.server.bracketed}:{one.port}")
        elif not _is_same(one, service.forwarding, server):
            yield _server_line("-e", service, one, _endpoint(server))
    for server in live.servers:
        if server not in kept.values():
            yield f"-d {_identity(service)} -r {_endpoint(server)}"


def _present(wanted: Destination, servers: Iterable[LiveServer]) -> LiveServer | None:
    """
    The server as it is there already. In a service of a mark its port means nothing, and ldirectord
    writes one: whoever is bound to it is not torn away for that.
    """
    there = [one for one in servers if one.address == wanted.server.address]
    return min(there, key=lambda one: one.port != wanted.port, default=None)


def _is_same(wanted: Destination, forwarding: Forwarding, live: LiveServer) -> bool:
    return (live.weight, live.forwarding, live.odd) == (wanted.weight, forwarding, ())


def _identity(service: FwmarkService) -> str:
    return f"-f {service.mark}{' -6' if service.family == 6 else ''}"


def _settings(service: FwmarkService) -> str:
    words = f"-s {service.scheduler} -p {service.persistence}"
    if service.granularity == LONGEST[service.family]:
        return words
    return f"{words} -M {netmask(service.family, service.granularity)}"


def _server_line(verb: str, service: FwmarkService, one: Destination, endpoint: str) -> str:
    how = f"{_WAY[service.forwarding]} -w {one.weight}"
    return f"{verb} {_identity(service)} -r {endpoint} {how}"


def _endpoint(server: LiveServer) -> str:
    host = f"[{server.address}]" if server.family == 6 else server.address
    return f"{host}:{server.port}"
