"""
``[sets.NAME.lvs]``: the real servers that the marks of a set lead to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from proxyfeed.errors import BadPrefix
from proxyfeed.model import Check, CheckKind, Forwarding, LvsSpec, RealServer, SetSpec
from proxyfeed.notation import number_to_text, read_address
from proxyfeed.table import Table, at_least_one, duration, flag, one_of, text, texts, whole

_SERVER = re.compile(r"(?P<address>[0-9A-Fa-f.:]+)(?: +weight +(?P<weight>[0-9]{1,5}))?")
# Those of Linux 6.1, by their names in ipvsadm(8).
_SCHEDULER = re.compile("rr|wrr|lc|wlc|lblc|lblcr|dh|sh|sed|nq|fo|ovf|mh")
_EXAMPLE = "wlc, wrr or mh: one that ipvsadm(8) names"
_MOST_WEIGHT = 65_535
# Free text that goes into a configuration of another program stays free of what means something
# there: # and ! begin comments, $ is replaced, and in a regular expression only the dot is special.
_PATH = re.compile(r"/[A-Za-z0-9/._~%?&=+,:;@-]*")
_HOST = re.compile(r"[A-Za-z0-9.:-]*")
_EXPECT = re.compile(r"[A-Za-z0-9 ._:/<>=-]*")


def read_lvs(table: Table, spec: SetSpec) -> LvsSpec:
    """
    Read the LVS side of *spec*; what is mistaken is noted in *table*.
    """
    usual = LvsSpec(servers=())
    if not table.has("servers"):
        table.mistake("servers", "is missing: at least one real server")
    servers: tuple[RealServer, ...] = table.take("servers", _servers, ())
    lvs = LvsSpec(
        servers=servers,
        scheduler=table.take("scheduler", _matching(_SCHEDULER, _EXAMPLE), usual.scheduler),
        persistence=table.take("persistence", _persistence, usual.persistence),
        forwarding=Forwarding(table.take("forwarding", one_of(*Forwarding), "dr")),
        is_together=table.take("together", flag, True),
        marked=table.take("marked", _some_of(servers), ()),
        fallback=table.take("fallback", _fallback, ()),
        check=_read_check(table.table("check"), spec),
    )
    if servers:
        _match_families(table, spec, lvs)
    _check_fallback(table, lvs)
    if spec.split and not lvs.is_together:
        table.mistake("together", "must be true with split: a mark has one server at a time")
    if spec.split and table.has("scheduler"):
        table.mistake("scheduler", "is fo with split, which gives each mark a server of its own")
    table.close()
    return lvs


def _check_fallback(table: Table, lvs: LvsSpec) -> None:
    """
    Note a fallback that would never take over, or be the very server that has failed.
    """
    taken = {server.address for server in lvs.marked or lvs.servers}
    for server in lvs.fallback:
        if server.address in taken:
            table.mistake("fallback", f"has {server.address}, to which the mark leads anyway")
    if lvs.fallback and lvs.check.kind is CheckKind.NONE:
        table.mistake("fallback", 'is never used with check.type = "none"')


def _match_families(table: Table, spec: SetSpec, lvs: LvsSpec) -> None:
    """
    Note a family that is marked and has no server, or the other way round.
    """
    families = {server.family for server in lvs.servers}
    for family in sorted(set(spec.families) - families):
        table.mistake(
            "servers",
            f"has none of IPv{family}, whose packets are marked; with families = [...] in "
            f"sets.{spec.name} they are not",
        )
    for family in sorted(families - set(spec.families)):
        table.mistake("servers", f"has one of IPv{family}, whose packets are not marked")
    led_to = {server.family for server in lvs.marked or lvs.servers}
    for family in sorted(set(spec.families) & families - led_to):
        table.mistake("marked", f"has none of IPv{family}, whose packets are marked")
    for server in lvs.fallback:
        if server.family not in spec.families:
            table.mistake("fallback", f"has one of IPv{server.family}, which is not marked")


def _servers(value: object) -> tuple[RealServer, ...]:
    """
    Read ``["192.0.2.11", "192.0.2.12 weight 2", "2001:db8::11"]``.
    """
    found = tuple(_server(row) for row in at_least_one(value))
    known = set()
    for server in found:
        if server.address in known:
            raise ValueError(f"names {server.address} twice")
        known.add(server.address)
    return found


def _some_of(servers: tuple[RealServer, ...]) -> Callable[[object], tuple[RealServer, ...]]:
    known = {server.address: server for server in servers}

    def read(value: object) -> tuple[RealServer, ...]:
        _refuse_weights(value)
        found = tuple(one.address for one in _servers(value))
        if servers and not set(found) <= set(known):
            raise ValueError("must be some of servers")
        return tuple(known[address] for address in found if address in known)

    return read


def _refuse_weights(value: object) -> None:
    if any("weight" in row for row in texts(value)):
        raise ValueError("must have no weights: those of servers count, and a fallback is alone")


def _fallback(value: object) -> tuple[RealServer, ...]:
    _refuse_weights(value)
    found = tuple(_server(row) for row in texts(value))
    if len({server.family for server in found}) < len(found):
        raise ValueError("must be at most one server of each family")
    return found


def _server(row: str) -> RealServer:
    wanted = ValueError(
        'must be a list of addresses without ports, such as "192.0.2.11", "192.0.2.12 weight 2"'
    )
    found = _SERVER.fullmatch(row.strip())
    if not found:
        raise wanted
    weight = int(found["weight"] or 1)
    try:
        family, number = read_address(found["address"])
    except BadPrefix:
        raise wanted from None
    if not 0 < weight <= _MOST_WEIGHT:
        raise ValueError(f"must have weights from 1 to {_MOST_WEIGHT}")
    address = number_to_text(family, number)
    if family == 6 and "." in address:
        raise ValueError(f"must name IPv4 servers as such, not {address}")
    return RealServer(family, address, weight)


def _read_check(table: Table, spec: SetSpec) -> Check:
    usual = Check()
    ports = [service.port for service in spec.virtual]
    check = Check(
        kind=CheckKind(table.take("type", one_of(*CheckKind), "connect")),
        port=table.take("port", whole(1, 65_535), ports[0] if ports else usual.port),
        path=table.take("path", _matching(_PATH, "/alive"), usual.path),
        host=table.take("host", _matching(_HOST, "www.example.net"), usual.host),
        expect=table.take("expect", _matching(_EXPECT, "letters and digits such as OK"), ""),
        every=table.take("every", _seconds, usual.every),
        timeout=table.take("timeout", _seconds, usual.timeout),
    )
    if check.kind not in (CheckKind.HTTP, CheckKind.HTTPS):
        for key in ("path", "host", "expect"):
            if table.has(key):
                table.mistake(key, f'needs type = "http" or "https", and it is {check.kind}')
    table.close()
    return check


def _matching(pattern: re.Pattern[str], example: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        found = text(value) if value != "" else ""
        if not pattern.fullmatch(found):
            raise ValueError(f"must be like {example}")
        return found

    return read


def _persistence(value: object) -> timedelta:
    found = duration(value)
    if not 1 <= found.total_seconds() <= 31 * 86_400:
        raise ValueError("must be from 1s to 31d")
    return found


def _seconds(value: object) -> timedelta:
    found = duration(value)
    if not 1 <= found.total_seconds() <= 3600:
        raise ValueError("must be from 1s to 1h")
    return found
