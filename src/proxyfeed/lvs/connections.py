"""
The kernel's table of connections, as ``ipvsadm -Lnc`` prints it. Pure.

::

    IPVS connection entries
    pro expire state       source             virtual            destination
    TCP 14:59  ESTABLISHED 198.51.100.4:36715 192.0.2.80:80      10.0.0.12:80
    TCP 14:59  ESTABLISHED [2a09:bac0::2]:48939 [2001:db8::80]:80  [fd00::12]:80
    TCP 09:59  ASSURED     198.51.100.4:0     192.0.2.80:80      10.0.0.12:80
    IP  09:59  ASSURED     152.163.189.3:0    0.0.1.44:0         10.0.0.12:0
    IP  59:59  ASSURED     0.0.0.0:0          0.0.0.1:0          10.0.0.12:0
    IP  09:59  ASSURED     [2a09:bac0::2]:0   [0:12c::]:0        [fd00::12]:0

The last four are persistence templates, by their port 0. Those of a mark have the protocol IP and
the mark for a virtual address, in IPv6 in its first 32 bits: 0.0.1.44 and 0:12c:: are mark 300.
What the mask of the service hides of a client is 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.errors import BadPrefix, CommandFailed
from proxyfeed.lvs.lines import read_endpoint
from proxyfeed.model import Connection

_OF_A_MARK = "IP"
_HEAD = ("IPVS", "pro")
_FIELDS = 6


def read_connections(text: str) -> Iterator[Connection]:
    """
    Raises:
        CommandFailed: a line cannot be understood. To leave it out would be to count too few.
    """
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] in _HEAD:
            continue
        try:
            protocol, _, _, source, virtual, destination = words[:_FIELDS]
            client, port = read_endpoint(source)
            service, service_port = read_endpoint(virtual)
            server, _, _ = destination.rpartition(":")
        except (ValueError, BadPrefix) as exc:
            raise CommandFailed(
                f"ipvsadm -Lnc says what cannot be understood: {line[:120]!r}", hint="ipvsadm -Lnc"
            ) from exc
        family, number = service
        mark = (number >> 96 if family == 6 else number) if protocol == _OF_A_MARK else 0
        yield Connection(
            protocol.lower(), client, port, service, service_port, server.strip("[]"), mark
        )
