"""
The bytes of one packet from any source address to the director.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Mapping
from typing import Literal

from tests.kernel.namespaces import CLIENT_MAC, DIRECTOR_MAC, VIP

Protocol = Literal["udp", "tcp"]

PROTOCOL_NUMBERS: Mapping[Protocol, int] = {"udp": socket.IPPROTO_UDP, "tcp": socket.IPPROTO_TCP}


def build_frame(
    source: str, port: int, *, protocol: Protocol, source_port: int, payload: bytes = b""
) -> bytes:
    """
    Build the Ethernet frame of one packet from *source* to the director's VIP and *port*.
    """
    family = ipaddress.ip_address(source).version
    addresses = b"".join(ipaddress.ip_address(each).packed for each in (source, VIP[family]))
    number = PROTOCOL_NUMBERS[protocol]
    segment = _build_segment(protocol, source_port, port, payload, addresses)
    if family == 4:
        ethertype = 0x0800
        start = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(segment), 0, 0, 64, number)
        header = start + _checksum(start + addresses).to_bytes(2, "big") + addresses
    else:
        ethertype = 0x86DD
        header = struct.pack("!IHBB", 6 << 28, len(segment), number, 64) + addresses
    macs = b"".join(bytes.fromhex(mac.replace(":", "")) for mac in (DIRECTOR_MAC, CLIENT_MAC))
    return macs + ethertype.to_bytes(2, "big") + header + segment


def _build_segment(
    protocol: Protocol, source_port: int, port: int, payload: bytes, addresses: bytes
) -> bytes:
    ports = struct.pack("!HH", source_port, port)
    if protocol == "udp":
        before, after = ports + struct.pack("!H", 8 + len(payload)), payload
    else:
        # sequence and acknowledgement 0; five words of header, SYN, window; no urgent data
        before, after = ports + struct.pack("!IIBBH", 0, 0, 5 << 4, 0x02, 1024), b"\0\0" + payload
    length = len(before) + 2 + len(after)
    # Both families' pseudo-headers have the same sum: addresses, length, protocol.
    pseudo = addresses + struct.pack("!II", length, PROTOCOL_NUMBERS[protocol])
    # In UDP a checksum of 0 would say that there is none.
    checksum = _checksum(pseudo + before + after) or 0xFFFF
    return before + checksum.to_bytes(2, "big") + after


def _checksum(content: bytes) -> int:
    """
    The Internet checksum (RFC 1071) of *content*, without its field; of an even length.
    """
    total: int = sum(struct.unpack(f"!{len(content) // 2}H", content))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
