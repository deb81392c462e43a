"""
The network inside the guest: clients, a router, the director and three real servers in LVS-DR.

    clients -- router -- bridge -- { director, rs1, rs2, rs3 }

Each is a network namespace, with a kernel of its own as far as addresses, the firewall and IPVS are
concerned. One namespace is all clients: whatever the router has no nearer way for is there, and
every address is its own, so that a socket can be bound to any source.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLIENTS, ROUTER, DIRECTOR = "clients", "router", "director"
# What answers, by its name and the last part of its addresses, 192.0.2.11 and 2001:db8::11.
REAL_SERVERS = {"rs1": 11, "rs2": 12, "rs3": 13}
_PLACES = {ROUTER: 1, DIRECTOR: 2, **REAL_SERVERS}
VIP = {4: "192.0.2.80", 6: "2001:db8::80"}
_CLONE_NEWNET = 0x4000_0000  # <sched.h>
_LIBC = ctypes.CDLL(None, use_errno=True)

# A machine on the bridge. Without duplicate address detection an address serves at once. rp_filter:
# a client's packet comes through the router, as the default route says, but nobody should wonder.
_SETTINGS = {
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv6.conf.all.disable_ipv6": 0,
    "net.ipv6.conf.all.accept_dad": 0,
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.default.accept_ra": 0,
}
_FORWARDING = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
# Any source may be bound to; for IPv4 that takes an option of the socket, see `traffic.ask`.
_ANY_ADDRESS = {"net.ipv6.ip_nonlocal_bind": 1}
# A real server has the VIP and keeps quiet about it.
_QUIET = {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2}


def build() -> None:
    """
    Make all namespaces, with both families; the director has no virtual service yet.
    """
    lines = ["link add bridge type bridge", "link set bridge up"]
    for name in (CLIENTS, *_PLACES):
        lines.append(f"netns add {name}")
    lines.append(
        f"link add wire netns {CLIENTS} type veth peer name wire netns {ROUTER}",
    )
    for name in _PLACES:
        lines += [
            f"link add lan netns {name} type veth peer name {name}",
            f"link set {name} master bridge up",
        ]
    _ip(lines)
    _build_clients()
    _build_router()
    for name in (DIRECTOR, *REAL_SERVERS):
        _build_machine(name)
    for name in REAL_SERVERS:
        set_sysctls(name, _QUIET)
    for name in (DIRECTOR, *REAL_SERVERS):
        # Of IPv6 Linux gives no answer for an address of lo, so nobody asks a real server for it.
        device = "lan" if name == DIRECTOR else "lo"
        # Not preferred, or the director's health checks would leave with the VIP as their source,
        # and the answers would stay where they are made.
        _ip(
            [
                f"address add {VIP[4]}/32 dev {device}",
                f"address add {VIP[6]}/128 dev {device} nodad preferred_lft 0",
            ],
            name,
        )


def address(name: str, family: int) -> str:
    """
    Return the address on the bridge of the machine *name*: of rs1 ``192.0.2.11``.
    """
    place = _PLACES[name]
    return f"192.0.2.{place}" if family == 4 else f"2001:db8::{place}"


def run_in(name: str, *argv: str, input: str | None = None, check: bool = True) -> str:  # noqa: A002
    """
    Run a command in the namespace *name* and return what it printed.
    """
    done = subprocess.run(
        ["ip", "netns", "exec", name, *argv],
        input=input,
        stdin=None if input is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if check and done.returncode:
        raise RuntimeError(
            f"{name}: {' '.join(argv)} exited with {done.returncode}: {done.stderr or done.stdout}"
        )
    return done.stdout


def set_sysctls(name: str, settings: dict[str, int]) -> None:
    """
    Write *settings* of the namespace *name*.
    """
    with inside(name):
        for key, value in settings.items():
            Path("/proc/sys", *key.split(".")).write_text(f"{value}\n", "ascii")


@contextmanager
def inside(name: str) -> Iterator[None]:
    """
    Let this thread be in the namespace *name* for the time of a block; its sockets stay there.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(name)
        try:
            yield
        finally:
            _setns(before)
    finally:
        os.close(before)


def enter(name: str) -> None:
    """
    Move this thread into the namespace *name*.
    """
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(descriptor)
    finally:
        os.close(descriptor)


def listen(name: str, port: int) -> socket.socket:
    """
    Listen on *port* in the namespace *name*, for both families.
    """
    with inside(name):
        return socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512
        )


def _build_clients() -> None:
    set_sysctls(CLIENTS, {**_SETTINGS, **_ANY_ADDRESS})
    _ip(
        [
            "link set lo up",
            "link set wire up",
            "address add 198.51.100.2/30 dev wire",
            "address add 2001:db8:1::2/64 dev wire nodad",
            "route add default via 198.51.100.1",
            "-6 route add default via 2001:db8:1::1",
            # Their own table, as in their main one everything goes to the router.
            "rule add iif wire lookup 100",
            "-6 rule add iif wire lookup 100",
            "route add local default dev lo table 100",
            "-6 route add local default dev lo table 100",
        ],
        CLIENTS,
    )


def _build_router() -> None:
    set_sysctls(ROUTER, {**_SETTINGS, **_FORWARDING})
    _ip(
        [
            "link set lo up",
            "link set wire up",
            "link set lan up",
            f"address add {address(ROUTER, 4)}/24 dev lan",
            f"address add {address(ROUTER, 6)}/64 dev lan nodad",
            "address add 198.51.100.1/30 dev wire",
            "address add 2001:db8:1::1/64 dev wire nodad",
            "route add default via 198.51.100.2",
            "-6 route add default via 2001:db8:1::2",
        ],
        ROUTER,
    )


def _build_machine(name: str) -> None:
    set_sysctls(name, _SETTINGS)
    _ip(
        [
            "link set lo up",
            "link set lan up",
            f"address add {address(name, 4)}/24 dev lan",
            f"address add {address(name, 6)}/64 dev lan nodad",
            f"route add default via {address(ROUTER, 4)}",
            f"-6 route add default via {address(ROUTER, 6)}",
        ],
        name,
    )


def _ip(lines: list[str], name: str | None = None) -> None:
    """
    Run lines of ip(8), in the namespace *name*, and stop at the first that fails.
    """
    where = ("-n", name) if name else ()
    families: dict[str, list[str]] = {"-4": [], "-6": []}
    for line in lines:
        families["-6" if line.startswith("-6 ") else "-4"].append(line.removeprefix("-6 "))
    for family, batch in families.items():
        # ip takes -6 for a whole batch only; "address add 2001:db8::1/64" says its own family.
        words = (family,) if family == "-6" else ()
        if batch:
            done = subprocess.run(
                ["ip", *where, *words, "-batch", "-"],
                input="\n".join(batch) + "\n",
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"ip, in {name or 'the guest'}: {done.stderr}\n{batch}")


def _setns(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
