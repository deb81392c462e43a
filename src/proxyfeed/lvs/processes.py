"""
Who else keeps the virtual services of this network namespace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KEEPERS = ("keepalived", "ldirectord")


@dataclass(frozen=True, slots=True)
class Daemon:
    name: str
    pid: int


def daemons(proc: Path = Path("/proc")) -> tuple[Daemon, ...]:
    """
    keepalived and ldirectord, the eldest process of each, where they run in the network namespace
    of the caller.

    A process whose namespace this user may not see is not one of them: only root changes IPVS.
    """
    found: dict[str, Daemon] = {}
    for one in sorted(_keepers(proc), key=lambda one: one.pid):
        found.setdefault(one.name, one)
    return tuple(found.values())


def _keepers(proc: Path) -> Iterator[Daemon]:
    try:
        here = (proc / "self/ns/net").readlink()
        folders = [path for path in proc.iterdir() if path.name.isdigit()]
    except OSError:
        return
    for folder in folders:
        try:
            name = (folder / "comm").read_text("ascii", "replace").strip()
            if name in KEEPERS and (folder / "ns/net").readlink() == here:
                yield Daemon(name, int(folder.name))
        except OSError:
            continue  # it has ended meanwhile, or is somebody else's
