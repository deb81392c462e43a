"""
The words of ``ipvsadm`` for one service and one server, as ``--save --numeric`` prints them. Pure.
"""

from __future__ import annotations

from proxyfeed.model import Forwarding, FwmarkService, OrdinaryService
from proxyfeed.notation import BITS, Host, read_address

FLAGS = {Forwarding.DIRECT: "-g", Forwarding.TUNNEL: "-i", Forwarding.MASQUERADE: "-m"}
_PROTOCOLS = {"tcp": "-t", "udp": "-u"}
Service = FwmarkService | OrdinaryService


def identity(service: Service) -> str:
    """
    What names a service: ``-f 1``, ``-f 1 -6``, ``-t 192.0.2.80:80``.
    """
    if isinstance(service, FwmarkService):
        # -6 is taken behind the mark, not before it.
        return f"-f {service.mark}{' -6' if service.family == 6 else ''}"
    place = endpoint(service.family, service.address, service.port)
    return f"{_PROTOCOLS[service.protocol]} {place}"


def service_line(verb: str, service: Service) -> str:
    """
    ``-A -f 1 -s wlc -p 3600 -M 0.0.0.0``; the longest mask is its default, which it does not print.
    """
    line = f"{verb} {identity(service)} -s {service.scheduler} -p {service.persistence}"
    if isinstance(service, FwmarkService) and service.granularity != BITS[service.family]:
        line += f" -M {netmask(service.family, service.granularity)}"
    return line


def server_line(verb: str, service: Service, place: str, weight: int) -> str:
    """
    ``-a -f 1 -r 192.0.2.11:0 -g -w 1``.
    """
    return f"{verb} {identity(service)} -r {place} {FLAGS[service.forwarding]} -w {weight}"


def netmask(family: int, length: int) -> str:
    """
    A prefix length as IPVS tools take it: a dotted quad for IPv4, a number for IPv6.
    """
    if family == 6:
        return str(length)
    mask = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
    return ".".join(str(mask >> shift & 0xFF) for shift in (24, 16, 8, 0))


def endpoint(family: int, address: str, port: int) -> str:
    """
    ``192.0.2.80:80``, ``[2001:db8::80]:80``.
    """
    return f"[{address}]:{port}" if family == 6 else f"{address}:{port}"


def read_endpoint(text: str) -> tuple[Host, int]:
    """
    Read what `endpoint` writes.

    Raises:
        ValueError, BadPrefix: it is no such text.
    """
    address, _, port = text.rpartition(":")
    is_bracketed = address.startswith("[") and address.endswith("]")
    host = read_address(address[1:-1] if is_bracketed else address)
    if is_bracketed != (host[0] == 6):
        raise ValueError(text)
    return host, int(port)
