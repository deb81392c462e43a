"""
What a child without rights can still do: functions that take the place of a fetch or of a reader.

A script too, so that all of it can be tried in a namespace of its own, under another user or with
fewer capabilities: ``probing.py fetch_as PATH ...`` prints what a fetcher could do to each *PATH*.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from proxyfeed.errors import ProxyfeedError, ReadError
from proxyfeed.model import Attempt, Body, Feed, FetchLimits, FetchOutcome, Listing, Validators
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.apart import Apart, Identity
from proxyfeed.sources.apart.kernel import Standing

GET_DUMPABLE = 3  # <linux/prctl.h>
URL = "http://lists.example.net/"
LISTING = Listing(PrefixSet.parse(["192.0.2.0/24"]), rows=1)


def said(detail: object) -> tuple[Attempt, ...]:
    """
    An attempt that tells *detail*, as JSON.
    """
    return (Attempt(URL, FetchOutcome.UNREACHABLE, None, 0, 0.0, json.dumps(detail)),)


def try_each(attempts: dict[str, Callable[[], object]]) -> dict[str, str]:
    """
    "could", or the name of the error, for each.
    """
    results = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError as exc:
            results[name] = errno.errorcode[exc.errno or 0]
        except ValueError as exc:
            results[name] = str(exc)
        else:
            results[name] = "could"
    return results


def write(path: str) -> None:
    """
    Leave something at *path*; an empty file is nothing.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"something")


def create_set() -> str:
    argv = ["ipset", "create", "probe", "hash:net"]
    path = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
    done = subprocess.run(argv, env=path, capture_output=True, text=True, check=False)
    return done.stderr.strip() or "could"


def standing() -> dict[str, object]:
    now = Standing.now()
    return {
        "users": sorted(now.uids | now.gids | now.groups),
        "capabilities": sorted(set(now.capabilities.values())),
        "may gain more": not now.has_no_new_privileges,
        "leads its session": os.getsid(0) == os.getpid(),
        "memory can be read": bool(ctypes.CDLL(None).prctl(GET_DUMPABLE)),
        "may leave a core": resource.getrlimit(resource.RLIMIT_CORE) != (0, 0),
    }


def descriptors() -> list[str]:
    """
    What every descriptor leads to, but for the one that is used for looking.
    """
    found = []
    for link in list(Path("/proc/self/fd").iterdir()):
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()).split(":")[0])
    return sorted(found)


def explore(paths: list[str]) -> dict[str, object]:
    parent = os.getppid()
    return {
        "standing": standing(),
        "descriptors": descriptors(),
        "read": try_each({path: lambda path=path: os.open(path, os.O_RDONLY) for path in paths}),
        "write": try_each({path: lambda path=path: write(path) for path in paths}),
        "ipset": create_set(),
        "others": try_each(
            {
                "become root": lambda: os.setresuid(0, 0, 0),
                "be in root's group": lambda: os.setresgid(0, 0, 0),
                "end the parent": lambda: os.kill(parent, 0),
                "read the parent": lambda: os.open(f"/proc/{parent}/mem", os.O_RDONLY),
                "use the terminal": lambda: os.open("/dev/tty", os.O_RDWR),
            }
        ),
    }


def explore_as_reader(_feed: Feed, _body: Body) -> Listing:
    """
    Tell by a `ReadError` what a reader can do.
    """
    results = try_each(
        {
            "open a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
            "open a connection": socket.socket,
            "start a process": lambda: os.fork() or os._exit(0),
        }
    )
    raise ReadError(json.dumps(results))


def call_home(port: int) -> Callable[..., tuple[Attempt, ...]]:
    """
    A fetch that connects to *port*, and then waits for ever: the connection ends when it does.
    """

    def fetch(_url: str, _limits: FetchLimits, _known: Validators | None) -> tuple[Attempt, ...]:
        with socket.create_connection(("127.0.0.1", port)) as home:
            home.sendall(b"%d\n" % os.getpid())
            home.recv(1)
        return said("was not ended")

    return fetch


def identity_of(name: str) -> Identity | None:
    return Identity.of(name) if os.geteuid() == 0 else None


def main(fetch_as: str, paths: list[str]) -> None:
    child = Apart(identity_of(fetch_as), fetching=lambda *_: said(explore(paths)))
    try:
        print(child.fetch(URL, FetchLimits())[0].detail)
    except ProxyfeedError as exc:
        print(json.dumps([type(exc).__name__, exc.message, exc.hint]))


if __name__ == "__main__":
    if sys.argv[1] == "--call-home":
        fetching = call_home(int(sys.argv[2]))
        Apart(identity_of("nobody"), fetching=fetching).fetch(URL, FetchLimits())
    else:
        main(sys.argv[1], sys.argv[2:])
