"""
Network namespaces in which the tests use the real ipset, iptables and nft.

They work as root and as an ordinary user. Root makes network namespaces alone; another user makes
them inside one user namespace, where that user is root. The host's own firewall is never touched.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.kernel import holder

# Not the caller's own: an ordinary user's PATH lacks the directories where iptables lives.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# iptables-legacy locks this file, which every user may open and no two namespaces share; its own,
# /run/xtables.lock, is root's and the host's.
XTABLES_LOCK = "XTABLES_LOCKFILE=/proc/self/ns/net"

# The virtual services' addresses, by address family; see `Lab`.
VIP = {4: "192.0.2.80", 6: "2001:db8::80"}
WIRE = "wire"
CLIENT_MAC = "02:00:00:00:00:01"
DIRECTOR_MAC = "02:00:00:00:00:02"


class NamespaceError(Exception):
    """
    The kernel does not let this user make a network namespace.
    """


class Namespace:
    """
    One network namespace, held by a child process, with ``lo`` up.

    *argv* is the prefix that runs a command inside, as in
    ``("/usr/bin/nsenter", "--target", "4711", "--net", "env", "XTABLES_LOCKFILE=...")``. For veth
    pairs between them, several namespaces must share a user namespace: make the second one *beside*
    the first.

    Raises:
        NamespaceError: with the words of ``unshare``.
    """

    def __init__(self, beside: Namespace | None = None) -> None:
        self._cleanup = ExitStack()
        try:
            self._start(beside)
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def _start(self, beside: Namespace | None) -> None:
        self._door, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._cleanup.enter_context(self._door)
        with inside:
            self._holder = subprocess.Popen(
                [*_unshare(beside), sys.executable, "-I", "-S", holder.__file__],
                stdin=inside.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        self._cleanup.enter_context(self._holder)
        self._cleanup.callback(self._holder.kill)
        if self._door.recv(len(holder.READY)) != holder.READY:
            said = self._holder.communicate()[1].strip()
            raise NamespaceError(f"no network namespace can be made: {said}")
        self.argv = (*_nsenter(self.pid, "--net"), "env", XTABLES_LOCK)

    @property
    def pid(self) -> int:
        """
        The process that holds the namespace; ``ip link ... netns PID`` takes it.
        """
        return self._holder.pid

    def run(
        self,
        *argv: str,
        input: str | None = None,  # noqa: A002 (as in subprocess.run)
        check: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """
        Run a command inside; *env* is added to the environment, whose PATH is `SYSTEM_PATH`.

        Raises:
            subprocess.CalledProcessError: on failure, with a note of what the command said.
        """
        done = subprocess.run(
            [*self.argv, *argv],
            input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "PATH": SYSTEM_PATH, **(env or {})},
        )
        if check and done.returncode:
            failure = subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
            failure.add_note(done.stderr or done.stdout)
            raise failure
        return done

    def open_socket(
        self, family: int, kind: int, protocol: int = 0, *, option: int = 0
    ) -> socket.socket:
        """
        Open a socket inside that this process uses: a packet socket, or one for a server to listen.

        *option* of SOL_SOCKET is switched on where the rights for it are, which is inside.
        """
        self._door.send(holder.REQUEST.pack(family, kind, protocol, option))
        message, descriptors, _, _ = socket.recv_fds(self._door, holder.ANSWER.size, 1)
        (error,) = holder.ANSWER.unpack(message)
        if error:
            raise OSError(error, os.strerror(error))
        return socket.socket(fileno=descriptors[0])

    def close(self) -> None:
        """
        End the holder; the kernel removes the namespace with the last process and socket in it.
        """
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Lab:
    """
    Two namespaces, *client* and *director*, joined by a veth pair that is called `WIRE` in both.

    The director has the addresses of `VIP`, and takes packets from any source: no reverse path
    filter, and no wait for duplicate address detection. The client sends whole frames to
    `DIRECTOR_MAC`, so that it needs neither addresses nor routes.
    """

    def __init__(self) -> None:
        self._cleanup = ExitStack()
        try:
            self.client = self._cleanup.enter_context(Namespace())
            self.director = self._cleanup.enter_context(Namespace(beside=self.client))
            self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        self.client.run(
            *f"ip link add name {WIRE} address {CLIENT_MAC} type veth".split(),
            *f"peer name {WIRE} address {DIRECTOR_MAC} netns {self.director.pid}".split(),
        )
        self.client.run("ip", "link", "set", WIRE, "up")
        interfaces = ("all", "default", WIRE)
        switched_off = [
            *(f"/proc/sys/net/ipv4/conf/{name}/rp_filter" for name in interfaces),
            *(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6" for name in interfaces),
            *(f"/proc/sys/net/ipv6/conf/{name}/accept_dad" for name in interfaces),
        ]
        self.director.run("tee", *switched_off, input="0\n")
        self.director.run(
            *("ip", "-batch", "-"),
            input=f"link set {WIRE} up\n"
            f"address add {VIP[4]}/32 dev {WIRE}\n"
            f"address add {VIP[6]}/128 dev {WIRE} nodad\n",
        )

    def close(self) -> None:
        """
        End both namespaces; the veth pair goes with them.
        """
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _unshare(beside: Namespace | None) -> tuple[str, ...]:
    unshare = _find("unshare")
    if os.geteuid() == 0:
        return (unshare, "--net")
    if beside is None:
        return (unshare, "--user", "--map-root-user", "--net")
    return (*_nsenter(beside.pid), unshare, "--net")


def _nsenter(pid: int, *kinds: str) -> tuple[str, ...]:
    # An ordinary user enters the user namespace too, and is root in it with the own credentials.
    user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    return (_find("nsenter"), "--target", str(pid), *user, *kinds)


def _find(program: str) -> str:
    found = shutil.which(program, path=SYSTEM_PATH)
    if found is None:
        raise NamespaceError(f"{program} is in none of {SYSTEM_PATH}")
    return found
