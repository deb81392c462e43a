"""
Packets from any source address to the director, and what mark each of them had there.

A set of sources is tried with `marks`; a change of the set under load is watched with `Flood`.
"""

from __future__ import annotations

import ipaddress
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from tests.kernel import sender
from tests.kernel.frames import PROTOCOL_NUMBERS, Protocol, build_frame
from tests.kernel.namespaces import VIP, WIRE, Lab
from tests.kernel.parts import SO_RCVMARK

SO_MARK = 36  # <asm-generic/socket.h>; the type of the control message that carries the mark
# Source ports; by its own the flood is told from all else that goes to the same port.
MARKS_PORT = 40_000
FLOOD_PORT = 9
# Packets on their way at once: a default receive buffer of 208 KiB holds about 270.
WINDOW = 100
# Seconds that a window has to arrive in before what is missing is sent again; and that all have.
ROUND_TRIP = 0.5
PATIENCE = 20.0


def marks(
    lab: Lab, sources: Sequence[str], port: int = 80, protocol: Protocol = "udp"
) -> dict[str, int]:
    """
    Send one packet from each of *sources* to the VIP of its family and return the mark of each.

    The mark is what a socket of the director sees, so after every rule of PREROUTING and INPUT.
    A packet of *protocol* tcp is a SYN. What gets lost is sent again.

    Raises:
        AssertionError: naming the sources whose packets never arrive.
    """
    # Nothing that an earlier call has sent can be taken for a packet of this one.
    token = os.urandom(8)
    frames = {
        ipaddress.ip_address(source).compressed: build_frame(
            source, port, protocol=protocol, source_port=MARKS_PORT, payload=token
        )
        for source in sources
    }
    seen: dict[str, int] = {}
    deadline = time.monotonic() + PATIENCE
    with ExitStack() as stack:
        receivers = [stack.enter_context(_receiver(lab, family, protocol)) for family in VIP]
        wire = stack.enter_context(open_wire(lab))
        while missing := [source for source in frames if source not in seen]:
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"in {PATIENCE:.0f} s no {protocol} packet to port {port} arrived from "
                    f"{len(missing)} of {len(frames)} sources: {', '.join(missing[:10])}"
                )
            window = missing[:WINDOW]
            for source in window:
                wire.send(frames[source])
            for source, mark in _arriving(receivers, token):
                seen[source] = mark
                if all(each in seen for each in window):
                    break
    return {source: seen[ipaddress.ip_address(source).compressed] for source in sources}


@contextmanager
def open_wire(lab: Lab) -> Iterator[socket.socket]:
    """
    Open a packet socket on the client's end of the wire, which sends and never receives.
    """
    with lab.client.open_socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((WIRE, 0))
        yield wire


def _receiver(lab: Lab, family: int, protocol: Protocol) -> socket.socket:
    # Raw, so that no port has to be free and that a SYN is seen as well as a datagram.
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    number = PROTOCOL_NUMBERS[protocol]
    return lab.director.open_socket(kind, socket.SOCK_RAW, number, option=SO_RCVMARK)


def _arriving(receivers: Sequence[socket.socket], token: bytes) -> Iterator[tuple[str, int]]:
    """
    Yield source and mark of each packet that ends with *token*, for as long as `ROUND_TRIP`.
    """
    deadline = time.monotonic() + ROUND_TRIP
    while ready := select.select(receivers, [], [], max(0, deadline - time.monotonic()))[0]:
        for receiver in ready:
            content, control, _, peer = receiver.recvmsg(2048, socket.CMSG_SPACE(4))
            if content.endswith(token):
                found = {(level, kind): data for level, kind, data in control}
                mark = int.from_bytes(found[socket.SOL_SOCKET, SO_MARK], sys.byteorder)
                yield ipaddress.ip_address(peer[0]).compressed, mark


_COUNTERS = """
table inet {table} {{
    counter marked {{ }}
    counter unmarked {{ }}
    chain input {{
        type filter hook input priority 0;
        meta l4proto {protocol} th sport {sport} th dport {port} meta mark {mark} \
counter name marked drop
        meta l4proto {protocol} th sport {sport} th dport {port} counter name unmarked drop
    }}
}}
"""


class Flood:
    """
    Packets from all of *sources* in turn, as many as one process can send, while a block lasts.

    After the block *sent* is how many there were, *marked* how many had exactly *mark* when they
    reached the director's INPUT, and *unmarked* how many had not. They are counted by an nft table
    of the flood's own, which also drops them; `marks` works at the same time, on the same port.

    Raises:
        AssertionError: at the end, when not every packet that was sent was counted.
    """

    def __init__(
        self,
        lab: Lab,
        sources: Sequence[str],
        *,
        port: int = 80,
        protocol: Protocol = "udp",
        mark: int = 1,
    ) -> None:
        self.sent = self.marked = self.unmarked = 0
        self._lab = lab
        self._frames = [
            build_frame(source, port, protocol=protocol, source_port=FLOOD_PORT)
            for source in sources
        ]
        self._table = f"flood_{protocol}_{port}"
        self._counters = _COUNTERS.format(
            table=self._table, protocol=protocol, sport=FLOOD_PORT, port=port, mark=mark
        )

    def __enter__(self) -> Self:
        self._lab.director.run("nft", "-f", "-", input=self._counters)
        with open_wire(self._lab) as wire:
            self._sender = subprocess.Popen(
                [sys.executable, "-I", "-S", sender.__file__, str(wire.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[wire.fileno()],
            )
        with ExitStack() as on_failure:
            on_failure.callback(self._stop)
            assert self._sender.stdin
            assert self._sender.stdout
            print(*(frame.hex() for frame in self._frames), file=self._sender.stdin, flush=True)
            assert self._sender.stdout.readline(), "the flood cannot begin: its sender failed"
            on_failure.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        said = self._stop()
        try:
            # A failure of the block itself is not hidden behind one of the count.
            if exc_type is None:
                assert self._sender.returncode == 0, "the flood's sender has failed"
                self.sent = int(said)
                self._drain()
        finally:
            self._lab.director.run("nft", "delete", "table", "inet", self._table)

    def _stop(self) -> str:
        """
        Close the sender's standard input, which ends it, and return what it printed last.
        """
        said, _ = self._sender.communicate()
        return said

    def _drain(self) -> None:
        """
        Read the counters until they hold every packet that was sent.
        """
        deadline = time.monotonic() + PATIENCE
        while self.marked + self.unmarked < self.sent and time.monotonic() < deadline:
            listed = self._lab.director.run(
                *("nft", "-j", "list", "counters", "table", "inet", self._table)
            )
            objects = json.loads(listed.stdout)["nftables"]
            counted = {
                each["counter"]["name"]: each["counter"]["packets"]
                for each in objects
                if "counter" in each
            }
            self.marked, self.unmarked = counted["marked"], counted["unmarked"]
        assert self.marked + self.unmarked == self.sent, (
            f"{self.sent} packets were sent, {self.marked} marked and {self.unmarked} unmarked"
            " ones were counted: the wire is not lossless, and no conclusion can be drawn"
        )
