"""
``keepalived.conf``: one block for each virtual service (keepalived.conf(5), 2.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.lvs.lines import netmask
from proxyfeed.lvs.render import words
from proxyfeed.lvs.render.sheet import Entry, Marked, Rendered, Sheet
from proxyfeed.model import Check, CheckKind, Destination, Forwarding

_METHODS = {Forwarding.DIRECT: "DR", Forwarding.TUNNEL: "TUN", Forwarding.MASQUERADE: "NAT"}
_STEP = "    "


def render(sheet: Sheet) -> Rendered:
    return words.whole(words.commented(_heading(sheet)), sheet, _service)


def _heading(sheet: Sheet) -> Iterator[str]:
    yield from words.heading(sheet, "keepalived")
    yield "- no inhibit_on_failure: a server that is out is taken out, and its clients move on"
    yield "- a server is out after two failures, the least that keepalived has (retry 1)"
    if any(lvs.check.kind in (CheckKind.HTTP, CheckKind.HTTPS) for _, lvs in sheet.sides):
        yield "- an answer to HTTP/1.0: the server closes the connection behind it"


def _service(entry: Entry) -> Iterator[str]:
    service, check = entry.service, entry.check
    # keepalived -t refuses a port and a protocol for the service of a mark.
    port = "" if isinstance(entry, Marked) else f" {entry.service.port}"
    yield f"virtual_server {_address(entry)} {{"
    if isinstance(entry, Marked):
        yield f"{_STEP}ip_family {'inet6' if service.family == 6 else 'inet'}"
    else:
        yield f"{_STEP}protocol {entry.service.protocol.upper()}"
    yield f"{_STEP}lvs_sched {service.scheduler}"
    yield f"{_STEP}lvs_method {_METHODS[service.forwarding]}"
    yield f"{_STEP}persistence_timeout {service.persistence}"
    if isinstance(entry, Marked):
        mask = netmask(service.family, entry.service.granularity)
        yield f"{_STEP}persistence_granularity {mask}"
    if check.kind is not CheckKind.NONE:
        yield f"{_STEP}delay_loop {check.every.total_seconds():g}"
        yield f"{_STEP}connect_timeout {check.timeout.total_seconds():g}"
        yield f"{_STEP}retry 1"
        yield f"{_STEP}delay_before_retry 1"
    if service.fallback:
        yield f"{_STEP}sorry_server {service.fallback.address}{port}"
    for one in service.destinations:
        yield from (_STEP + line for line in _server(one, port, check))
    yield "}"


def _address(entry: Entry) -> str:
    if isinstance(entry, Marked):
        return f"fwmark {entry.service.mark}"
    return f"{entry.service.address} {entry.service.port}"


def _server(one: Destination, port: str, check: Check) -> Iterator[str]:
    yield f"real_server {one.server.address}{port} {{"
    yield f"{_STEP}weight {one.weight}"
    yield from (_STEP + line for line in _check(check))
    yield "}"


def _check(check: Check) -> Iterator[str]:
    match check.kind:
        case CheckKind.CONNECT:
            yield "TCP_CHECK {"
            yield f"{_STEP}connect_port {check.port}"
            yield "}"
        case CheckKind.HTTP | CheckKind.HTTPS:
            yield "HTTP_GET {" if check.kind is CheckKind.HTTP else "SSL_GET {"
            yield f"{_STEP}connect_port {check.port}"
            if check.kind is CheckKind.HTTPS and check.host:
                yield f"{_STEP}enable_sni"
            yield from (_STEP + line for line in _url(check))
            yield "}"


def _url(check: Check) -> Iterator[str]:
    yield "url {"
    yield f"{_STEP}path {check.path}"
    if check.host:
        yield f"{_STEP}virtualhost {check.host}"
    yield f"{_STEP}status_code 200"
    if check.expect:
        yield f'{_STEP}regex "{words.literal(check.expect)}"'
    yield "}"
